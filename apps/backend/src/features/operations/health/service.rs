//! Readiness for traffic.

use std::sync::{Arc, Mutex};

use countersign_store::{Db, Lack, MigrateError, Schema, Shortfall, StoreError};
use prometheus_client::registry::Registry;

use crate::core::probes::Probes;
use crate::core::server::Readiness;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;
use crate::migrations;

/// Reports the health of the server. Cloning is cheap.
#[derive(Clone)]
pub struct Health {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
    pub(crate) revocations: Revocations,
    /// All counted metrics.
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) readiness: Readiness,
    pub(crate) probes: Probes,
}

/// Why the server is not ready for traffic.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    /// Requests in progress are answered, but no new ones.
    #[error("The server is shutting down.")]
    ShuttingDown,
    /// The database is unavailable, its disk failed, or it accepts no writes.
    #[error("The database does not respond or does not accept writes.")]
    Database(#[from] StoreError),
    /// The database role lacks required permissions, or a table is missing.
    #[error("The database role lacks permissions: {0}. Run `countersign doctor` to see how to fix this.")]
    Lacking(String, #[source] Remedy),
    /// Migrations are missing.
    #[error("The database schema is out of date.")]
    Schema,
    /// There is no signing key: it was revoked and has not been replaced.
    #[error("There is no signing key.")]
    Keys,
    /// The state of the schema cannot be determined.
    #[error("The database does not respond, or its schema cannot be read.")]
    UnknownSchema(#[from] MigrateError),
}

/// The statements for the owner of the tables; for the log, not for clients.
#[derive(Debug, thiserror::Error)]
#[error("as the owner of the tables, run: {0}")]
pub(super) struct Remedy(String);

impl Health {
    /// Returns whether the server is ready, or why not.
    pub(super) async fn check(&self) -> Result<(), NotReady> {
        if !self.readiness.is_ready() {
            return Err(NotReady::ShuttingDown);
        }
        if !self.keys.can_sign() {
            return Err(NotReady::Keys);
        }
        // Checked first, because reading the state of the schema may require a missing permission.
        let lacking = self.db.shortfalls(migrations::known()).await?;
        let certain = lacking.into_iter().filter(Shortfall::is_certain);
        let (gone, refused): (Vec<_>, Vec<_>) = certain.partition(|lacking| lacking.lack == Lack::Table);
        if !refused.is_empty() {
            return Err(NotReady::of(&refused));
        }
        match self.db.pending(migrations::known()).await? {
            // Newer: the next version is being rolled out, and its additions are compatible with this one.
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
