//! What it takes to be ready for traffic.

use countersign_store::{Error, MigrateError, Schema};

use crate::Context;
use crate::migrations;

/// Why traffic is not welcome.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    /// Requests that have begun are answered, and no others.
    #[error("The server is shutting down.")]
    ShuttingDown,
    /// The database is gone, its disk failed, or it takes no writes.
    #[error("The database does not answer, or takes no writes.")]
    Database(#[from] Error),
    /// Migrations are missing.
    #[error("The schema is not current.")]
    Schema,
    /// There is no key that may sign: it was revoked, and no other has taken its place.
    #[error("There is no key to sign with.")]
    Keys,
    /// It cannot be told whether the schema is current.
    #[error("The database does not answer, or its schema cannot be read.")]
    UnknownSchema(#[from] MigrateError),
}

/// Whether the server can do its work.
pub(super) async fn readiness(context: &Context) -> Result<(), NotReady> {
    if !context.readiness.is_ready() {
        return Err(NotReady::ShuttingDown);
    }
    if !context.keys.can_sign() {
        return Err(NotReady::Keys);
    }
    match context.db.pending(migrations::ALL).await? {
        // Newer: the next version is being rolled out, and what it added does not disturb this one.
        Schema::Current | Schema::Newer(_) => {}
        Schema::Behind(_) => return Err(NotReady::Schema),
    }
    Ok(context.db.check_writable().await?)
}
