//! Where the database is, how to open it, and how long to wait for it.

use std::time::Duration;

/// How to open a database. It has no `Debug`, because the URL may contain a password.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// `sqlite://path/to/file` or `postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`.
    pub url: String,
    /// Whether this process is a server or a command.
    pub role: Role,
    /// The number of connections to PostgreSQL (by default four per core, from 8 to 32) or of SQLite readers (by default one
    /// per core, from 2 to 8).
    pub pool_size: Option<usize>,
    /// Whether to prepare statements once per PostgreSQL connection. Set it to `false` behind a transaction pooler that does not
    /// support prepared statements.
    pub prepared: bool,
    /// Whether PostgreSQL on another host may be reached without TLS, or with TLS that an attacker can disable.
    pub allow_unencrypted: bool,
    /// Whether to create a missing SQLite file.
    pub create: bool,
    /// Whether nothing will be written: a SQLite file and its journal mode are left unchanged, and it need not be writable.
    pub only_reads: bool,
}

impl DatabaseOptions {
    /// Creates options with the default number of connections.
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

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server. A SQLite file has one server at a time, whose commits share syncs.
    Server,
    /// A command. It shares the SQLite file with a server and syncs each of its commits.
    Admin,
}

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// An embedded SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// How busy the connections are. On SQLite, only the writer is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Open connections.
    pub size: usize,
    /// Busy connections.
    pub in_use: usize,
    /// Tasks waiting for a connection.
    pub waiting: usize,
}

/// How long a statement waits for a connection or for SQLite's writer before it fails with
/// [`Unavailable`](crate::StoreError::Unavailable).
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
