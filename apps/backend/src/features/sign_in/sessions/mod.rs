//! Sessions, the rotation of their refresh tokens, and the detection of reuse. Grants of the OpenID provider's clients are
//! sessions too, with a client other than the first party.
//! A session is one row, with hashes of its refresh tokens: a rotation rewrites it by one statement. Spending a token twice
//! revokes the session. A revocation is a flag on the row, or the epoch of its account, which that statement checks in its
//! `WHERE`.
//! Its table is `sessions`; only `auth` opens sessions, and only `authorization` and `device_authorization` open grants.

mod authority;
mod refresh_token;
mod router;
mod schemas;
mod service;
mod store;
mod sweeper;

pub(crate) use store::{is_active, join_session, joined_session};

pub use authority::{AcceptedClients, ServerAuthority};
pub use refresh_token::{GrantToken, RefreshToken};
pub use router::router;
pub use schemas::{GrantBody, RefreshBody, SessionBody, TokenBody};
#[cfg(feature = "testing")]
pub use service::Acr;
pub use service::{
    AccessToken, LogoutNotice, NewGrant, NewSession, Redeemer, RefreshError, Sessions, Tokens, acr, end_all,
    end_everything, end_grant, end_grants, find_active, grants_of, held_scopes, lock_active, opened_in, renew, saw,
};
pub use store::Session;
