//! `countersign mail` as types.

use clap::{Args, Subcommand};

/// `countersign mail`.
#[derive(Subcommand)]
pub enum Mail {
    /// List the newest mails: what for, to whom, and what became of them
    #[command(after_help = "Example:\n  countersign mail list --queued")]
    List(ListMail),
    /// Have everything that is queued tried now, and what was refused once more
    #[command(after_help = "Example:\n  countersign mail retry")]
    Retry,
}

/// `countersign mail list`.
#[derive(Args)]
pub struct ListMail {
    /// Only those that have not left yet
    #[arg(long)]
    pub queued: bool,
    /// How many
    #[arg(long, default_value_t = 100, value_parser = super::arguments::count::<100_000>)]
    pub limit: u32,
}
