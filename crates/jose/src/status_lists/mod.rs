//! Token Status Lists (draft-ietf-oauth-status-list-18): one bit for each revocable token, published as a signed and
//! compressed array.
//!
//! The caller assigns indexes and publishes lists.

mod claims;
mod error;
mod list;
mod zlib;

pub use claims::{StatusListClaims, StatusListExpectation};
pub use error::StatusListError;
pub use list::{MAX_STATUS_LIST_BYTES, StatusList};

/// The maximum length of a status list in compact form, in bytes.
pub const MAX_STATUS_LIST_LENGTH: usize = 4 << 20;
