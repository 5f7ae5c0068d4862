//! `countersign apis` as types.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};

/// `countersign apis`.
#[derive(Subcommand)]
pub enum ApisCommand {
    /// Register an API that clients may request access to
    #[command(after_help = "Examples:\n  \
        countersign apis create https://api.example.com --name Orders --scope orders:read=\"See your orders\"\n  \
        countersign apis create https://api.example.com --name Orders --owned-scope orders:all --any-client\n  \
        countersign apis create https://api.example.com --name Orders --scope orders:read --words de:orders:read=\"Deine Bestellungen sehen\"")]
    Create(NewApi),
    /// List APIs
    #[command(after_help = "Example:\n  countersign apis list")]
    List,
    /// Show an API with its scopes
    #[command(after_help = "Example:\n  countersign apis show https://api.example.com")]
    Show(NamedApi),
    /// Change an API
    ///
    /// A scope replaces the one with the same name. APIs that the settings file declares can only be changed there.
    #[command(after_help = "Examples:\n  \
        countersign apis update https://api.example.com --scope orders:write=\"Change your orders\"\n  \
        countersign apis update https://api.example.com --remove-scope orders:write --access-ttl 5m")]
    Update(EditApi),
    /// Disable an API, so that no more tokens are issued for it
    #[command(after_help = "Example:\n  countersign apis disable https://api.example.com")]
    Disable(NamedApi),
    /// Enable a disabled API
    #[command(after_help = "Example:\n  countersign apis enable https://api.example.com")]
    Enable(NamedApi),
    /// Delete an API, so that no more tokens are issued for it
    #[command(after_help = "Example:\n  countersign apis delete https://api.example.com --yes")]
    Delete {
        /// The API
        #[command(flatten)]
        api: NamedApi,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// An API.
#[derive(Args)]
pub struct NamedApi {
    /// The identifier of the API, which is the `aud` of its tokens
    #[arg(value_name = "URI")]
    pub identifier: String,
}

/// `countersign apis create`.
#[derive(Args)]
pub struct NewApi {
    /// The API.
    #[command(flatten)]
    pub api: NamedApi,
    /// The name that users see
    #[arg(long)]
    pub name: String,
    /// Its scopes and the rest.
    #[command(flatten)]
    pub parts: ApiParts,
}

/// `countersign apis update`.
#[derive(Args)]
pub struct EditApi {
    /// The API.
    #[command(flatten)]
    pub api: NamedApi,
    /// The name that users see
    #[arg(long)]
    pub name: Option<String>,
    /// Remove a scope; may be given several times
    #[arg(long, value_name = "SCOPE")]
    pub remove_scope: Vec<String>,
    /// Its scopes and the rest.
    #[command(flatten)]
    pub parts: ApiParts,
}

/// The scopes of an API and the rest.
#[derive(Args)]
#[command(group = ArgGroup::new("access").args(["any_client", "listed_clients"]))]
pub struct ApiParts {
    /// A scope for every user who consents, with its description in English; may be given several times
    #[arg(long, value_name = "SCOPE[=WORDS]", value_parser = scope)]
    pub scope: Vec<(String, Option<String>)>,
    /// A scope that a user has only after `countersign users grant`, with its description; may be given several times
    #[arg(long, value_name = "SCOPE[=WORDS]", value_parser = scope)]
    pub owned_scope: Vec<(String, Option<String>)>,
    /// The description of a scope in another language; may be given several times
    #[arg(long, value_name = "LANGUAGE:SCOPE=WORDS", value_parser = words)]
    pub words: Vec<(String, String, String)>,
    /// All clients may request access
    #[arg(long)]
    pub any_client: bool,
    /// Only clients that list the API may request access (the default)
    #[arg(long)]
    pub listed_clients: bool,
    /// The longest lifetime of its access tokens, at most 24h
    #[arg(long, value_name = "DURATION", value_parser = super::arguments::lifetime)]
    pub access_ttl: Option<Duration>,
    /// Another identifier that clients may use for it; may be given several times
    #[arg(long, value_name = "URI")]
    pub alias: Vec<String>,
    /// The client that represents this API, and may introspect its tokens
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: Option<String>,
}

/// A scope, and its words if there are any. In a name with `=`, which only the settings file allows, the words would begin.
fn scope(text: &str) -> Result<(String, Option<String>), String> {
    Ok(match text.split_once('=') {
        Some((name, words)) => (super::arguments::one_scope(name)?, Some(words.to_owned())),
        None => (super::arguments::one_scope(text)?, None),
    })
}

/// A language, a scope and its words.
fn words(text: &str) -> Result<(String, String, String), String> {
    let split = text.split_once(':').and_then(|(language, rest)| {
        let (scope, words) = rest.split_once('=')?;
        Some((language.to_owned(), scope.to_owned(), words.to_owned()))
    });
    split.ok_or_else(|| {
        "expected a language, a scope and words, such as de:orders:read=\"Deine Bestellungen sehen\"".to_owned()
    })
}
