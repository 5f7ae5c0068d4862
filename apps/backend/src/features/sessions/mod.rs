//! Sessions: families of refresh tokens, their rotation, and the detection of reuse.
//! A refresh token is spent once; spending it twice revokes its whole family. Revocation is a flag on the session's
//! row (or the epoch of its account's), which every statement that spends asks in its own `WHERE`.
//! `sessions` and `refresh_tokens` are its tables; only `auth` opens sessions.

mod authority;
mod refresh_secret;
mod router;
mod schemas;
mod service;
mod store;
mod sweeper;

pub use authority::ServerAuthority;
pub use refresh_secret::RefreshSecret;
pub use router::router;
pub use schemas::{RefreshBody, SessionBody, TokenBody};
pub use service::{
    FIRST_PARTY_CLIENT, Opening, RefreshError, Tokens, adopt, claims, end_all, end_everything, find_living, issue,
    list, lock_living, open, revoke, revoke_by_refresh_token, rotate, signed_in_lately,
};
pub use store::Session;
pub use sweeper::{sweep_forever, sweep_once};
