//! A problem as an answer (RFC 9457): what the client reads, and what the log says of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::Code;

/// One answer that is not a success. Handlers return it; the outermost layer adds the request id and logs its cause.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    headers: HeaderMap,
    cause: Option<Arc<str>>,
}

/// A problem that a page has told already: it is still to be logged.
#[derive(Clone, Debug)]
pub struct Shown(pub Problem);

/// One invalid field of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// The name of the field in the request.
    pub field: Cow<'static, str>,
    /// The code of the error.
    #[schema(value_type = String)]
    pub code: Code,
    /// What is wrong, and what is expected.
    pub detail: Cow<'static, str>,
}

/// A problem (RFC 9457 §3), `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A URL that explains this code.
    #[schema(format = "uri-reference")]
    r#type: String,
    /// A short title, the same for every occurrence of the code.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, and what to do about it. For people; the text may change.
    detail: &'a str,
    /// A stable code, for programs.
    code: &'a str,
    /// The ID of the request, which is also in the server log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
    /// The invalid fields, if there are any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem with the detail from the documentation of its code.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            status: code.status(),
            detail: Cow::Borrowed(code.meaning()),
            errors: Vec::new(),
            headers: HeaderMap::new(),
            cause: None,
        }
    }

    /// Something broke on our side: the cause is for the log, the client sees only that it happened.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal).caused_by(cause)
    }

    /// Fields that are not right. There must be at least one.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(Code::ValidationFailed);
        if let [only] = errors.as_slice() {
            // One mistake is told as what it is, so that a client need not look into the list.
            problem.code = match only.code {
                Code::Missing | Code::Invalid => Code::ValidationFailed,
                code => code,
            };
            problem.detail = only.detail.clone();
        }
        problem.errors = errors;
        problem
    }

    /// The problem that a bare status stands for, as a library answered it.
    pub fn from_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => Code::ValidationFailed,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadersTooLarge,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            status if status.is_server_error() => Code::Internal,
            _ => Code::BadRequest,
        };
        Self::new(code)
    }

    /// Another text for the client.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The text for the client.
    pub fn description(&self) -> &str {
        &self.detail
    }

    /// A status other than the code's own.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// One more header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// `Retry-After` in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A challenge (RFC 9110 §11.6.1) for a 401.
    pub fn challenge(self, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.header(WWW_AUTHENTICATE, value),
            Err(_) => self,
        }
    }

    /// What the log is to say about it. Never a secret.
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string().into());
        self
    }

    /// The cause, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The status.
    pub fn http_status(&self) -> StatusCode {
        self.status
    }

    /// The fields that are not right.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The headers that go with it.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The whole response. `issuer` is where the codes are explained.
    pub fn render(&self, issuer: &str, request_id: Option<&str>) -> Response {
        let body = ProblemBody {
            r#type: format!("{issuer}/errors#{}", self.code.name()),
            title: self.code.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            request_id,
            errors: &self.errors,
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, "application/problem+json")], text).into_response();
        response.headers_mut().extend(self.headers.clone());
        response
    }
}

impl FieldError {
    /// The same mistake in a field of another name.
    pub fn in_field(self, field: &'static str) -> Self {
        Self {
            field: Cow::Borrowed(field),
            ..self
        }
    }

    /// A field that is not right, with the text of its code.
    pub fn new(field: impl Into<Cow<'static, str>>, code: Code) -> Self {
        Self {
            field: field.into(),
            code,
            detail: Cow::Borrowed(code.meaning()),
        }
    }

    /// Another text for the client.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl IntoResponse for Problem {
    /// The problem itself travels in the extensions, for the layer that adds the request id.
    fn into_response(self) -> Response {
        let mut response = self.render("", None);
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponses for Problem {
    /// In the OpenAPI document, stands for every error. `documented` replaces it by the statuses and their codes.
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let body = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build();
        let refused = ResponseBuilder::new()
            .description("The request failed")
            .content("application/problem+json", body)
            .build();
        BTreeMap::from([("default".to_owned(), refused.into())])
    }
}
