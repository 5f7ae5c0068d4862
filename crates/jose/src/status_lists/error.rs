//! Errors of a status list with a valid signature.

use thiserror::Error;

/// Why a genuine status list is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatusListError {
    /// `sub` is not exactly the expected `uri`, the one in the token's `status`.
    #[error("the status list has a different URI than the one requested")]
    WrongSubject,
    /// `status_list` is not an object with `bits` and `lst`, or these have another JSON type.
    #[error("the status list has no lst")]
    NoArray,
    /// `bits` is not 1, 2, 4 or 8.
    #[error("the status list's bits are not 1, 2, 4 or 8")]
    WrongBits,
    /// `lst` is not a complete ZLIB stream in base64url: truncated, corrupt, or with a preset dictionary.
    #[error("the status list is not a base64url-encoded ZLIB stream")]
    NotZlib,
    /// Something follows the end of the ZLIB stream.
    #[error("unexpected data after the ZLIB stream of the status list")]
    TrailingBytes,
    /// It would inflate to more than [`crate::MAX_STATUS_LIST_BYTES`].
    #[error("the status list is too large when decompressed")]
    TooLarge,
}

impl StatusListError {
    /// Returns whether the list is the requested one, genuine and current, but its array cannot be read.
    pub const fn is_unreadable(self) -> bool {
        !matches!(self, Self::WrongSubject)
    }

    /// Returns a stable name for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongSubject => "status_list_wrong_subject",
            Self::NoArray => "status_list_no_array",
            Self::WrongBits => "status_list_wrong_bits",
            Self::NotZlib => "status_list_not_zlib",
            Self::TrailingBytes => "status_list_trailing_bytes",
            Self::TooLarge => "status_list_too_large",
        }
    }
}
