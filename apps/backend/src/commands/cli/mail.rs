//! `countersign mail` as types.

use clap::{Args, Subcommand};

/// `countersign mail`.
#[derive(Subcommand)]
pub enum MailCommand {
    /// List the newest emails with purpose, recipient and outcome
    #[command(after_help = "Example:\n  countersign mail list --queued")]
    List(ListMail),
    /// Retry all queued and rejected emails now
    #[command(after_help = "Example:\n  countersign mail retry")]
    Retry,
}

/// `countersign mail list`.
#[derive(Args)]
pub struct ListMail {
    /// Only emails that are still queued
    #[arg(long)]
    pub queued: bool,
    /// The maximum number of emails
    #[arg(long, default_value_t = 100, value_parser = super::arguments::count::<100_000>)]
    pub limit: u32,
}
