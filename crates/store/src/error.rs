//! Errors. No text of this module contains a bound value, a URL or a password.

use std::borrow::Cow;
use std::path::PathBuf;

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is unavailable: the server is down, the pool is exhausted, the disk is full, or a sync failed. Answer
    /// 503. If a commit fails with it, the outcome is unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(Cow<'static, str>),
    /// A transaction conflicted with others repeatedly and was given up.
    #[error("the transaction was retried too many times because of conflicts")]
    Conflict,
    /// A row contains an invalid value. `table` is the type being read, or a name given by the caller.
    #[error("{table}.{column} is missing or has an invalid value")]
    Inconsistent {
        /// The name of the row.
        table: &'static str,
        /// The name of the column.
        column: &'static str,
    },
    /// The database rejected a statement because of a mistake in it, or a constraint.
    #[error("database error: {0}")]
    Database(Cow<'static, str>),
}

impl StoreError {
    pub(crate) fn unavailable(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(why.into())
    }

    pub(crate) fn database(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Database(why.into())
    }
}

/// Why a database could not be opened. Each text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is invalid.
    #[error("invalid database URL: {0}")]
    Url(Cow<'static, str>),
    /// Another server uses the file.
    #[error(
        "another server is using {}{}; stop that server first (only administrative commands can run at the same time)",
        path.display(),
        process.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The process ID of the other server, if recorded.
        process: Option<u32>,
    },
    /// A server has opened the file under another name.
    #[error(
        "a server is using {} under another name, because the file was renamed or is mounted twice; stop that \
         server, or use the same name",
        path.display()
    )]
    OtherName {
        /// The name in the settings.
        path: PathBuf,
    },
    /// The file has several names (hard links).
    #[error(
        "{} has {names} hard links, and writes through another one would be lost; remove all but one (`find {} \
         -xdev -samefile {}` lists those in its folder)",
        path.display(),
        path.parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .map_or_else(|| ".".into(), |folder| folder.display().to_string()),
        path.display()
    )]
    ManyNames {
        /// The name in the settings.
        path: PathBuf,
        /// The number of names.
        names: u64,
    },
    /// The file does not exist and must not be created.
    #[error("database not found: {}", path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// The file is not a database of this program.
    #[error(
        "{} is not a Countersign database, or is damaged; it was not changed. Use another file",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder cannot be created or opened.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The connection would leave this machine without required TLS.
    #[error(
        "the connection to PostgreSQL would leave this machine unencrypted; add sslmode=require to the URL, or set \
         `allow_unencrypted = true` if the network is private"
    )]
    Unencrypted,
    /// The certificates to verify PostgreSQL with cannot be read.
    #[error("cannot verify the database server: {0}")]
    Tls(String),
    /// The server is older than PostgreSQL 13.
    #[error("PostgreSQL 13 or newer is required, but the server has version {0}")]
    TooOld(String),
    /// The database cannot store all of Unicode.
    #[error(
        "the database {database:?} has the encoding {encoding}, but UTF8 is required; create another one with \
         `createdb --owner=ROLE --template=template0 --encoding=UTF8 --locale=C NAME`"
    )]
    Encoding {
        /// Its name.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// A pooler or proxy changes the encoding of what is sent.
    #[error(
        "the connection to PostgreSQL uses the encoding {0}, but UTF8 is required; set `client_encoding` to UTF8 in \
         the pooler"
    )]
    ClientEncoding(String),
    /// Notifications do not reach a listener.
    #[error(
        "notifications do not arrive; LISTEN requires a direct connection to this database, not one through a pooler"
    )]
    Deaf,
    /// The database does not respond.
    #[error(transparent)]
    Store(#[from] StoreError),
}
