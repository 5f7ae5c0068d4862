//! `countersign sessions` as types.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::arguments::Account;

/// `countersign sessions`.
#[derive(Subcommand)]
pub enum Sessions {
    /// List an account's sessions
    #[command(after_help = "Example:\n  countersign sessions list ada@example.com")]
    List(Account),
    /// End one session, all of an account, or everything
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
    /// The session's id, as `sessions list` shows it
    #[arg(value_parser = super::arguments::session_id)]
    pub id: Option<Uuid>,
    /// End every session of this account
    #[arg(long, value_name = "EMAIL|ID")]
    pub all: Option<String>,
    /// End every session of everybody, and refuse every token that was ever issued, also those that this database does
    /// not know of: after a restore by other means than `countersign restore`, and on the worst day
    #[arg(long)]
    pub everyone: bool,
}
