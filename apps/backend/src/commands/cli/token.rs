//! `countersign token` as types.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::arguments::Account;

/// `countersign token`.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Create a session for an account and print its access token
    #[command(after_help = "Example:\n  countersign token issue ada@example.com --scope products:read --ttl 1h")]
    Issue(IssueToken),
    /// Verify an access token as the server would, and print its claims
    #[command(after_help = "Examples:\n  countersign token verify eyJ…\n  countersign token verify < token.txt")]
    Verify(PresentedToken),
    /// Print the contents of a token without verifying it
    #[command(after_help = "Example:\n  countersign token inspect < token.txt")]
    Inspect(PresentedToken),
}

/// `countersign token issue`.
#[derive(Args)]
pub struct IssueToken {
    /// The account.
    #[command(flatten)]
    pub account: Account,
    /// A scope that the account has; can be repeated. Default: all of its scopes
    #[arg(long = "scope", value_name = "SCOPE", value_parser = super::arguments::one_scope)]
    pub scopes: Vec<String>,
    /// The lifetime of the token, at most `tokens.access_ttl`
    #[arg(long, value_name = "DURATION", value_parser = super::arguments::lifetime)]
    pub ttl: Option<Duration>,
}

/// A token from the command line or from the standard input.
#[derive(Args)]
pub struct PresentedToken {
    /// The token; read from standard input if omitted
    pub token: Option<String>,
}
