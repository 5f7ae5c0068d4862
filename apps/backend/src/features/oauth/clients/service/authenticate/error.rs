//! Why a request is not known to come from a client.

use std::borrow::Cow;

use countersign_store::StoreError;

use crate::core::limits::Exceeded;

/// Why a request is not known to come from a client.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthError {
    /// The request is malformed, or has more than one authentication (RFC 6749 §2.3): `invalid_request`.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// The client is unknown, disabled, or not authenticated: `invalid_client`.
    #[error("client authentication failed")]
    Refused,
    /// Too many failures from this network.
    #[error(transparent)]
    Limited(Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
