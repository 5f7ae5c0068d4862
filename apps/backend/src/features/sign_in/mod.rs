//! Signing in and out: sessions, their cookies and their revocation.

pub mod auth;
pub mod browser_sessions;
pub mod forward;
pub mod revocation;
pub mod sessions;
