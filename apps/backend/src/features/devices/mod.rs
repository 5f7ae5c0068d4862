//! Devices that an account signed in from. A browser is recognised by a cookie that it was given at a sign-in; any other
//! client by its network and what it says it is, both together. A known device signs nobody in: it spares the owner a
//! notice, and keeps its way in when strangers fail at the account elsewhere.
//! `known_devices` is its table.

mod service;
mod store;

pub use service::{LIFETIME, is_known, remember};
pub use store::{KnownDevice, forget_all, forget_everybody, list, remove_ended};
