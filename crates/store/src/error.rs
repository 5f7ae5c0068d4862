//! What can go wrong. No text of this module shows a bound value, a URL or a password.

use std::borrow::Cow;
use std::path::PathBuf;

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be had now: its server is gone, the pool is exhausted, a disk is full, a sync has failed.
    /// Worth a 503. When it befalls a commit, whether that took place is unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(Cow<'static, str>),
    /// A transaction conflicted with others again and again, and was given up.
    #[error("the transaction was retried too often because of conflicts")]
    Conflict,
    /// A row makes no sense. `table` is the type that was being read, or what the caller calls it.
    #[error("{table}.{column} is missing or has an invalid value")]
    Inconsistent {
        /// The name of the row.
        table: &'static str,
        /// The name of the column.
        column: &'static str,
    },
    /// The database refused a statement: a mistake in it, or a constraint.
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

/// Why a database could not be opened. Each text is for the person who started the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL says nothing that we understand.
    #[error("invalid database URL: {0}")]
    Url(Cow<'static, str>),
    /// Another server has the file.
    #[error(
        "another server is using {}{}; stop it first (administrative commands can run while it does)",
        path.display(),
        process.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The other server's process, when it wrote it down.
        process: Option<u32>,
    },
    /// A server has the file open under another name.
    #[error(
        "a server is using {} under another name, because the file was renamed or is mounted twice; stop that \
         server, or use the same name",
        path.display()
    )]
    OtherName {
        /// The name that was asked for.
        path: PathBuf,
    },
    /// The file has several names.
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
        /// The name that was asked for.
        path: PathBuf,
        /// How many there are.
        names: u64,
    },
    /// There is no such file, and it was not to be made.
    #[error("database not found: {}", path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// The file is no database of this program.
    #[error(
        "{} is not a Countersign database, or is damaged; it was not changed. Use another file",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder cannot be made or opened.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// What could not be used.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The connection would leave this machine without TLS that nobody can switch off.
    #[error(
        "the connection to PostgreSQL would leave this machine unencrypted; add sslmode=require to the URL, or set \
         `allow_unencrypted = true` if the network is private"
    )]
    Unencrypted,
    /// The certificates that shall verify PostgreSQL cannot be read.
    #[error("cannot verify the database server: {0}")]
    Tls(String),
    /// The server is older than PostgreSQL 13.
    #[error("PostgreSQL 13 or newer is required, but the server has version {0}")]
    TooOld(String),
    /// The database cannot hold every text.
    #[error(
        "the database {database:?} has the encoding {encoding}, but UTF8 is required; create another one with \
         `createdb --template=template0 --encoding=UTF8 --locale=C NAME`"
    )]
    Encoding {
        /// Its name.
        database: String,
        /// The encoding it has.
        encoding: String,
    },
    /// Something between us and the server changes the encoding of what is sent.
    #[error(
        "the connection to PostgreSQL has the encoding {0}, but UTF8 is required; check the settings of the pooler"
    )]
    ClientEncoding(String),
    /// Nothing comes of what is sent to a listener.
    #[error(
        "notifications do not arrive; LISTEN requires a direct connection to this database, not one through a pooler"
    )]
    Deaf,
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
