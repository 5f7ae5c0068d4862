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
pub use service::{NewSession, Sessions, Tokens, end_all, end_everything, find_living, lock_living};
pub use store::Session;
