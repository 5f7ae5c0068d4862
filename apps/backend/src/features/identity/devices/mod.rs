//! Devices from which an account has signed in. A browser is recognized by a cookie set at a sign-in, any other client by its
//! network and `User-Agent` together. A known device does not authenticate: it suppresses notices, and can still sign in
//! while others fail at the account elsewhere.
//! Its table is `known_devices`.

mod service;
mod store;

pub use service::{LIFETIME, is_known, remember};
pub use store::{KnownDevice, forget_all, forget_everybody, list, remove_ended};
