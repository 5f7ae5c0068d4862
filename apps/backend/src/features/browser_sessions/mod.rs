//! Sessions of browsers: a cookie, instead of tokens, stands for the session.
//! The table `browser_sessions` maps cookies to sessions.

mod secret;
mod service;
mod store;

pub use service::{BrowserSessions, Found, SignedIn};
