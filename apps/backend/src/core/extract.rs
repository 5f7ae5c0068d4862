//! Extractors that reject with problems: JSON and form bodies, path IDs, and [`RequestInfo`].

mod fields;
mod known;
mod read;

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Path, Request};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::{Deserialize, DeserializeOwned};
use serde_json::Value;

pub use self::fields::Fields;
pub use self::known::Known;
use self::read::{Misfit, read_fields};
pub use self::read::{Read, Rules, twice};

use super::address::ClientAddress;
use super::applications::StartPage;
use super::device::DeviceHash;
use super::language::Language;
use super::platform::Platform;
use super::problem::{Code, FieldError, Problem};
use super::request_id::RequestId;
use super::request_info::{RequestInfo, readable_user_agent};

/// A body of `application/json`.
pub struct Json<T>(pub T);

/// A body of `application/json` whose values are also validated. All errors are reported at once.
pub struct Checked<T>(pub T);

/// A body of `application/json` or of a form (`application/x-www-form-urlencoded`, `multipart/form-data`).
pub struct JsonOrForm<T>(pub T);

/// A request without parameters: its body is empty, null, or an object or form without fields.
pub struct NoFields;

/// The last path segment as an ID. An invalid ID gives 404.
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        json(request, state).await?.without_mistakes().map(Self)
    }
}

impl<S: AsRef<Platform> + Send + Sync, T: DeserializeOwned + Rules> FromRequest<S> for Checked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        json(request, state).await?.checked(state.as_ref()).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonOrForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match is_json(request.headers()) {
            true => json(request, state).await,
            false => form(request, state).await,
        }?
        .without_mistakes()
        .map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::<T>::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id)).map_err(|_| Problem::new(Code::NotFound))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .map_or_else(|| "".into(), |id| id.as_str().into());
        // Set by the middleware if the listener provides the peer's address. Without it, no client could be
        // rate-limited.
        let Some(address) = parts.extensions.get::<ClientAddress>() else {
            return Err(Problem::internal(
                "the peer's IP address is unknown; serve the app with into_make_service_with_connect_info",
            ));
        };
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            language: Language::preferred(&parts.headers).unwrap_or_default(),
            address: Some(address.ip()),
            user_agent: user_agent.and_then(readable_user_agent),
            // Read from the cookie by the middleware of the pages. The API reads it when it signs in a browser.
            device: parts.extensions.get::<DeviceHash>().copied(),
            request_id,
            return_to: parts.extensions.get::<StartPage>().map(|start| start.0.clone()),
        })
    }
}

/// The body of [`NoFields`].
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

impl<S: Send + Sync> FromRequest<S> for NoFields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = bytes(Request::new(body), state).await?;
        if body.trim_ascii() == b"null" {
            return Ok(Self);
        }
        let request = Request::from_parts(parts, Body::from(body));
        optional::<_, Empty>(request, state).await.map(|_| Self)
    }
}

/// Returns whether the content type is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).as_deref() == Some("application/json")
}

/// Reads a body of `application/json`.
///
/// # Errors
/// The content type does not match, or the body cannot be read.
pub async fn json<S: Send + Sync, T: DeserializeOwned>(request: Request, state: &S) -> Result<Read<T>, Problem> {
    if !is_json(request.headers()) {
        return Err(unsupported("The Content-Type must be application/json."));
    }
    from_json(&bytes(request, state).await?)
}

/// Reads a body of either form type.
///
/// # Errors
/// The content type does not match, or the body cannot be read.
pub async fn form<S: Send + Sync, T: DeserializeOwned>(request: Request, state: &S) -> Result<Read<T>, Problem> {
    form_fields(request, state).await.map(read_fields)
}

/// A body in the formats of [`JsonOrForm`], of which the fields in `extra` are read apart from the others.
///
/// # Errors
/// The content type does not match, or the body cannot be read.
pub async fn with_extra<S: Send + Sync, T: DeserializeOwned, const N: usize>(
    request: Request,
    state: &S,
    extra: [&'static str; N],
) -> Result<(Read<T>, [Option<String>; N]), Problem> {
    let fields = match is_json(request.headers()) {
        true => members(&bytes(request, state).await?)?,
        false => Some(form_fields(request, state).await?),
    };
    let Some(mut fields) = fields else {
        return Ok((Read::only(FieldError::new("body", Code::Invalid)), extra.map(|_| None)));
    };
    // A field that is sent twice stays, and is then rejected as unknown.
    let extra = extra.map(|name| {
        let at = fields
            .iter()
            .position(|(sent, value)| sent == name && value.is_string())?;
        fields.remove(at).1.as_str().map(str::to_owned)
    });
    Ok((read_fields(fields), extra))
}

async fn form_fields<S: Send + Sync>(request: Request, state: &S) -> Result<Vec<(String, Value)>, Problem> {
    match media_type(request.headers()).as_deref() {
        Some("application/x-www-form-urlencoded") => parse_form(&bytes(request, state).await?),
        Some("multipart/form-data") => parts(request, state).await,
        _ => Err(unsupported(
            "The Content-Type must be application/json, application/x-www-form-urlencoded or multipart/form-data.",
        )),
    }
}

/// Reads an optional body in the formats of [`JsonOrForm`].
///
/// # Errors
/// The body is not empty and cannot be read.
pub async fn optional<S: Send + Sync, T: DeserializeOwned>(request: Request, state: &S) -> Result<Option<T>, Problem> {
    let (parts, body) = request.into_parts();
    let body = bytes(Request::new(body), state).await?;
    if body.is_empty() {
        return Ok(None);
    }
    let request = Request::from_parts(parts, Body::from(body));
    JsonOrForm::from_request(request, state)
        .await
        .map(|JsonOrForm(body)| Some(body))
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge),
            // The connection was lost or the chunked encoding is invalid; the client is unlikely to read the response.
            _ => Problem::new(Code::MalformedBody).caused_by(rejection),
        })
}

/// Returns the media type in lower case without parameters; a charset other than UTF-8 is not supported.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
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

fn no_json(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    malformed(format!("Invalid JSON at line {line}, column {column}."))
}

fn malformed(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(Code::MalformedBody).detail(detail)
}

/// Parses JSON. Errors give only the location, because serde's messages may quote the value, which may be a password.
fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<Read<T>, Problem> {
    // As a list, the fields of a struct would have no names.
    let is_list = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if is_list && Known::of::<T>().is_fixed() {
        return Ok(Read::only(FieldError::new("body", Code::Invalid)));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    let misfit = match read {
        Ok(value) => Ok(value),
        Err(error) if error.inner().is_data() => Err(Misfit::of(&error)),
        Err(error) => return Err(no_json(error.inner())),
    };
    let value = match misfit {
        Ok(value) => value,
        // Parse again as untyped fields: a syntax error after the first mistake takes precedence.
        Err(first) => {
            return match members(body)? {
                // Ambiguity inside a field can no longer be seen.
                Some(fields) => Ok(read_fields(fields).or(|| first.mistake(Known::of::<T>()))),
                None => Ok(Read::only(first.mistake(Known::of::<T>()))),
            };
        }
    };
    reader
        .end()
        .map_err(|_| malformed("Unexpected text after the JSON value."))?;
    Ok(Read::whole(value))
}

/// Parses the members of a JSON object. `None` for another value, and for one that is nested too deeply.
fn members(body: &[u8]) -> Result<Option<Vec<(String, Value)>>, Problem> {
    match Fields::deserialize(&mut serde_json::Deserializer::from_slice(body)) {
        Ok(Fields(fields)) => Ok(Some(fields)),
        Err(error) if error.is_data() || error.to_string().starts_with("recursion limit") => Ok(None),
        Err(error) => Err(no_json(&error)),
    }
}

fn parse_form(body: &[u8]) -> Result<Vec<(String, Value)>, Problem> {
    if std::str::from_utf8(body).is_err() {
        return Err(malformed("The form is not valid UTF-8."));
    }
    let fields = form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), Value::from(value)));
    Ok(fields.collect())
}

/// Reads a multipart form (RFC 7578). The usual body limit applies, and files are not accepted.
async fn parts<S: Send + Sync>(request: Request, state: &S) -> Result<Vec<(String, Value)>, Problem> {
    let unreadable = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge),
        _ => malformed("The multipart form is malformed.").caused_by(error),
    };
    let mut parts = Multipart::from_request(request, state)
        .await
        .map_err(|_| malformed("The Content-Type of the form lacks a boundary."))?;
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        let value = part.bytes().await.map_err(unreadable)?;
        let text = String::from_utf8(value.into()).map_err(|_| malformed("The form is not valid UTF-8."))?;
        fields.push((name, if is_file { Value::Null } else { Value::from(text) }));
    }
    Ok(fields)
}
