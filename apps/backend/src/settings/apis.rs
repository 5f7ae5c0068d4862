//! `[[apis]]`: APIs that clients may request access to, in the settings file or on the command line.

use std::time::Duration;

use countersign_oauth::{ApiMetadata, ApiMetadataError, ResourceIndicator};
use serde_json::{Map, Value as Json};

use super::clients::invalid_client_id;
use super::entry::Entry;
use super::origin::Issuer;
use super::setting::{Setting, field};
use super::source::APIS;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;
use super::wording::LANGUAGES;

/// The entries of `[[apis]]`.
#[derive(Clone, Debug, Default)]
pub struct Apis(Vec<ApiMetadata>);

/// The settings of one entry.
pub(super) const FIELDS: &[Setting] = &[
    field(
        "identifier",
        "URI",
        "The identifier that clients use for the API (RFC 8707), and the `aud` of its tokens. An absolute URI without \
         a fragment. Nothing has to be served there.",
        "required",
        r#""https://api.example.com""#,
    ),
    field(
        "name",
        String::FORM,
        "The name that users see. At most 100 characters.",
        "required",
        r#""Orders""#,
    ),
    field(
        "clients",
        "`any` or `listed`",
        "Which clients may request access: all of them, or those that list the API in `apis`.",
        "`listed`",
        r#""listed""#,
    ),
    field(
        "scopes",
        "list of tables",
        "The scopes, each with `name`, `grant` and `words`. A scope with `grant = \"open\"` is given to every user \
         who consents; a scope with `grant = \"owned\"` (the default) is given only to users who were granted it with \
         `countersign users grant`. `words` describes the scope on the consent page, by language: `{ en = \"See your \
         orders\" }`.",
        "none",
        r#"[{ name = "orders:read", grant = "open", words = { en = "See your orders" } }]"#,
    ),
    field(
        "access_ttl",
        Duration::FORM,
        "The maximum lifetime of the API's access tokens: 1s to 24h. `provider.access_ttl` applies if it is shorter.",
        "`provider.access_ttl`",
        r#""10m""#,
    ),
    field(
        "aliases",
        "list of URIs",
        "Other identifiers that clients may use for the API. The `aud` of its tokens is always `identifier`.",
        "none",
        r#"["https://api.example.com/v1"]"#,
    ),
    field(
        "client_id",
        String::FORM,
        "The client that represents this API. It may introspect tokens for the API.",
        "none",
        r#""orders-api""#,
    ),
];

impl Apis {
    /// The APIs, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &ApiMetadata> {
        self.0.iter()
    }

    /// Takes the entries of the file; mistakes are kept in `values`.
    pub(super) fn read(values: &mut Values) -> Self {
        let issuer = values.peek::<Issuer>("issuer");
        let issuer = issuer.as_ref().map(Issuer::as_str).unwrap_or_default();
        let mut taken = Vec::new();
        let entries = std::mem::take(&mut values.apis);
        let mut apis = Vec::new();
        for (index, raw) in entries.into_iter().enumerate() {
            let mut entry = Entry::new(APIS, index, raw);
            let api = read(&mut entry, issuer, &mut taken);
            if entry.finish(values) {
                apis.extend(api);
            }
        }
        Self(apis)
    }
}

fn read(entry: &mut Entry, issuer: &str, taken: &mut Vec<(ResourceIndicator, String)>) -> Option<ApiMetadata> {
    entry.refuse_unknown(FIELDS, |_| false);
    entry.require("identifier");
    entry.require("name");
    let (object, lines) = entry.take_rest(check_member);
    let api: ApiMetadata = serde_json::from_value(Json::Object(object)).ok()?;
    if let Err(error) = api.validate(issuer, &LANGUAGES).and_then(|()| check_client_id(&api)) {
        entry.blame_taken(&lines, error.member, ValueError::new(error.what, error.help));
        return None;
    }
    let place = entry.place();
    let aliases = api.aliases.iter().map(|alias| ("aliases", alias));
    for (member, name) in std::iter::once(("identifier", &api.identifier)).chain(aliases) {
        let Ok(identifier) = name.parse::<ResourceIndicator>() else {
            continue;
        };
        match taken.iter().find(|(other, _)| *other == identifier) {
            Some((_, before)) => {
                let fault = ValueError::new(format!("{name:?} is an identifier of {before}"), "use another one");
                entry.blame_taken(&lines, member, fault);
            }
            None => taken.push((identifier, place.clone())),
        }
    }
    Some(api)
}

/// Checks that `client_id` of an API is one that a client can have.
///
/// # Errors
/// If no client can have it.
pub fn check_client_id(api: &ApiMetadata) -> Result<(), ApiMetadataError> {
    let fault = api
        .client_id
        .as_deref()
        .and_then(|id| Some((id, invalid_client_id(id)?)));
    match fault {
        None => Ok(()),
        Some((id, fault)) => Err(ApiMetadataError {
            member: "client_id",
            what: format!("{id:?} {fault}"),
            help: "set `client_id` to the client that introspects tokens for the API, or remove it".to_owned(),
        }),
    }
}

/// Says what is wrong with the form of one member.
fn check_member(name: &str, value: &Json) -> Result<(), ValueError> {
    let mut object = Map::from_iter([
        ("identifier".to_owned(), Json::from("")),
        ("name".to_owned(), Json::from("")),
    ]);
    object.insert(name.to_owned(), value.clone());
    let read = serde_json::from_value::<ApiMetadata>(Json::Object(object));
    read.map(drop).map_err(|error| ValueError::new(error.to_string(), ""))
}
