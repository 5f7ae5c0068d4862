//! Sessions of browsers: an HttpOnly cookie, instead of a refresh token, stands for the session.
//! Its table `browser_sessions` maps cookies to sessions.
//!
//! - [`BrowserSessions`] finds the session of a cookie, and issues cookies and the short access tokens of such sessions.
//! - [`Browser`] is the only way from the API to the cookie: it is extracted from requests of our own pages alone.

mod browser;
mod router;
mod schemas;
mod secret;
mod service;
mod store;

pub use browser::{Browser, DEVICE, device_of};
pub use router::router;
pub use schemas::{BrowserTokenBody, SessionKind, SignedInBody};
pub use service::{BrowserSessions, BrowserTokens, Found, SignedIn};
