//! What it takes to be ready for traffic.

use std::sync::{Arc, Mutex};

use countersign_store::{Db, Lack, MigrateError, Schema, Shortfall, StoreError};
use prometheus_client::registry::Registry;

use crate::core::probes::Probes;
use crate::core::server::Readiness;
use crate::features::keys::Keys;
use crate::features::revocation::Revocations;
use crate::migrations;

/// What tells how the server is. Cloning it is cheap.
#[derive(Clone)]
pub struct Health {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
    pub(crate) revocations: Revocations,
    /// All metrics that are counted.
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) readiness: Readiness,
    pub(crate) probes: Probes,
}

/// Why traffic is not welcome.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    /// Requests that have begun are answered, and no others.
    #[error("The server is shutting down.")]
    ShuttingDown,
    /// The database is gone, its disk failed, or it takes no writes.
    #[error("The database does not answer or does not accept writes.")]
    Database(#[from] StoreError),
    /// The database's role may not do all that a server has to, or a table is gone.
    #[error("The database role lacks permissions: {0}. Run `countersign doctor` to see how to fix this.")]
    Lacking(String, #[source] Remedy),
    /// Migrations are missing.
    #[error("The database schema is out of date.")]
    Schema,
    /// There is no key that may sign: it was revoked, and no other has taken its place.
    #[error("There is no signing key.")]
    Keys,
    /// It cannot be told whether the schema is current.
    #[error("The database does not answer, or its schema cannot be read.")]
    UnknownSchema(#[from] MigrateError),
}

/// What an owner of the tables has to run; for the log, not for clients.
#[derive(Debug, thiserror::Error)]
#[error("as the owner of the tables, run: {0}")]
pub(super) struct Remedy(String);

impl Health {
    /// Whether the server can do its work.
    pub(super) async fn check(&self) -> Result<(), NotReady> {
        if !self.readiness.is_ready() {
            return Err(NotReady::ShuttingDown);
        }
        if !self.keys.can_sign() {
            return Err(NotReady::Keys);
        }
        // First: without a right it may not even be told what the schema is.
        let lacking = self.db.shortfalls(migrations::known()).await?;
        let certain = lacking.into_iter().filter(Shortfall::is_certain);
        let (gone, refused): (Vec<_>, Vec<_>) = certain.partition(|lacking| lacking.lack == Lack::Table);
        if !refused.is_empty() {
            return Err(NotReady::of(&refused));
        }
        match self.db.pending(migrations::known()).await? {
            // Newer: the next version is being rolled out, and what it added does not disturb this one.
            Schema::Current | Schema::Newer(_) => {}
            Schema::Absent | Schema::Behind(_) => return Err(NotReady::Schema),
        }
        if !gone.is_empty() {
            return Err(NotReady::of(&gone));
        }
        Ok(self.db.check_writable().await?)
    }
}

impl NotReady {
    fn of(lacking: &[Shortfall]) -> Self {
        let lacks: Vec<_> = lacking.iter().map(ToString::to_string).collect();
        let remedies: Vec<_> = lacking.iter().map(|lacking| lacking.remedy.as_str()).collect();
        Self::Lacking(lacks.join("; "), Remedy(remedies.join(" ")))
    }
}
