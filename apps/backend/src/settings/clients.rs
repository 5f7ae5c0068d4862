//! `[[clients]]`: clients (RFC 6749 §2), in the settings file or on the command line.

use std::path::PathBuf;
use std::time::Duration;

use countersign_oauth::{ClientMetadata, GrantType, MetadataError, Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::entry::{Entry, Lines};
use super::setting::Setting;
use super::source::CLIENTS;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;

/// The shortest secret of the operator's own, in characters.
const SHORTEST_SECRET: usize = 32;
/// The longest `client_id`, in characters.
const LONGEST_ID: usize = 200;
/// The SHA-256 of nothing, and of an empty line: what the command for a hash prints when there is no secret.
const OF_NOTHING: [&str; 2] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
];
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

/// The secret of a client in the settings file.
#[derive(Clone, Debug)]
pub enum DeclaredSecret {
    /// The text of its file.
    Text(SecretString),
    /// Its SHA-256.
    Sha256([u8; 32]),
}

/// The settings of one entry.
pub(super) const FIELDS: &[Setting] = &[
    field(
        "client_id",
        String::FORM,
        "The id by which the client names itself: 1 to 200 letters, digits and `.` `_` `~` `-`.",
        "required",
        r#""grafana""#,
    ),
    field(
        "client_name",
        String::FORM,
        "The name that users see. `\"client_name#de\"` is the name in German, and so on.",
        "`client_id`",
        r#""Grafana""#,
    ),
    field(
        "redirect_uris",
        "list of URIs",
        "Where users may be sent after they have signed in. Compared character by character; only the port of \
         `http://127.0.0.1`, `http://[::1]` and `http://localhost` may differ for public clients.",
        "none",
        r#"["https://grafana.example.com/login/generic_oauth"]"#,
    ),
    field(
        "secret_file",
        PathBuf::FORM,
        "The file with the client's secret and nothing else: at least 32 characters, such as from `openssl rand -hex 32`. \
         One trailing line break is removed.",
        "one of `secret_file`, `secret_sha256` and `public` is required",
        r#""secrets/clients/grafana""#,
    ),
    field(
        "secret_sha256",
        "64 hexadecimal digits",
        "The SHA-256 of the client's secret instead, so that only the client has the secret: `printf %s \"$SECRET\" | sha256sum`.",
        "none",
        r#""c1d9a3f5be0c4f7a8e2b6d90517f3c8246ab0de97c15f28b3e64d7091ac58f2e""#,
    ),
    field(
        "public",
        bool::FORM,
        "Whether the client is public: it runs on users' devices or in their browsers, where it cannot keep a secret.",
        "`false`",
        "false",
    ),
    field(
        "trusted",
        bool::FORM,
        "Whether users are not asked for their consent. Only for your own applications.",
        "`false`",
        "false",
    ),
    field(
        "grant_types",
        "list of `authorization_code`, `refresh_token`, `client_credentials`, `device_code`",
        "What the client may do: sign users in, stay connected, get tokens for itself, sign users in on another device.",
        "`authorization_code` and `refresh_token`",
        r#"["authorization_code", "refresh_token"]"#,
    ),
    field(
        "scope",
        "scopes separated by spaces",
        "The scopes that the client may request. With `client_credentials`, they must be listed.",
        "all scopes of OpenID Connect, and all of the APIs that the client may use",
        r#""openid profile email""#,
    ),
    field(
        "apis",
        "list of URIs",
        "The APIs that the client may use, in addition to those for any client.",
        "none",
        r#"["https://api.example.com"]"#,
    ),
    field(
        "default_api",
        "URI",
        "The API that access tokens are for if a request names none.",
        "the userinfo endpoint",
        r#""https://api.example.com""#,
    ),
    field(
        "post_logout_redirect_uris",
        "list of URIs",
        "Where users may be sent after they have signed out at the client. Compared like `redirect_uris`.",
        "none",
        r#"["https://grafana.example.com/"]"#,
    ),
    field(
        "backchannel_logout_uri",
        "URL",
        "The URL of the client that is told when a user signs out.",
        "none",
        r#""https://grafana.example.com/logout/backchannel""#,
    ),
    field(
        "backchannel_logout_session_required",
        bool::FORM,
        "Whether the client needs `sid` in logout tokens. They always have it.",
        "`false`",
        "false",
    ),
    field(
        "id_token_signed_response_alg",
        "`RS256` or `ES256`",
        "The signature of ID tokens and logout tokens. Every client library supports RS256, and many support nothing else. ES256 is \
         shorter and takes the server less time.",
        "`RS256`",
        r#""RS256""#,
    ),
    field(
        "userinfo_signed_response_alg",
        "`RS256` or `ES256`",
        "The signature of responses of the userinfo endpoint.",
        "none: they are JSON",
        r#""RS256""#,
    ),
    field(
        "token_endpoint_auth_method",
        "`client_secret_basic` or `client_secret_post`",
        "How the client says that it sends its secret. Both are accepted from every client that has a secret.",
        "`client_secret_basic`",
        r#""client_secret_basic""#,
    ),
    field(
        "require_pkce",
        bool::FORM,
        "Whether the client must use PKCE. Only for old programs that cannot; a public client always must.",
        "`true`",
        "true",
    ),
    field(
        "rotate_refresh_tokens",
        bool::FORM,
        "Whether a refresh token is replaced whenever it is used. Only for programs that cannot store the new one.",
        "`true`",
        "true",
    ),
    field(
        "refresh_idle_ttl",
        Duration::FORM,
        "How long a refresh token is valid without being used, if shorter than `tokens.refresh_idle_ttl`.",
        "`tokens.refresh_idle_ttl`",
        r#""7d""#,
    ),
    field(
        "refresh_absolute_ttl",
        Duration::FORM,
        "How long the client can refresh its tokens in total, if shorter than `tokens.refresh_absolute_ttl`.",
        "`tokens.refresh_absolute_ttl`",
        r#""30d""#,
    ),
    field(
        "id_token_claims",
        "`scope` or `minimal`",
        "Whether ID tokens have the claims of the granted scopes, or only those that the client asks for with `claims`.",
        "`scope`",
        r#""scope""#,
    ),
    field(
        "insecure_redirects",
        bool::FORM,
        "Whether its redirect URIs may use `http` on hosts other than the user's own device. Anyone on the network can then \
         take over the sign-in of a user.",
        "`false`",
        "false",
    ),
    field(
        "default_max_age",
        u32::FORM,
        "After how many seconds users have to sign in again, when the client does not say.",
        "none",
        "3600",
    ),
    field(
        "default_acr_values",
        "list of `aal1`, `aal2`",
        "How strongly users should be authenticated, when the client does not say.",
        "none",
        r#"["aal2"]"#,
    ),
    field(
        "require_auth_time",
        bool::FORM,
        "Whether the client needs `auth_time` in ID tokens. They always have it.",
        "`false`",
        "false",
    ),
    field(
        "client_uri",
        "URL",
        "The home page of the client.",
        "none",
        r#""https://grafana.example.com""#,
    ),
    field(
        "initiate_login_uri",
        "URL",
        "The page of the client that begins a sign-in.",
        "none",
        r#""https://grafana.example.com/login""#,
    ),
    field(
        "policy_uri",
        "URL",
        "Its privacy policy, to which the consent page links.",
        "none",
        r#""https://example.com/privacy""#,
    ),
    field(
        "tos_uri",
        "URL",
        "Its terms of service, to which the consent page links.",
        "none",
        r#""https://example.com/terms""#,
    ),
    field(
        "contacts",
        "list of strings",
        "Who is responsible for the client.",
        "none",
        r#"["ops@example.com"]"#,
    ),
    field(
        "response_types",
        "list of strings",
        "Only `code` is supported.",
        "`code`",
        r#"["code"]"#,
    ),
];

/// A row of [`FIELDS`]. The example is written in TOML.
const fn field(
    name: &'static str,
    form: &'static str,
    meaning: &'static str,
    default_is: &'static str,
    example: &'static str,
) -> Setting {
    Setting {
        name,
        meaning,
        warning: "",
        default: example,
        default_is,
        form,
        secret: false,
    }
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
        let what = format!("has a secret in clear text (`{name}`)");
        let help = "write it to a file of its own and set `secret_file`, or set `secret_sha256`";
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
    let secret = secret(entry, has_clear_text);
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
        return Some("is the id of this server itself");
    }
    Uuid::try_parse(client_id)
        .is_ok()
        .then_some("must not be a UUID, which is the form of the ids of users")
}

/// Reads which secret the client has. Exactly one of three settings says it.
fn secret(entry: &mut Entry, has_clear_text: bool) -> Option<DeclaredSecret> {
    let given = [
        entry.has("secret_file"),
        entry.has("secret_sha256"),
        entry.is_true("public"),
    ];
    if given.into_iter().filter(|is_given| *is_given).count() != 1 && !has_clear_text {
        let fault = ValueError::new(
            "must have exactly one of `secret_file`, `secret_sha256` and `public = true`",
            "set `public = true` for a client that runs on users' devices, and the file of its secret otherwise",
        );
        entry.blame("", fault);
    }
    entry.take::<bool>("public");
    let digest = entry.take_secret("secret_sha256", |text| {
        let hash = sha256(text).ok_or_else(|| ValueError::new("is not a SHA-256", "expected 64 hexadecimal digits"))?;
        match OF_NOTHING.contains(&&*text.to_ascii_lowercase()) {
            true => {
                let help =
                    "set the variable first: `SECRET=$(openssl rand -hex 32); printf %s \"$SECRET\" | sha256sum`";
                Err(ValueError::new("is the SHA-256 of an empty secret", help))
            }
            false => Ok(hash),
        }
    });
    let text = entry.take_secret("secret_file", read_secret);
    digest.map(DeclaredSecret::Sha256).or(text.map(DeclaredSecret::Text))
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (at, byte) in hash.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    is_hex.then_some(hash)
}

fn read_secret(path: &str) -> Result<SecretString, ValueError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let help = "expected the path of a file that contains the secret and nothing else";
        ValueError::new(format!("failed to read {path:?}: {error}"), help)
    })?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = SecretString::from(secret.strip_suffix('\r').unwrap_or(secret));
    match invalid_secret(&secret) {
        Some(fault) => {
            let help = "make one with `openssl rand -hex 32`";
            Err(ValueError::new(format!("{path:?}: the secret {fault}"), help))
        }
        None => Ok(secret),
    }
}

/// Returns what is wrong with a secret of the operator's own, if anything.
fn invalid_secret(secret: &SecretString) -> Option<&'static str> {
    let secret = secret.expose_secret();
    if secret.chars().count() < SHORTEST_SECRET {
        return Some("has fewer than 32 characters");
    }
    let has_blanks = secret.chars().any(|c| c.is_whitespace() || c.is_control());
    has_blanks.then_some("contains a space, a line break or a control character")
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
