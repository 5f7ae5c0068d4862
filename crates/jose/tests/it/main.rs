//! The tests of `countersign-jose`'s public API.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and forges with chance of its own"
)]

mod differential;
#[path = "../common/forged.rs"]
mod forged;
mod house_style;
mod keys;
mod openssl;
mod openssl_rsa;
mod properties;
mod refusals;
mod rfc_7515;
mod rsa;
mod sample;
mod status_lists;
mod wycheproof;
