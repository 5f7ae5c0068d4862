//! `countersign backup`, `restore` and `migrate-database` as types.

use std::path::PathBuf;

use clap::Args;

/// `countersign backup`.
#[derive(Args)]
pub struct Backup {
    /// The file to create; existing files are not overwritten
    pub file: PathBuf,
}

/// `countersign restore`.
#[derive(Args)]
pub struct Restore {
    /// The backup file
    pub file: PathBuf,
    /// Keep sessions, including those that were revoked after the backup
    #[arg(long)]
    pub keep_sessions: bool,
}

/// `countersign migrate-database`.
#[derive(Args)]
pub struct MigrateDatabase {
    /// The URL of the database to move; no server may be using it
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// The URL of the empty target database
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Allow connections to PostgreSQL on other hosts without TLS
    #[arg(long)]
    pub allow_unencrypted: bool,
}
