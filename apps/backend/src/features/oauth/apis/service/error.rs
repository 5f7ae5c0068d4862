//! Why an API cannot be registered or changed.

use countersign_oauth::ApiMetadataError;
use countersign_store::StoreError;

use super::MOST;

/// Why an API cannot be registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Its metadata is invalid.
    #[error("{}: {}; {}", .0.member, .0.what, .0.help)]
    Metadata(#[from] ApiMetadataError),
    /// The identifier is already registered.
    #[error("the API {0} already exists; to change it, run `countersign apis update`")]
    Exists(String),
    /// Another API has this identifier or alias.
    #[error("{0:?} already belongs to the API {1}; use another identifier")]
    Taken(String, String),
    /// There are too many APIs.
    #[error("there are already {MOST} APIs; delete one first")]
    TooMany,
    /// There is no such API.
    #[error("unknown API {0}; `countersign apis list` lists all APIs")]
    Unknown(String),
    /// The settings file declares the API, and only it can change it.
    #[error(
        "the API {0} is declared in the settings file; change its entry in [[apis]] and run `countersign clients apply`"
    )]
    OfFile(String),
    /// The settings file declares an API that is registered on the command line.
    #[error(
        "the settings file declares the API {0}, but it is already registered with `countersign apis create`; remove \
         its entry from the file, or delete the registered API with `countersign apis delete`"
    )]
    OfOperator(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
