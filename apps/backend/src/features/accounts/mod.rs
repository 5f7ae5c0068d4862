//! Accounts: who can sign in. An e-mail address, a password hash, scopes, and whether it is disabled.
//! Signing up is a use case of `auth`, because it may end sessions; a sign-up that waits for its email is a registration, of
//! `email_challenges`.
//! [`may_sign_in`] is the one question that every door asks before an account gets or keeps a session.
//! What ends sessions (changing a password, disabling, deleting) is decided in `auth`, above; this feature offers
//! it the statements. `accounts` and `account_scopes` are its tables.

mod router;
mod schemas;
mod service;
mod store;

pub(crate) use store::session_epoch_of;

pub use router::router;
pub use schemas::UserBody;
pub use service::{AccountError, Accounts, NewAccount, Profiles, may_sign_in};
pub use store::{
    Account, AccountVersions, State, StoredCredentials, change_email, change_password, count_failure,
    credentials_by_email, credentials_by_id, delete, find, find_by_email, grant, is_empty, list, raise_epochs,
    raise_session_epoch, scopes, set_disabled, set_verified, sign_in, state, state_by_email, ungrant,
};
