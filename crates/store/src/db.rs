//! The handle that the program holds, and transactions.

use std::sync::Arc;

use tracing::{Instrument, debug_span};

use crate::checksums::Checksums;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::{DatabaseOptions, Kind, OpenError, PoolStatus, Scoped, Sql, StoreError, Work};

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
    /// Opens the database. An SQLite file is made (0600, in a folder made with 0700) when there is none and
    /// [`DatabaseOptions::create`] says so; PostgreSQL must answer.
    ///
    /// # Errors
    /// See [`OpenError`]: each text says what to do.
    pub async fn open(options: &DatabaseOptions) -> Result<Self, OpenError> {
        let scheme = options.url.split(':').next().unwrap_or_default();
        let mut warnings = Vec::new();
        let engine = match scheme {
            "sqlite" => Engine::Sqlite(Arc::new(Sqlite::open(options, &mut warnings)?)),
            "postgres" | "postgresql" => Engine::Postgres(Postgres::open(options, &mut warnings).await?),
            _ => return Err(OpenError::Url("it begins with sqlite:// or postgres://".into())),
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

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.inner.engine {
            Engine::Sqlite(_) => Kind::Sqlite,
            Engine::Postgres(_) => Kind::Postgres,
        }
    }

    /// What was dangerous about opening it, for the log: a network file system, a readable file, an unencrypted link.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// Runs `work` in a transaction: serializable, and committed durably when this returns its `Ok`. An `Err`, a panic
    /// and a dropped future roll back.
    ///
    /// `work` may run several times (PostgreSQL aborts one of two transactions that cannot be ordered), so it touches
    /// the database alone. It borrows what it needs from around it:
    /// `db.transact(|tx| Box::pin(async move { rename(tx, id, &name).await }))`. What is not `Copy` is captured as a
    /// reference, because a closure that may run again gives nothing away.
    ///
    /// # Errors
    /// What `work` returns; [`StoreError::Conflict`] after too many conflicts; [`StoreError::Unavailable`]; and
    /// [`StoreError::Database`] when `work` said `Ok` although one of its statements had failed.
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

    /// Waits until everything that this process has committed so far is on disk; at once on PostgreSQL, whose commits
    /// are on disk before they can be seen. For an answer that grants something on the strength of a read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when a sync has failed.
    pub async fn settled(&self) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.settled().await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Waits until a sync of the SQLite file has failed, and says how. Nothing can be written from then on, and what
    /// was written last may be lost: stop the process. It never returns on PostgreSQL.
    pub async fn failed(&self) -> StoreError {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.failed().await,
            Engine::Postgres(_) => std::future::pending().await,
        }
    }

    /// Prepares a statement and drops it again, to find the mistakes in it.
    ///
    /// # Errors
    /// [`StoreError::Database`] with what the database says about it.
    pub async fn prepare(&self, sql: &'static Sql) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.prepare(sql).await,
            Engine::Postgres(postgres) => postgres.prepare(sql).await,
        }
    }

    /// How busy the connections are.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.status(),
            Engine::Postgres(postgres) => postgres.status(),
        }
    }

    /// Ends all work: writes the last of SQLite's log into the file and gives up the lock; closes the pool.
    /// What is asked of any clone afterwards is [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// When the last checkpoint failed. Nothing is lost by that: the log holds what was committed.
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
