//! The request and response bodies. Errors name the invalid member and the expected format.

use countersign_guard::Scopes;
use countersign_oauth::ApiMetadata;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::service::{Issued, Lifetime, Move, User, Wanted, WantedClient};
use crate::core::clock::Timestamp;
use crate::core::extract::{Fields, Known, twice};
use crate::core::ids::{AccountId, SessionId};
use crate::core::problem::{Code, FieldError, Problem};
use crate::features::oauth::apis::Api;
use crate::features::oauth::clients::Made;
use crate::settings::parse_duration;

/// `{"user": …, "scopes": […], "lifetime": "15m", "audience": …}`; all but `user` may be left out.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct TokenRequest(Fields);

/// `{"advance": "1h"}` or `{"to": "2027-01-01T00:00:00Z"}`.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct ClockRequest(Fields);

/// The members of an entry of `[[clients]]`, except for its secret.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct ClientRequest(Fields);

/// The members of an entry of `[[apis]]`.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct ApiRequest(Fields);

/// A registered client, and what it is configured with.
#[derive(Serialize)]
pub(super) struct ClientBody {
    issuer: String,
    client_id: String,
    /// `None` for a public client.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// A registered API.
#[derive(Serialize)]
pub(super) struct ApiBody {
    identifier: String,
}

/// The token in the format of RFC 6749 §5.1, and its user.
#[derive(Serialize)]
pub(super) struct TokenBody {
    access_token: String,
    token_type: &'static str,
    /// Negative for an expired token.
    expires_in: i64,
    refresh_token: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    session: SessionId,
    user: AccountId,
}

/// The current time of the clock.
#[derive(Serialize)]
pub(super) struct NowBody {
    pub(super) now: Timestamp,
}

const USER: &str = "Must be an email address or an account ID. If no account has the email address, one is created.";
const SCOPES: &str = "Must be a list of scopes, such as [\"products:read\"], or an empty list.";
const LIFETIME: &str = "Must be a duration such as \"15m\" or \"2h\", or \"-1h\" for a token that expired an hour ago.";
const AUDIENCE: &str = "Must be a single audience, such as \"https://api.example.com\".";
const ADVANCE: &str = "Must be a duration such as \"90s\" or \"15d\". To set the clock back, use \"to\".";
const CLIENT_ID: &str = "Must be the ID of the client, such as \"app\".";
const TRUE_OR_FALSE: &str = "Must be true or false.";
const TO: &str = "Must be a time in UTC, such as \"2027-01-01T00:00:00Z\".";

impl TryFrom<TokenRequest> for Wanted {
    type Error = Problem;

    fn try_from(TokenRequest(fields): TokenRequest) -> Result<Self, Problem> {
        let mut members = Members::of(fields, &["user", "scopes", "lifetime", "audience"]);
        let user = members.take("user", USER, user);
        let wanted = (
            members.take("scopes", SCOPES, scopes),
            members.take("lifetime", LIFETIME, lifetime),
            members.take("audience", AUDIENCE, audience),
        );
        members.finish()?;
        let user = user.ok_or_else(|| missing("user", USER))?;
        let (scopes, lifetime, audience) = wanted;
        Ok(Self {
            user,
            scopes,
            lifetime,
            audience,
        })
    }
}

impl TryFrom<ClientRequest> for WantedClient {
    type Error = Problem;

    fn try_from(ClientRequest(fields): ClientRequest) -> Result<Self, Problem> {
        let mut members = Members::of_any(fields);
        let client_id = members.take("client_id", CLIENT_ID, |value| value.as_str().map(str::to_owned));
        let public = members.take("public", TRUE_OR_FALSE, Value::as_bool);
        let trusted = members.take("trusted", TRUE_OR_FALSE, Value::as_bool);
        Ok(Self {
            members: members.rest()?,
            client_id: client_id.ok_or_else(|| missing("client_id", CLIENT_ID))?,
            public: public.unwrap_or_default(),
            trusted: trusted.unwrap_or_default(),
        })
    }
}

impl TryFrom<ApiRequest> for ApiMetadata {
    type Error = Problem;

    fn try_from(ApiRequest(fields): ApiRequest) -> Result<Self, Problem> {
        let object = Members::of_any(fields).rest()?;
        serde_json::from_value(Value::Object(object)).map_err(|error| {
            let detail = format!("Must have the fields of an entry in [[apis]]: {error}.");
            Problem::new(Code::BadRequest).detail(detail)
        })
    }
}

impl ClientBody {
    pub(super) fn new(made: &Made, issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            client_id: made.client.client_id.clone(),
            client_secret: made.secret.as_ref().map(|secret| secret.reveal().to_owned()),
        }
    }
}

impl From<Api> for ApiBody {
    fn from(api: Api) -> Self {
        Self {
            identifier: api.metadata.identifier,
        }
    }
}

impl TryFrom<ClockRequest> for Move {
    type Error = Problem;

    fn try_from(ClockRequest(fields): ClockRequest) -> Result<Self, Problem> {
        let mut members = Members::of(fields, &["advance", "to"]);
        let advance = members.take("advance", ADVANCE, |value| parse_duration(value.as_str()?).ok());
        let to = members.take("to", TO, |value| value.as_str()?.parse().ok());
        members.finish()?;
        match (advance, to) {
            (Some(by), None) => Ok(Self::Forward(by)),
            (None, Some(to)) => Ok(Self::To(to)),
            (None, None) => Err(missing("advance", ADVANCE)),
            (Some(_), Some(_)) => Err(Problem::validation(vec![
                FieldError::new("to", Code::Invalid).detail("Set either \"advance\" or \"to\", not both."),
            ])),
        }
    }
}

impl From<Issued> for TokenBody {
    fn from(issued: Issued) -> Self {
        Self {
            access_token: issued.access_token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token: issued.refresh_token.reveal(),
            scope: issued.session.scope,
            session: issued.session.id,
            user: issued.session.account_id,
        }
    }
}

fn user(value: &Value) -> Option<User> {
    let text = value.as_str()?;
    match text.parse() {
        Ok(id) => Some(User::Known(AccountId(id))),
        Err(_) => text.parse().ok().map(User::Address),
    }
}

fn scopes(value: &Value) -> Option<Scopes> {
    let names: Option<Vec<&str>> = value.as_array()?.iter().map(Value::as_str).collect();
    names?.join(" ").parse().ok()
}

fn lifetime(value: &Value) -> Option<Lifetime> {
    let text = value.as_str()?;
    match text.strip_prefix('-') {
        Some(ago) => parse_duration(ago).ok().map(Lifetime::Over),
        None => parse_duration(text).ok().map(Lifetime::Left),
    }
}

fn audience(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn missing(name: &'static str, how: &'static str) -> Problem {
    Problem::validation(vec![FieldError::new(name, Code::Missing).detail(how)])
}

/// The members of a JSON object, removed one by one.
struct Members {
    object: Map<String, Value>,
    mistakes: Vec<FieldError>,
}

impl Members {
    /// Reports members that are not in `names`, and those that appear twice.
    fn of(Fields(fields): Fields, names: &'static [&'static str]) -> Self {
        let known = Known::named(names);
        let mut members = Self {
            object: Map::new(),
            mistakes: Vec::new(),
        };
        for (name, value) in fields {
            if !known.contains(&name) {
                members.mistakes.push(known.unknown(&name));
            } else if members.object.insert(name.clone(), value).is_some() {
                members.mistakes.push(twice(&name));
            }
        }
        members
    }

    /// Takes any members, and reports those that appear twice.
    fn of_any(Fields(fields): Fields) -> Self {
        let mut members = Self {
            object: Map::new(),
            mistakes: Vec::new(),
        };
        for (name, value) in fields {
            if members.object.insert(name.clone(), value).is_some() {
                members.mistakes.push(twice(&name));
            }
        }
        members
    }

    /// Returns the members that are left, or reports all mistakes.
    fn rest(self) -> Result<Map<String, Value>, Problem> {
        match self.mistakes.is_empty() {
            true => Ok(self.object),
            false => Err(Problem::validation(self.mistakes)),
        }
    }

    /// Removes an optional member, which may be null. `how` describes its format.
    fn take<T>(&mut self, name: &'static str, how: &'static str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.object.remove(name).filter(|value| !value.is_null())?;
        let read = read(&value);
        if read.is_none() {
            self.mistakes.push(FieldError::new(name, Code::Invalid).detail(how));
        }
        read
    }

    /// Reports all mistakes.
    fn finish(self) -> Result<(), Problem> {
        match self.mistakes.is_empty() {
            true => Ok(()),
            false => Err(Problem::validation(self.mistakes)),
        }
    }
}
