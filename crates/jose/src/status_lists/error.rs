//! What can be wrong with a status list under a good signature.

use thiserror::Error;

/// Why a genuine status list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatusListError {
    /// `sub` is not exactly the address that the list was asked for at.
    #[error("the status list is another one than was asked for")]
    WrongSubject,
    /// `status_list` is no object with `bits` and `lst`, or those are of another JSON type.
    #[error("the status list has no array")]
    NoArray,
    /// `bits` is not 1, 2, 4 or 8.
    #[error("the status list's bits are not 1, 2, 4 or 8")]
    WrongBits,
    /// `lst` is no base64url of a whole ZLIB stream: cut off, corrupt, or with a preset dictionary.
    #[error("the status list is no base64url of a ZLIB stream")]
    NotZlib,
    /// Something follows the end of the ZLIB stream.
    #[error("something follows the status list's ZLIB stream")]
    TrailingBytes,
    /// It would inflate to more than [`crate::MAX_STATUS_LIST_BYTES`].
    #[error("the status list inflates to too much")]
    TooLarge,
}

impl StatusListError {
    /// Whether the list is the one that was asked for, genuine and in time, and its array cannot be read.
    pub const fn is_unreadable(self) -> bool {
        !matches!(self, Self::WrongSubject)
    }

    /// A stable name for logs and metrics.
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
