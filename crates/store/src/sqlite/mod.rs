//! The embedded database: one writer, several readers, commits that share syncs, and checkpoints in the background.
//!
//! SQLite's locks belong to the process and are released when *any* descriptor of the database or its `-shm` file is
//! closed. So only SQLite opens these two files, and `claim`, which closes its descriptor last. A second server is kept
//! out by a separate lock file and by a lock on the database file itself.

mod checkpoints;
mod claim;
mod durable;
mod errors;
mod look;
mod place;
mod readers;
mod run;
mod setup;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub(crate) use errors::store_error;
pub use look::{FileContents, file_contents};
pub(crate) use run::{execute_within, fetch_within};
pub(crate) use setup::{Manner, transfer as open_reader};

use crate::statement::Query;
use crate::transaction::TxSession;
use crate::{DatabaseOptions, FromRow, OpenError, PoolStatus, Role, Scoped, Sql, StoreError, Work};
use checkpoints::Checkpoints;
use claim::Claim;
use durable::Durable;
use readers::Readers;
use writer::Writer;

pub(crate) struct Sqlite {
    path: PathBuf,
    manner: Manner,
    /// Whether to leave the log unchanged: it contains data, and nothing may be written.
    leaves_log: bool,
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    locks: Mutex<Option<Locks>>,
}

/// Released in this order: a locked database file with a free lock file means that it was opened under another name.
struct Locks {
    _claim: Option<Claim>,
    _lock_file: Option<File>,
}

/// Returns the file that an `sqlite://` URL names, with symbolic links resolved. Nothing is created or opened.
///
/// # Errors
/// [`OpenError`] if the folder does not exist, the path is not a regular file or has several names, or the URL is not
/// for SQLite.
pub fn database_file(url: &str) -> Result<PathBuf, OpenError> {
    place::find(&place::path_of(url)?)
}

/// Returns whether a path leads, under any name, to the database of an `sqlite://` URL or to one of its companion
/// files. Nothing else may be written there.
#[must_use]
pub fn belongs_to_database(url: &str, path: &Path) -> bool {
    database_file(url).is_ok_and(|database| place::is_part(&database, path))
}

impl Sqlite {
    pub(crate) fn open(options: &DatabaseOptions, warnings: &mut Vec<String>) -> Result<Self, OpenError> {
        let named = place::path_of(&options.url)?;
        let path = if options.create {
            place::settle(&named)?
        } else {
            place::exists(&named)?;
            place::find(&named)?
        };
        let lock_file = match options.role {
            Role::Server => Some(place::lock(&path)?),
            Role::Admin => None,
        };
        if options.create {
            place::create(&path)?;
        }
        let claim = Claim::take(&path, options.role)?;
        let manner = match options.only_reads {
            true => look::manner_to_read(&path)?,
            false => Manner::Full,
        };
        warnings.extend(place::warnings(&path));
        let opened = Self::start(options, path, manner)?;
        if claim.as_ref().is_some_and(|claim| !claim.holds(&opened.path)) {
            return Err(place::unusable(&opened.path, "it was replaced while it was opened"));
        }
        *opened.locks.lock().unwrap_or_else(PoisonError::into_inner) = Some(Locks {
            _claim: claim,
            _lock_file: lock_file,
        });
        Ok(opened)
    }

    /// Opens the connections and starts the two threads of a server.
    fn start(options: &DatabaseOptions, path: PathBuf, manner: Manner) -> Result<Self, OpenError> {
        let shared = options.role == Role::Server;
        let refused = |why: StoreError| OpenError::File {
            path: path.clone(),
            why: match look::may_write(place::folder_of(&path)) {
                true => why.to_string(),
                false => format!("{why}; this user must be able to write to its folder, for the write-ahead log"),
            },
        };
        let leaves_log = options.only_reads && (manner != Manner::Full || look::has_log(&path));
        let connection = setup::writer(&path, options.role, manner, options.only_reads).map_err(refused)?;
        let readers = Readers::open(&path, options.pool_size, manner).map_err(refused)?;
        let durable = Arc::new(Durable::new());
        let checkpoints = Arc::new(Checkpoints::new());
        let writer = Arc::new(Writer::new(connection, durable.clone(), checkpoints.clone(), shared).map_err(refused)?);
        let mut threads = Vec::new();
        if shared {
            // What a crashed process left in the log unsynced becomes readable now, so it is synced first, including
            // the folder: SQLite makes the log's name durable only when it syncs the log itself.
            let mut sync = place::log_sync(&path).map_err(|why| place::refused(&path, &why))?;
            sync()
                .and_then(|()| place::sync_folder(&path))
                .map_err(|why| place::refused(&path, &why))?;
            let checkpointer = setup::checkpointer(&path).map_err(refused)?;
            let held = writer.clone();
            let hold = move |work: &mut dyn FnMut()| held.pause(work);
            let spawned = durable::spawn(durable.clone(), sync)
                .and_then(|syncs| Ok([syncs, checkpoints::spawn(checkpoints, checkpointer, durable, hold)?]));
            threads.extend(spawned.map_err(|why| place::refused(&path, &why))?);
        }
        Ok(Self {
            path,
            manner,
            leaves_log,
            writer,
            readers: Arc::new(readers),
            threads: Mutex::new(threads),
            locks: Mutex::new(None),
        })
    }

    pub(crate) async fn transact<'env, T, E, F>(&self, work: &F) -> Result<T, E>
    where
        F: for<'c, 't> Fn(&'c mut Scoped<'t, 'env>) -> Work<'c, T, E>,
        E: From<StoreError>,
    {
        let (value, ticket) = {
            let mut open = self.writer.begin().await?;
            let mut tx = Scoped::new(TxSession::Sqlite(open.connection()));
            let value = work(&mut tx).await?;
            tx.state.proceed()?;
            (value, open.commit()?)
        };
        self.writer.durable.wait(ticket).await?;
        Ok(value)
    }

    /// Runs a single statement: a `SELECT` on a reader, on the calling thread; anything else in a transaction.
    pub(crate) async fn fetch<T: FromRow>(&self, query: &Query) -> Result<Vec<T>, StoreError> {
        if query.sql.reads() {
            return self.readers.read(|connection| run::fetch(connection, query));
        }
        // Boxed because its state is large, and reads should not carry it.
        Box::pin(self.write(|connection| run::fetch(connection, query))).await
    }

    /// Like `fetch`, but reads on a thread for blocking work.
    pub(crate) async fn scan<T: FromRow + Send + 'static>(&self, query: Query) -> Result<Vec<T>, StoreError> {
        if query.sql.reads() {
            return Readers::scan(&self.readers, move |connection| run::fetch(connection, &query)).await;
        }
        self.fetch(&query).await
    }

    pub(crate) async fn execute(&self, query: &Query) -> Result<u64, StoreError> {
        self.write(|connection| run::execute(connection, query)).await
    }

    async fn write<T>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (value, ticket) = {
            let mut open = self.writer.begin().await?;
            let value = work(open.connection())?;
            (value, open.commit()?)
        };
        self.writer.durable.wait(ticket).await?;
        Ok(value)
    }

    /// Runs a whole script as one transaction.
    pub(crate) async fn script(&self, script: &str, record: &Query) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.execute_batch(script).map_err(errors::store_error)?;
            run::execute(connection, record).map(drop)
        })
        .await
    }

    /// Runs `work` as one transaction.
    pub(crate) async fn in_one(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.write(work).await
    }

    pub(crate) fn path(&self) -> (PathBuf, Manner) {
        (self.path.clone(), self.manner)
    }

    pub(crate) async fn settled(&self) -> Result<(), StoreError> {
        self.writer.durable.settled().await
    }

    /// Checks that the database can be read and written. A server whose last write succeeded need not try; after a
    /// failure, and in a command, a page is written unchanged.
    pub(crate) async fn check_writable(&self) -> Result<(), StoreError> {
        self.writer.durable.sound()?;
        place::check_writable(&self.path)?;
        let version = |connection: &rusqlite::Connection| {
            let mut asked = connection
                .prepare_cached("PRAGMA user_version")
                .map_err(errors::store_error)?;
            let version = asked.query_row([], |row| row.get::<_, i64>(0));
            version.map_err(errors::store_error)
        };
        let version = self.readers.read(version)?;
        if self.writer.is_proven()? {
            return Ok(());
        }
        self.write(|connection| {
            let written = connection.pragma_update(None, "user_version", version);
            written.map_err(errors::store_error)
        })
        .await
    }

    pub(crate) async fn failed(&self) -> StoreError {
        self.writer.durable.failed().await
    }

    #[expect(clippy::unused_async, reason = "of the same shape as on PostgreSQL")]
    pub(crate) async fn prepare(&self, sql: &'static Sql) -> Result<(), StoreError> {
        self.readers
            .read(|connection| connection.prepare(sql.sqlite()).map(drop).map_err(errors::store_error))
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let waiting = self.writer.waiting.load(Ordering::Relaxed);
        PoolStatus {
            size: 1,
            in_use: usize::from(self.writer.is_at_work()),
            waiting,
        }
    }

    /// Closes the database. The threads end first, so that no checkpoint runs during the last one. The readers are
    /// closed before the writer, so that the writer's connection is the last and removes the log. After a failed sync
    /// the log is left as it is, because it is unknown what part of it is on disk.
    #[expect(clippy::disallowed_methods, reason = "once, at the end")]
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let settled = self.settled().await;
        let mut connection = self.writer.retire().await;
        self.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        ended
            .await
            .map_err(|_| StoreError::unavailable("the database is being closed"))?;
        self.readers.close();
        let tidied = match self.leaves_log {
            true => Ok(()),
            false => settled.and_then(|()| connection.take().map_or(Ok(()), setup::finish)),
        };
        drop(connection);
        drop(self.locks.lock().unwrap_or_else(PoisonError::into_inner).take());
        tidied
    }

    fn stop(&self) {
        self.writer.durable.stop();
        self.writer.checkpoints.stop();
    }
}

/// Without `close`, the log remains and the next process reads it.
impl Drop for Sqlite {
    fn drop(&mut self) {
        self.stop();
    }
}
