//! `countersign users` as types.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use countersign_jose::is_unambiguous_object;
use serde_json::{Map, Value};

use super::arguments::{Account, NewEmailAddress};
use crate::core::profile::{InvalidName, MetadataPatch, PersonName};
use crate::features::messaging::outbox::Purpose;

/// `countersign users`.
#[derive(Subcommand)]
pub enum UsersCommand {
    /// Create an account; prompts for a password
    #[command(
        after_help = "Example:\n  printf %s \"$PASSWORD\" | countersign users create ada@example.com --name \"Ada Lovelace\" --password-stdin"
    )]
    Create(NewUser),
    /// Create an account and email its owner a link to set a password
    #[command(after_help = "Example:\n  countersign users invite ada@example.com")]
    Invite(NewEmailAddress),
    /// Change an account's name or metadata
    #[command(
        after_help = "Examples:\n  countersign users edit ada@example.com --name \"Ada King\"\n  \
        countersign users edit ada@example.com --no-name --metadata '{\"theme\":\"dark\",\"beta\":null}'"
    )]
    Edit(EditUser),
    /// Show or change a user's OpenID Connect claims, such as the given name or telephone number
    #[command(after_help = "Examples:\n  countersign users profile ada@example.com\n  \
        countersign users profile ada@example.com --set given_name=Ada --set address.country=UK --set nickname=\n  \
        countersign users profile ada@example.com --claims '{\"locale\":\"en-GB\",\"gender\":null}' --phone-verified true")]
    Profile(UserProfile),
    /// Mark an account's email address as verified
    #[command(after_help = "Example:\n  countersign users verify ada@example.com")]
    Verify(Account),
    /// Send an account an email: verification, password reset, or its invitation again
    #[command(after_help = "Example:\n  countersign users send-mail ada@example.com recover")]
    SendMail {
        /// The recipient
        #[command(flatten)]
        account: Account,
        /// The kind of email
        #[arg(value_parser = emails())]
        purpose: Purpose,
    },
    /// List or search accounts
    #[command(
        after_help = "Examples:\n  countersign users list --search @example.com --order last-sign-in --descending --limit 20\n  \
        countersign users list --json | jq -r '.[].email'"
    )]
    List(ListUsers),
    /// Show an account with its scopes and sessions
    #[command(after_help = "Example:\n  countersign users show ada@example.com")]
    Show(Account),
    /// Disable an account and revoke its sessions
    #[command(after_help = "Example:\n  countersign users disable ada@example.com")]
    Disable(Account),
    /// Enable a disabled account
    #[command(after_help = "Example:\n  countersign users enable ada@example.com")]
    Enable(Account),
    /// Set a new password and revoke the account's sessions
    #[command(after_help = "Example:\n  countersign users set-password ada@example.com")]
    SetPassword(WithPassword),
    /// Delete an account and all of its personal data
    #[command(after_help = "Example:\n  countersign users delete ada@example.com --yes")]
    Delete {
        /// The account
        #[command(flatten)]
        account: Account,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Grant scopes to an account
    #[command(after_help = "Example:\n  countersign users grant ada@example.com products:read products:write")]
    Grant(WithScopes),
    /// Remove scopes from an account
    #[command(after_help = "Example:\n  countersign users ungrant ada@example.com products:write")]
    Ungrant(WithScopes),
}

/// `countersign users list`.
#[derive(Args)]
pub struct ListUsers {
    /// Only accounts whose email address or name contains this text (case-insensitive)
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// The maximum number of accounts
    #[arg(long, value_parser = super::arguments::count::<{ u32::MAX }>)]
    pub limit: Option<u32>,
    /// The order
    #[arg(long, value_enum, default_value_t = UserOrder::Created)]
    pub order: UserOrder,
    /// Reverse the order
    #[arg(long)]
    pub descending: bool,
}

/// By what accounts are sorted.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UserOrder {
    /// By creation time
    Created,
    /// By email address
    Email,
    /// By last sign-in; accounts without one come first
    LastSignIn,
}

/// `countersign users create`.
#[derive(Args)]
pub struct NewUser {
    /// The email address.
    #[command(flatten)]
    pub new: NewEmailAddress,
    /// Read the password from the first line of standard input instead of prompting
    #[arg(long)]
    pub password_stdin: bool,
    /// The user's name
    #[arg(long, value_parser = name)]
    pub name: Option<PersonName>,
    /// The account's metadata, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    pub metadata: Option<MetadataPatch>,
}

/// `countersign users edit`.
#[derive(Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["name", "no_name", "metadata", "no_metadata"]))]
pub struct EditUser {
    /// The account.
    #[command(flatten)]
    pub account: Account,
    /// The new name
    #[arg(long, value_parser = name)]
    pub name: Option<PersonName>,
    /// Remove the name
    #[arg(long, conflicts_with = "name")]
    pub no_name: bool,
    /// Members of the metadata to set, as a JSON object; those that are null are removed
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    pub metadata: Option<MetadataPatch>,
    /// Remove all metadata
    #[arg(long, conflicts_with = "metadata")]
    pub no_metadata: bool,
}

/// `countersign users profile`.
#[derive(Args)]
pub struct UserProfile {
    /// The account.
    #[command(flatten)]
    pub account: Account,
    /// Claims to set, as a JSON object; those that are null are removed
    #[arg(long, value_name = "JSON", value_parser = claims)]
    pub claims: Option<Map<String, Value>>,
    /// One claim to set; with an empty value, it is removed
    #[arg(long, value_name = "CLAIM=VALUE", value_parser = one_claim)]
    pub set: Vec<(String, String)>,
    /// Whether the telephone number is verified; a new number is not
    #[arg(long, value_name = "true|false")]
    pub phone_verified: Option<bool>,
    /// Remove all claims first
    #[arg(long)]
    pub clear: bool,
}

/// An account that gets a password.
#[derive(Args)]
pub struct WithPassword {
    /// The account.
    #[command(flatten)]
    pub account: Account,
    /// Read the password from the first line of standard input instead of prompting
    #[arg(long)]
    pub password_stdin: bool,
}

/// An account and scopes.
#[derive(Args)]
pub struct WithScopes {
    /// The account.
    #[command(flatten)]
    pub account: Account,
    /// The scopes, for example products:write
    #[arg(required = true, value_name = "SCOPE", value_parser = super::arguments::one_scope)]
    pub scopes: Vec<String>,
}

fn name(text: &str) -> Result<PersonName, InvalidName> {
    text.parse()
}

/// The reason of an error, or its place if the text is not JSON.
fn metadata(text: &str) -> Result<MetadataPatch, String> {
    text.parse::<MetadataPatch>().map_err(|error| match error.is_data() {
        true => error.to_string(),
        false => format!("not JSON: {error}"),
    })
}

fn claims(text: &str) -> Result<Map<String, Value>, String> {
    if !is_unambiguous_object(text.as_bytes()) {
        return Err("expected a JSON object such as {\"given_name\":\"Ada\"}, with each member once".to_owned());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn one_claim(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = split.ok_or("expected a claim and its value, such as given_name=Ada")?;
    Ok((name.to_owned(), value.to_owned()))
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
        named.map(|(_, purpose)| purpose).ok_or("unknown kind of email")
    })
}
