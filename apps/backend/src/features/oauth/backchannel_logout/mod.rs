//! Tells clients that a user has signed out (OpenID Connect Back-Channel Logout 1.0).
//!
//! A notice is queued in the transaction that ends the grant, so none is lost and none is sent for a sign-out that did not
//! happen. A sender delivers it afterwards; no sign-out waits for a client. Its table is `logout_notices`.

mod ended_grant;
mod service;
mod store;

pub use ended_grant::EndedGrant;
pub use service::{BackchannelLogout, failed_notices, queue};
