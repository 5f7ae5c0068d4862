//! `countersign backup`, `restore` and `migrate-database` as types.

use std::path::PathBuf;

use clap::Args;

/// `countersign backup`.
#[derive(Args)]
pub struct Backup {
    /// The file to write, which must not exist yet
    pub file: PathBuf,
}

/// `countersign restore`.
#[derive(Args)]
pub struct Restore {
    /// The backup to read
    pub file: PathBuf,
    /// Let sessions go on: what was revoked after the backup was made becomes valid again
    #[arg(long)]
    pub keep_sessions: bool,
}

/// `countersign migrate-database`.
#[derive(Args)]
pub struct MigrateDatabase {
    /// The database to move, on which no server may run
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// The empty database to move it into
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Reach a PostgreSQL on another host also without TLS
    #[arg(long)]
    pub allow_unencrypted: bool,
}
