//! Sign-out that an application asks for (OpenID Connect RP-Initiated Logout 1.0): what a request for it allows. The pages
//! end the session.

mod service;

pub use service::{EndSession, EndSessionError, LogoutRequest, Situation};
