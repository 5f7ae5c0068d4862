//! `countersign token` as types.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::arguments::Account;

/// `countersign token`.
#[derive(Subcommand)]
pub enum Token {
    /// Open a session for an account and print its access token
    #[command(after_help = "Example:\n  countersign token issue ada@example.com --scope products:read --ttl 1h")]
    Issue(IssueToken),
    /// Check an access token as the server would, and print its claims
    #[command(after_help = "Examples:\n  countersign token verify eyJ…\n  countersign token verify < token.txt")]
    Verify(PresentedToken),
    /// Print what a token says, without checking anything
    #[command(after_help = "Example:\n  countersign token inspect < token.txt")]
    Inspect(PresentedToken),
}

/// `countersign token issue`.
#[derive(Args)]
pub struct IssueToken {
    /// Whose account.
    #[command(flatten)]
    pub account: Account,
    /// A scope that the account owns, more than once for several; all that it owns, if none is named
    #[arg(long = "scope", value_name = "SCOPE", value_parser = super::arguments::one_scope)]
    pub scopes: Vec<String>,
    /// How long the token lives, at most `tokens.access_ttl`
    #[arg(long, value_name = "DURATION", value_parser = super::arguments::lifetime)]
    pub ttl: Option<Duration>,
}

/// A token from the command line or from the standard input.
#[derive(Args)]
pub struct PresentedToken {
    /// The token; read from the standard input if it is left out
    pub token: Option<String>,
}
