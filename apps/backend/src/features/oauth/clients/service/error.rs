//! Why a client cannot be registered or changed.

use countersign_oauth::MetadataError;
use countersign_store::StoreError;

use crate::features::operations::keys::KeysError;

/// Why a client cannot be registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Its `client_id` is not allowed.
    #[error("the client_id {0:?} {1}")]
    Id(String, &'static str),
    /// Its metadata is not accepted.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Its `scope` names one that it can never get.
    #[error(
        "the client {client_id}: the scope {scope} belongs neither to OpenID Connect nor to any of the client's APIs; \
         {advice}"
    )]
    UnknownScope {
        client_id: String,
        scope: String,
        /// What to do.
        advice: String,
    },
    /// The `client_id` is already registered.
    #[error("the client {0} already exists; to change it, run `countersign clients update`")]
    Exists(String),
    /// There is no such client.
    #[error("unknown client {0}; `countersign clients list` lists all clients")]
    Unknown(String),
    /// The settings file declares the client, and only it can change it.
    #[error(
        "the client {0} is declared in the settings file; change its entry in [[clients]] and run `countersign clients apply`"
    )]
    OfFile(String),
    /// The settings file declares a client that is registered on the command line.
    #[error(
        "the settings file declares the client {0}, but it is already registered with `countersign clients create`; \
         remove its entry from the file, or delete the registered client with `countersign clients delete`"
    )]
    OfOperator(String),
    /// A public client has no secret.
    #[error("the client {0} is public and has no secret")]
    Public(String),
    /// The key for its tokens cannot be made.
    #[error("{0}; alternatively, have the client's ID tokens signed with ES256")]
    Key(#[from] KeysError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
