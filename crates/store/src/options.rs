//! Where the database is, as whom we open it, and how long we wait for it.

use std::time::Duration;

/// How to open a database. It has no `Debug`: the URL may hold a password.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// `sqlite://path/to/file` or `postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`.
    pub url: String,
    /// Whether this process serves, or only administers.
    pub role: Role,
    /// Connections to PostgreSQL (by default four to a core, at least 8 and at most 32), or readers of SQLite
    /// (by default one to a core, at least 2 and at most 8).
    pub pool_size: Option<usize>,
    /// Whether statements are prepared once for each connection to PostgreSQL. A pooler that lends another connection
    /// to each transaction must know of them, or it must be `false`.
    pub prepared: bool,
    /// Whether a PostgreSQL on another host may be reached without TLS, or with TLS that can be switched off on the way.
    pub allow_unencrypted: bool,
    /// Whether an SQLite file that does not exist is made.
    pub create: bool,
    /// Whether nothing will be written: an SQLite file is left as it is, also its journal mode, and need not be
    /// writable.
    pub only_reads: bool,
}

impl DatabaseOptions {
    /// With the default number of connections.
    pub fn new(url: impl Into<String>, role: Role) -> Self {
        Self {
            url: url.into(),
            role,
            pool_size: None,
            prepared: true,
            allow_unencrypted: false,
            create: true,
            only_reads: false,
        }
    }
}

/// What a process does with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves requests. One server at a time has an SQLite file; its commits share their sync.
    Server,
    /// It is a command. It shares the SQLite file with a server, and syncs each of its commits by itself.
    Admin,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The embedded file.
    Sqlite,
    /// A server.
    Postgres,
}

/// How busy the connections are. On SQLite it is the one writer that is counted, since all else is quick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections that are open.
    pub size: usize,
    /// Connections that are at work.
    pub in_use: usize,
    /// Tasks that wait for one.
    pub waiting: usize,
}

/// How long a statement waits for a connection, or for the writer of SQLite, before it is
/// [`Unavailable`](crate::StoreError::Unavailable).
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
