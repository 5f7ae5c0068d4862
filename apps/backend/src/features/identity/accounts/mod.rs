//! Accounts: an email address, a password hash, a name and metadata, scopes, and whether the account is disabled.
//! Signing up is a use case of `auth`, because it may end sessions; a pending sign-up is a registration, in
//! `email_challenges`.
//! [`may_sign_in`] is checked by every entry point before an account gets or keeps a session.
//! Actions that end sessions (changing a password, disabling, deleting) are implemented in `auth`, with the statements of
//! this feature. Its tables are `accounts` and `account_scopes`.

mod router;
mod schemas;
mod service;
mod store;

pub(crate) use store::{join_account, joined_account, session_epoch_of};

pub use router::router;
pub use schemas::{UserBody, new_profile};
pub use service::{AccountError, Accounts, NewAccount, ProfileError, Profiles, may_sign_in};
pub use store::{
    Account, AccountVersions, JoinedAccount, State, StoredCredentials, change_email, change_password, count_failure,
    credentials_by_email, credentials_by_id, delete, find, find_by_email, grant, is_empty, list, lock_unless_full,
    raise_epochs, raise_session_epoch, scopes, set_disabled, set_profile, set_verified, sign_in, state, state_by_email,
    ungrant,
};
