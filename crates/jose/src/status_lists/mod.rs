//! Token Status Lists (draft-ietf-oauth-status-list-18): one bit for each token that can be taken back, published as a
//! signed and compressed array.
//! Which place is whose, and where lists are published, is the caller's business.

mod claims;
mod error;
mod list;
mod zlib;

pub use claims::{StatusListClaims, StatusListExpectation};
pub use error::StatusListError;
pub use list::{MAX_STATUS_LIST_BYTES, StatusList};

/// The longest status list that is signed or read, in bytes of its compact form.
pub const MAX_STATUS_LIST_LENGTH: usize = 4 << 20;
