//! `countersign clients` as types.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use countersign_oauth::{GrantType, SigningAlg};
use serde_json::{Map, Value};

use crate::settings::parse_duration;

/// The longest time for which a replaced secret stays valid.
const LONGEST_GRACE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// `countersign clients`.
#[derive(Subcommand)]
pub enum ClientsCommand {
    /// Register an application that users sign in to, or a program that acts on its own
    ///
    /// Prints what the program needs: the issuer, the client ID, the secret and the redirect URI. The secret is shown
    /// only once.
    #[command(after_help = "Examples:\n  \
        countersign clients create grafana --name Grafana --redirect-uri https://grafana.example.com/login/generic_oauth\n  \
        countersign clients create app --public --redirect-uri com.example.app:/callback --redirect-uri http://127.0.0.1/callback\n  \
        countersign clients create backup --grant-type client_credentials --api https://api.example.com --scope orders:read\n  \
        countersign clients create cli --public --grant-type device_code --grant-type refresh_token")]
    Create(NewClient),
    /// List clients
    #[command(after_help = "Example:\n  countersign clients list")]
    List,
    /// Show a client with its metadata, and when its secrets expire
    #[command(after_help = "Example:\n  countersign clients show grafana")]
    Show(NamedClient),
    /// Change a client
    ///
    /// A list replaces the current one. Clients that the settings file declares can only be changed there.
    #[command(after_help = "Examples:\n  \
        countersign clients update grafana --redirect-uri https://grafana.example.org/login/generic_oauth\n  \
        countersign clients update grafana --metadata '{\"refresh_idle_ttl\":\"7d\",\"client_uri\":null}'")]
    Update(EditClient),
    /// Create a new secret for a client
    ///
    /// The current secret stops working at once, or after --grace.
    #[command(after_help = "Example:\n  countersign clients rotate-secret grafana --grace 7d")]
    RotateSecret {
        /// The client
        #[command(flatten)]
        client: NamedClient,
        /// How long the current secret stays valid, at most 90d
        #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = grace)]
        grace: Duration,
    },
    /// Disable a client and revoke its grants
    #[command(after_help = "Example:\n  countersign clients disable grafana")]
    Disable(NamedClient),
    /// Enable a disabled client
    #[command(after_help = "Example:\n  countersign clients enable grafana")]
    Enable(NamedClient),
    /// Delete a client, its grants and its users' consent
    #[command(after_help = "Example:\n  countersign clients delete grafana --yes")]
    Delete {
        /// The client
        #[command(flatten)]
        client: NamedClient,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Apply `[[clients]]` and `[[apis]]` from the settings file
    ///
    /// A server applies them when it starts. New entries are registered, changed entries are updated, and clients and
    /// APIs whose entries were removed are disabled.
    #[command(after_help = "Example:\n  countersign clients apply --dry-run")]
    Apply {
        /// Only show the differences
        #[arg(long)]
        dry_run: bool,
    },
}

/// A client.
#[derive(Args)]
pub struct NamedClient {
    /// The client ID
    #[arg(value_name = "CLIENT_ID")]
    pub client_id: String,
}

/// `countersign clients create`.
#[derive(Args)]
pub struct NewClient {
    /// The client.
    #[command(flatten)]
    pub client: NamedClient,
    /// The client runs on users' devices or in their browsers, so it cannot keep a secret
    #[arg(long)]
    pub public: bool,
    /// Do not ask users for their consent: only for your own applications
    #[arg(long)]
    pub trusted: bool,
    /// Its metadata.
    #[command(flatten)]
    pub members: Members,
}

/// `countersign clients update`.
#[derive(Args)]
#[command(group = ArgGroup::new("kind").args(["public", "confidential"]))]
pub struct EditClient {
    /// The client.
    #[command(flatten)]
    pub client: NamedClient,
    /// Make the client public: it loses its secret
    #[arg(long)]
    pub public: bool,
    /// Give the client a secret
    #[arg(long)]
    pub confidential: bool,
    /// Do not ask users for their consent: only for your own applications
    #[arg(long, conflicts_with = "no_trusted")]
    pub trusted: bool,
    /// Ask users for their consent
    #[arg(long)]
    pub no_trusted: bool,
    /// Its metadata.
    #[command(flatten)]
    pub members: Members,
}

/// Metadata of a client.
#[derive(Args)]
pub struct Members {
    /// The name that users see
    #[arg(long)]
    pub name: Option<String>,
    /// Where users return after they have signed in; may be given several times
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Vec<String>,
    /// Where users return after they have signed out; may be given several times
    #[arg(long, value_name = "URI")]
    pub post_logout_redirect_uri: Vec<String>,
    /// A grant type that the client may use; may be given several times [default: authorization_code and refresh_token]
    #[arg(long, value_name = "GRANT", value_parser = grant_type)]
    pub grant_type: Vec<GrantType>,
    /// The scopes that the client may request, separated by spaces [default: all OpenID scopes, and all scopes of its
    /// APIs]
    #[arg(long, value_name = "SCOPES")]
    pub scope: Option<String>,
    /// An API that the client may use; may be given several times
    #[arg(long, value_name = "URI")]
    pub api: Vec<String>,
    /// The API that access tokens are for if a request names none
    #[arg(long, value_name = "URI")]
    pub default_api: Option<String>,
    /// The URL that logout tokens are sent to when a user signs out
    #[arg(long, value_name = "URL")]
    pub backchannel_logout_uri: Option<String>,
    /// The signature algorithm of ID tokens: RS256, which every client library supports, or ES256 [default: RS256]
    #[arg(long, value_name = "ALGORITHM", value_parser = signing_alg)]
    pub id_token_alg: Option<SigningAlg>,
    /// Other metadata, as a JSON object (see `[[clients]]` in docs/settings.md); members that are null are removed
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub metadata: Option<Map<String, Value>>,
}

impl Members {
    /// Returns the members that were given, by their names in client metadata.
    pub fn object(&self) -> Map<String, Value> {
        let mut object = self.metadata.clone().unwrap_or_default();
        let texts = [
            ("client_name", &self.name),
            ("scope", &self.scope),
            ("default_api", &self.default_api),
            ("backchannel_logout_uri", &self.backchannel_logout_uri),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                object.insert(name.to_owned(), Value::from(text.as_str()));
            }
        }
        let lists = [
            ("redirect_uris", &self.redirect_uri),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uri),
            ("apis", &self.api),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            object.insert(name.to_owned(), Value::from(list.clone()));
        }
        if !self.grant_type.is_empty() {
            let grants: Vec<_> = self.grant_type.iter().map(|grant| grant.as_str()).collect();
            object.insert("grant_types".to_owned(), Value::from(grants));
        }
        if let Some(algorithm) = self.id_token_alg {
            let name = "id_token_signed_response_alg".to_owned();
            object.insert(name, Value::from(algorithm.as_str()));
        }
        object
    }
}

fn grant_type(text: &str) -> Result<GrantType, String> {
    match text {
        "device_code" => Ok(GrantType::DeviceCode),
        text => text
            .parse()
            .map_err(|_| "expected authorization_code, refresh_token, client_credentials or device_code".to_owned()),
    }
}

fn signing_alg(text: &str) -> Result<SigningAlg, String> {
    text.parse().map_err(|_| "expected RS256 or ES256".to_owned())
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

fn grace(text: &str) -> Result<Duration, String> {
    let grace = parse_duration(text).map_err(|wrong| format!("{wrong}; expected a duration such as 7d, 12h or 0s"))?;
    match grace <= LONGEST_GRACE {
        true => Ok(grace),
        false => Err("expected at most 90d".to_owned()),
    }
}
