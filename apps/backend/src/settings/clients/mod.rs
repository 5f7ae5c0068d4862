//! `[[clients]]`: clients (RFC 6749 §2), in the settings file or on the command line.

mod fields;
mod secret;

use countersign_oauth::{ClientMetadata, GrantType, MetadataError, Policy};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

pub(super) use self::fields::FIELDS;
pub use self::secret::DeclaredSecret;
use super::entry::{Entry, Lines};
use super::source::CLIENTS;
use super::value_error::ValueError;
use super::values::Values;

/// The longest `client_id`, in characters.
const LONGEST_ID: usize = 200;
/// The `client_id` in the tokens of this server's own sessions.
const OUR_OWN_ID: &str = "countersign";

/// The entries of `[[clients]]`.
#[derive(Clone, Debug, Default)]
pub struct Clients(Vec<DeclaredClient>);

/// A client in the settings file.
#[derive(Clone, Debug)]
pub struct DeclaredClient {
    pub client_id: String,
    /// Whether users are not asked for their consent.
    pub trusted: bool,
    /// `None` for a public client.
    pub secret: Option<DeclaredSecret>,
    pub metadata: ClientMetadata,
}

impl Clients {
    /// The clients, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &DeclaredClient> {
        self.0.iter()
    }

    /// Takes the entries of the file; mistakes are kept in `values`.
    pub(super) fn read(values: &mut Values) -> Self {
        let native_schemes = values
            .peek::<Vec<String>>("provider.native_schemes")
            .unwrap_or_default();
        let policy = Policy {
            native_schemes: &native_schemes,
        };
        let entries = std::mem::take(&mut values.clients);
        let mut clients: Vec<DeclaredClient> = Vec::new();
        for (index, raw) in entries.into_iter().enumerate() {
            let mut entry = Entry::new(CLIENTS, index, raw);
            let client = read(&mut entry, &policy, &clients);
            if entry.finish(values) {
                clients.extend(client);
            }
        }
        Self(clients)
    }
}

fn read(entry: &mut Entry, policy: &Policy<'_>, others: &[DeclaredClient]) -> Option<DeclaredClient> {
    let in_clear_text = |name: &str| {
        let what = format!("contains a secret in plain text (`{name}`)");
        let help = "write it to a separate file and set `secret_file`, or set `secret_sha256`";
        ValueError::new(what, help)
    };
    let names = ["secret", "client_secret"];
    let has_clear_text = names
        .into_iter()
        .filter(|name| entry.refuse(name, || in_clear_text(name)))
        .count()
        > 0;
    entry.refuse_unknown(FIELDS, |name| name.starts_with("client_name#"));
    entry.require("client_id");
    let client_id = entry.take_checked("client_id", client_id_fault);
    if let Some(client_id) = &client_id
        && others.iter().any(|other| other.client_id == *client_id)
    {
        let fault = ValueError::new(format!("lists the client {client_id:?} twice"), "list each client once");
        entry.blame("", fault);
    }
    let secret = secret::read(entry, has_clear_text);
    let trusted = entry.take::<bool>("trusted").unwrap_or(false);
    // The members depend on each other, so they are checked together.
    let (object, lines) = entry.take_rest(|_, _| Ok(()));
    let metadata = match client_metadata(object, secret.is_some() || has_clear_text, policy) {
        Ok(metadata) => metadata,
        Err(error) => {
            blame(entry, &lines, &error);
            return None;
        }
    };
    Some(DeclaredClient {
        client_id: client_id?,
        trusted,
        secret,
        metadata,
    })
}

/// What is wrong with a `client_id`.
fn client_id_fault(client_id: &str) -> Option<ValueError> {
    let fault = invalid_client_id(client_id)?;
    Some(ValueError::new(
        format!("{client_id:?} {fault}"),
        "choose another one, such as grafana",
    ))
}

/// Returns what is wrong with a `client_id`, if anything. It is never a UUID, so that a token of a client cannot be taken for one
/// of a user.
pub fn invalid_client_id(client_id: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    if client_id.is_empty() || client_id.len() > LONGEST_ID || !client_id.bytes().all(allowed) {
        return Some("must have 1 to 200 letters, digits and . _ ~ -");
    }
    if client_id == OUR_OWN_ID {
        return Some("is reserved for this server");
    }
    Uuid::try_parse(client_id)
        .is_ok()
        .then_some("must not be a UUID, because user IDs are UUIDs")
}

/// Reads the metadata of a client that an operator registers: without `grant_types`, it signs users in and stays connected.
///
/// # Errors
/// The first member that is not acceptable.
pub fn client_metadata(
    mut object: Map<String, Json>,
    has_secret: bool,
    policy: &Policy<'_>,
) -> Result<ClientMetadata, MetadataError> {
    let grants = object
        .entry("grant_types")
        .or_insert_with(|| json!([GrantType::AuthorizationCode, GrantType::RefreshToken]));
    if let Json::Array(grants) = grants {
        for grant in grants.iter_mut().filter(|grant| **grant == "device_code") {
            *grant = json!(GrantType::DeviceCode);
        }
    }
    let method = object.get("token_endpoint_auth_method").and_then(Json::as_str);
    if !has_secret {
        if method.is_some_and(|method| method != "none") {
            let problem = "must be none for a public client";
            return Err(MetadataError::new("token_endpoint_auth_method", problem));
        }
        object.insert("token_endpoint_auth_method".to_owned(), json!("none"));
    } else if method == Some("none") {
        let problem = "must not be none for a client with a secret";
        return Err(MetadataError::new("token_endpoint_auth_method", problem));
    }
    let metadata = ClientMetadata::from_object(object)?;
    metadata.validate(policy)?;
    if metadata.may_use(GrantType::ClientCredentials) && metadata.scope.is_none() {
        let problem = "must list the scopes that the client may get for itself with client_credentials";
        return Err(MetadataError::new("scope", problem));
    }
    Ok(metadata)
}

fn blame(entry: &mut Entry, lines: &Lines, error: &MetadataError) {
    let (member, text) = (error.member(), error.to_string());
    let problem = text.strip_prefix(member).unwrap_or(&text).trim_start().to_owned();
    // `redirect_uris[0]`: the line is that of the list.
    let name = member.split(['[', '.']).next().unwrap_or(member);
    entry.blame_taken(lines, name, ValueError::new(problem, ""));
}
