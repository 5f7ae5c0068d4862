//! `countersign users` as types.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};

use super::arguments::Account;
use crate::features::outbox::Purpose;

/// `countersign users`.
#[derive(Subcommand)]
pub enum Users {
    /// Make an account; its password is asked for
    #[command(
        after_help = "Example:\n  printf %s \"$PASSWORD\" | countersign users create ada@example.com --password-stdin"
    )]
    Create(WithPassword),
    /// Make an account whose owner gets a mail to choose a password with
    #[command(after_help = "Example:\n  countersign users invite ada@example.com")]
    Invite(Account),
    /// Say by hand that an account's address is its owner's
    #[command(after_help = "Example:\n  countersign users verify ada@example.com")]
    Verify(Account),
    /// Have a mail sent to an account: to verify the address, to set a new password, or the invitation once more
    #[command(after_help = "Example:\n  countersign users send-mail ada@example.com recover")]
    SendMail {
        /// To whom
        #[command(flatten)]
        account: Account,
        /// Which mail
        #[arg(value_parser = emails())]
        purpose: Purpose,
    },
    /// List accounts: all, or those that are searched for
    #[command(
        after_help = "Examples:\n  countersign users list --search @example.com --order last-sign-in --descending --limit 20\n  \
        countersign users list --json | jq -r '.[].email'"
    )]
    List(ListUsers),
    /// Show one account, its scopes and its sessions
    #[command(after_help = "Example:\n  countersign users show ada@example.com")]
    Show(Account),
    /// Lock an account out, and end its sessions
    #[command(after_help = "Example:\n  countersign users disable ada@example.com")]
    Disable(Account),
    /// Let a disabled account in again
    #[command(after_help = "Example:\n  countersign users enable ada@example.com")]
    Enable(Account),
    /// Set a new password, and end the account's sessions
    #[command(after_help = "Example:\n  countersign users set-password ada@example.com")]
    SetPassword(WithPassword),
    /// Delete an account and all that is stored about this person
    #[command(after_help = "Example:\n  countersign users delete ada@example.com --yes")]
    Delete {
        /// Whose account
        #[command(flatten)]
        account: Account,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Grant scopes to an account
    #[command(after_help = "Example:\n  countersign users grant ada@example.com products:read products:write")]
    Grant(WithScopes),
    /// Take scopes away from an account
    #[command(after_help = "Example:\n  countersign users ungrant ada@example.com products:write")]
    Ungrant(WithScopes),
}

/// `countersign users list`.
#[derive(Args)]
pub struct ListUsers {
    /// Only accounts whose e-mail address holds this text, whatever its case
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// So many at most
    #[arg(long, value_parser = super::arguments::count::<{ u32::MAX }>)]
    pub limit: Option<u32>,
    /// By what they are sorted
    #[arg(long, value_enum, default_value_t = UserOrder::Created)]
    pub order: UserOrder,
    /// The other way round
    #[arg(long)]
    pub descending: bool,
}

/// By what accounts are sorted.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UserOrder {
    /// When they were made
    Created,
    /// Their address
    Email,
    /// When their owner signed in last; first those who never did
    LastSignIn,
}

/// An account that gets a password.
#[derive(Args)]
pub struct WithPassword {
    /// Whose account.
    #[command(flatten)]
    pub account: Account,
    /// Read the password from the standard input (its first line) instead of asking for it
    #[arg(long)]
    pub password_stdin: bool,
}

/// An account and scopes.
#[derive(Args)]
pub struct WithScopes {
    /// Whose account.
    #[command(flatten)]
    pub account: Account,
    /// The scopes, such as products:write
    #[arg(required = true, value_name = "SCOPE", value_parser = super::arguments::one_scope)]
    pub scopes: Vec<String>,
}

/// The emails that an operator can have sent, each by its word.
fn emails() -> impl TypedValueParser<Value = Purpose> {
    let commands = || {
        Purpose::ALL
            .iter()
            .filter_map(|purpose| Some((purpose.command()?, *purpose)))
    };
    let values = commands().map(|(command, _)| PossibleValue::new(command.word).help(command.help));
    PossibleValuesParser::new(values).try_map(move |word| {
        let named = commands().find(|(command, _)| command.word == word);
        named.map(|(_, purpose)| purpose).ok_or("there is no such email")
    })
}
