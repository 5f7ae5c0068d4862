//! Sessions, the rotation of their refresh tokens, and the detection of reuse.
//! A session is one row, with hashes of its refresh tokens: a rotation rewrites it by one statement. Spending a token twice
//! revokes the session. A revocation is a flag on the row, or the epoch of its account, which that statement checks in its
//! `WHERE`.
//! Its table is `sessions`; only `auth` opens sessions.

mod authority;
mod refresh_token;
mod router;
mod schemas;
mod service;
mod store;
mod sweeper;

pub use authority::ServerAuthority;
pub use refresh_token::RefreshToken;
pub use router::router;
pub use schemas::{RefreshBody, SessionBody, TokenBody};
pub use service::{AccessToken, NewSession, Sessions, Tokens, end_all, end_everything, find_living, lock_living, saw};
pub use store::Session;
