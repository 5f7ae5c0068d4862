//! The database handle, and transactions.

use std::sync::Arc;

use tracing::{Instrument, debug_span};

use crate::checksums::Checksums;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::{DatabaseKind, DatabaseOptions, OpenError, PoolStatus, Scoped, Sql, StoreError, Work};

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Db {
    pub(crate) inner: Arc<Opened>,
}

pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) checksums: Checksums,
    warnings: Vec<String>,
}

pub(crate) enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Postgres),
}

impl Db {
    /// Opens the database. A missing SQLite file is created (0600, in a folder with 0700) if [`DatabaseOptions::create`] is
    /// set; PostgreSQL must respond.
    ///
    /// # Errors
    /// [`OpenError`]; each text says what to do.
    pub async fn open(options: &DatabaseOptions) -> Result<Self, OpenError> {
        let scheme = options.url.split(':').next().unwrap_or_default();
        let mut warnings = Vec::new();
        let engine = match scheme {
            "sqlite" => Engine::Sqlite(Arc::new(Sqlite::open(options, &mut warnings)?)),
            "postgres" | "postgresql" => Engine::Postgres(Postgres::open(options, &mut warnings).await?),
            _ => return Err(OpenError::Url("it must start with sqlite:// or postgres://".into())),
        };
        let opened = Opened {
            engine,
            checksums: Checksums::default(),
            warnings,
        };
        Ok(Self {
            inner: Arc::new(opened),
        })
    }

    /// Returns which database it is.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        match self.inner.engine {
            Engine::Sqlite(_) => DatabaseKind::Sqlite,
            Engine::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// Returns warnings about how it was opened, for the log: a network file system, a readable file, an unencrypted
    /// connection.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// Runs `work` in a serializable transaction, which is committed durably when this returns `Ok`. An `Err`, a panic and a
    /// dropped future roll back.
    ///
    /// `work` may run several times (PostgreSQL aborts one of two transactions that cannot be ordered), so it must only use
    /// the database. It borrows its inputs: `db.transact(|tx| Box::pin(async move { rename(tx, id, &name).await }))`. Values
    /// that are not `Copy` are captured by reference, because the closure may run again.
    ///
    /// # Errors
    /// Any error of `work`; [`StoreError::Conflict`] after too many conflicts; [`StoreError::Unavailable`]; and
    /// [`StoreError::Database`] if `work` returned `Ok` although one of its statements failed.
    pub async fn transact<'env, T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'c, 't> Fn(&'c mut Scoped<'t, 'env>) -> Work<'c, T, E>,
        E: From<StoreError>,
    {
        let transaction = async {
            match &self.inner.engine {
                Engine::Sqlite(sqlite) => sqlite.transact(&work).await,
                Engine::Postgres(postgres) => postgres.transact(&work).await,
            }
        };
        transaction.instrument(debug_span!("transaction")).await
    }

    /// Waits until everything that this process has committed is on disk. Returns at once on PostgreSQL, whose commits are on
    /// disk before they are visible. Use it for a response that grants something based on a read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if a sync has failed.
    pub async fn settled(&self) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.settled().await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Waits until a sync of the SQLite file fails, and returns the reason. Nothing can be written from then on, and the last
    /// writes may be lost: stop the process. Never returns on PostgreSQL.
    pub async fn failed(&self) -> StoreError {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.failed().await,
            Engine::Postgres(_) => std::future::pending().await,
        }
    }

    /// Prepares a statement and drops it, to find errors in it.
    ///
    /// # Errors
    /// [`StoreError::Database`] with the database's message.
    pub async fn prepare(&self, sql: &'static Sql) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.prepare(sql).await,
            Engine::Postgres(postgres) => postgres.prepare(sql).await,
        }
    }

    /// Returns how busy the connections are.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.status(),
            Engine::Postgres(postgres) => postgres.status(),
        }
    }

    /// Closes the database: checkpoints SQLite's log and releases the lock, or closes the pool. Later calls on any clone return
    /// [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// If the last checkpoint failed. Nothing is lost, because the log contains all commits.
    pub async fn close(&self) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => {
                postgres.close();
                Ok(())
            }
        }
    }
}
