//! Extractors that answer with problems: bodies as JSON or form, and the request's [`Origin`].

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request};
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::address::ClientAddress;
use super::device::DeviceHash;
use super::language::Language;
use super::layers::RequestId;
use super::origin::{Origin, readable_user_agent};
use super::problem::{Code, FieldError, Problem};
use crate::Context;

/// A body of `application/json`.
pub struct Json<T>(pub T);

/// A body of `application/json` or of `application/x-www-form-urlencoded`.
pub struct JsonOrForm<T>(pub T);

/// A body like that of [`JsonOrForm`], or none at all.
pub struct OptionalBody<T>(pub Option<T>);

/// The last part of the path, as an id. What is no id names nothing: 404.
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(unsupported("Send the body as application/json."));
        }
        from_json(&bytes(request, state).await?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonOrForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = media_type(request.headers());
        let body = bytes(request, state).await?;
        match media_type.as_deref() {
            Some("application/json") => from_json(&body).map(Self),
            Some("application/x-www-form-urlencoded") => from_form(&body).map(Self),
            _ => Err(unsupported(
                "Send the body as application/json or application/x-www-form-urlencoded.",
            )),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = media_type(request.headers());
        let body = bytes(request, state).await?;
        match media_type.as_deref() {
            _ if body.is_empty() => Ok(Self(None)),
            Some("application/json") => from_json(&body).map(Some).map(Self),
            Some("application/x-www-form-urlencoded") => from_form(&body).map(Some).map(Self),
            _ => Err(unsupported(
                "Send the body as application/json or application/x-www-form-urlencoded.",
            )),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::<T>::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id)).map_err(|_| Problem::new(Code::NotFound))
    }
}

impl FromRequestParts<Context> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Problem> {
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .map_or_else(|| "".into(), |id| id.0.clone());
        // Without it, nobody could be limited and everybody would pass for the operator.
        let Some(&ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Err(Problem::internal(
                "the listener does not say who connects: serve with into_make_service_with_connect_info",
            ));
        };
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let wishes = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self {
            language: wishes.and_then(Language::wished).unwrap_or_default(),
            address: Some(ClientAddress::of(peer.ip(), &parts.headers, &context.settings.trusted_proxies).ip()),
            user_agent: user_agent.and_then(readable_user_agent),
            // The layer around the pages has read it; the API is not spoken to by cookies.
            device: parts.extensions.get::<DeviceHash>().copied(),
            request_id,
        })
    }
}

/// Whether the body is said to be JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).as_deref() == Some("application/json")
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge),
            // The connection broke or the chunks make no sense: nobody is left to read much of an answer.
            _ => Problem::new(Code::MalformedBody).caused_by(rejection),
        })
}

/// The media type in small letters without its parameters; a charset other than UTF-8 is not supported.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next()?.to_owned();
    let utf8 = |part: &str| match part.split_once('=') {
        Some(("charset", charset)) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
        _ => true,
    };
    parts.all(utf8).then_some(essence)
}

fn unsupported(detail: &'static str) -> Problem {
    Problem::new(Code::UnsupportedMediaType).detail(detail)
}

/// The texts of serde's errors may quote the value, which may be a password: only the place is told.
fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if !error.is_data() {
            let place = format!(
                "The JSON cannot be read: line {}, column {}.",
                error.line(),
                error.column()
            );
            return Problem::new(Code::MalformedBody).detail(place);
        }
        mistake(&path, &error.to_string())
    })?;
    reader
        .end()
        .map_err(|_| Problem::new(Code::MalformedBody).detail("There is text after the JSON value."))?;
    Ok(value)
}

fn from_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if std::str::from_utf8(body).is_err() {
        return Err(Problem::new(Code::MalformedBody).detail("The form is not UTF-8."));
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(body));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        mistake(&path, &error.into_inner().to_string())
    })
}

/// What serde found wrong, told without the value it found.
fn mistake(path: &str, text: &str) -> Problem {
    let named = |start: &str| {
        text.strip_prefix(start)
            .and_then(|rest| rest.split('`').next())
            .map(str::to_owned)
    };
    if let Some(field) = named("missing field `") {
        return Problem::validation(vec![FieldError::new(field, Code::Missing)]);
    }
    if let Some(field) = named("duplicate field `") {
        let twice = FieldError::new(field, Code::Invalid).detail("The field is given more than once.");
        return Problem::validation(vec![twice]);
    }
    let field = if path == "." { "body" } else { path };
    Problem::validation(vec![FieldError::new(field.to_owned(), Code::Invalid)])
}
