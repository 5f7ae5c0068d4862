//! `countersign sessions` as types.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::arguments::Account;

/// `countersign sessions`.
#[derive(Subcommand)]
pub enum SessionsCommand {
    /// List an account's sessions
    #[command(after_help = "Example:\n  countersign sessions list ada@example.com")]
    List(Account),
    /// Revoke one session, all sessions of an account, or all sessions
    #[command(
        after_help = "Examples:\n  countersign sessions revoke 0198c5a0-7e1c-7000-8000-000000000000\n  \
        countersign sessions revoke --all ada@example.com\n  countersign sessions revoke --everyone"
    )]
    Revoke(RevokeSessions),
}

/// `countersign sessions revoke`: one of the three.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct RevokeSessions {
    /// The session ID (see `sessions list`)
    #[arg(value_parser = super::arguments::session_id)]
    pub id: Option<Uuid>,
    /// Revoke all sessions of this account
    #[arg(long, value_name = "EMAIL|ID")]
    pub all: Option<String>,
    /// Revoke all sessions of all accounts, and reject every token ever issued, including tokens unknown to this database:
    /// for emergencies, and after restoring it without `countersign restore`
    #[arg(long)]
    pub everyone: bool,
}
