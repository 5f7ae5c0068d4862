//! Why a request at the token, revocation or introspection endpoint failed.

use countersign_oauth::{Doubled, ErrorCode, OauthError};
use countersign_store::StoreError;

use crate::core::limits::Exceeded;
use crate::features::oauth::authorization::{RedeemError, TargetError};
use crate::features::oauth::clients::ClientAuthError;
use crate::features::oauth::device_authorization::DeviceError;
use crate::features::operations::keys::IssueError;
use crate::features::sign_in::sessions::RefreshError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A required parameter is missing.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter is sent more than once.
    #[error("a parameter was sent more than once")]
    Doubled,
    /// The client failed to authenticate.
    #[error(transparent)]
    Client(#[from] ClientAuthError),
    /// The grant type is not supported.
    #[error("the grant type is not supported")]
    UnsupportedGrantType,
    /// The client may not use this grant type or endpoint; the text says what its registration lacks.
    #[error("{0}")]
    UnauthorizedClient(&'static str),
    /// The code or refresh token is not valid for this client. Clients are not told why.
    #[error("the code or refresh token is not valid")]
    InvalidGrant,
    /// The authorization code is not valid for this request; the text says why.
    #[error("{0}")]
    InvalidCode(&'static str),
    /// The scope is not valid; the text says why.
    #[error("{0}")]
    InvalidScope(&'static str),
    /// The resource is not valid; the text says why.
    #[error("{0}")]
    InvalidTarget(&'static str),
    /// A device gets no tokens, or not yet (RFC 8628 §3.5).
    #[error(transparent)]
    Device(OauthError),
    /// A rate limit was exceeded.
    #[error(transparent)]
    Limited(#[from] Exceeded),
    /// A token could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Doubled> for TokenError {
    fn from(_: Doubled) -> Self {
        Self::Doubled
    }
}

impl From<RefreshError> for TokenError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid | RefreshError::Reused | RefreshError::ForeignClient => Self::InvalidGrant,
            RefreshError::Limited(exceeded) => Self::Limited(exceeded),
            RefreshError::Issue(error) => Self::Issue(error),
            RefreshError::Store(error) => Self::Store(error),
        }
    }
}

impl From<RedeemError> for TokenError {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::InvalidGrant(reason) => Self::InvalidCode(reason),
            RedeemError::InvalidTarget(reason) => Self::InvalidTarget(reason),
            RedeemError::Store(error) => Self::Store(error),
        }
    }
}

impl From<TargetError> for TokenError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Invalid(reason) => Self::InvalidTarget(reason),
            TargetError::Store(error) => Self::Store(error),
        }
    }
}

impl From<DeviceError> for TokenError {
    fn from(error: DeviceError) -> Self {
        let (code, text) = match error {
            DeviceError::InvalidGrant => return Self::InvalidGrant,
            DeviceError::Store(error) => return Self::Store(error),
            DeviceError::Pending => (ErrorCode::AuthorizationPending, "The user has not decided yet."),
            DeviceError::SlowDown => (ErrorCode::SlowDown, "Wait five seconds longer between requests."),
            DeviceError::Denied => (ErrorCode::AccessDenied, "The user denied the request."),
            DeviceError::Expired => (ErrorCode::ExpiredToken, "The device code has expired. Start again."),
        };
        Self::Device(OauthError::new(code, text))
    }
}
