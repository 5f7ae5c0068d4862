//! Access for devices without a browser or a keyboard (RFC 8628). A device asks for a pair of codes; its user enters one of
//! them on the page `/device` of any browser and decides, and the device polls the token endpoint with the other.
//!
//! A code belongs to the first account and browser that enter it. Consent is always asked: only the user can tell whether
//! the device is theirs. Its table is `device_codes`.

mod router;
mod schemas;
mod secret;
mod service;
mod store;

pub use router::router;
pub use service::{
    Browser, ClaimError, Claimed, DecideError, Decision, DeviceAuthorization, DeviceError, DeviceRequest, Entered,
    Outcome, void_all,
};
