//! What users have allowed clients: the scopes per audience. A consent outlives sessions and grants, until the user withdraws
//! it, or the account or the client is deleted. Withdrawing is a use case of `auth`, because it ends grants.
//! Its table is `consents`.

mod store;

pub use store::{Consent, find, give, of_account, withdraw, withdraw_all};
