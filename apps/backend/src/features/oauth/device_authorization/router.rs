//! `POST /oauth2/device_authorization` (RFC 8628 §3.1).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use countersign_oauth::Parameters;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{DeviceAuthorizationBody, DeviceAuthorizationForm};
use super::service::{BeginError, DeviceAuthorization};
use crate::core::caller::Caller;
use crate::core::metrics::DeviceOutcome;
use crate::core::oauth_problem::OauthProblem;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::clients::ClientAuthError;

/// How many seconds a device waits before it asks again when too many requests are pending.
const FULL: u64 = 60;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<DeviceAuthorization> {
    OpenApiRouter::new().routes(routes!(device_authorization))
}

/// Start a sign-in on a device
///
/// For televisions and programs in a terminal (RFC 8628). Show `user_code` and `verification_uri` to the user, and poll the
/// token endpoint with `device_code` meanwhile. A confidential client sends its secret in the `Authorization` header or in
/// the body.
#[utoipa::path(post, path = "/oauth2/device_authorization", tag = "oauth",
    request_body(content = DeviceAuthorizationForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = OK, description = "The codes", body = DeviceAuthorizationBody), OauthProblem))]
async fn device_authorization(
    State(devices): State<DeviceAuthorization>,
    request_info: RequestInfo,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, OauthProblem> {
    let begun = match parameters(request, &headers).await {
        Ok(asked) => begin(&devices, &headers, &asked, &Caller::anyone(request_info)).await,
        Err(problem) => Err((DeviceOutcome::InvalidRequest, problem)),
    };
    let outcome = begun
        .as_ref()
        .map_or_else(|(outcome, _)| *outcome, |_| DeviceOutcome::Begun);
    devices.platform.metrics.device_request(outcome);
    let body = begun.map_err(|(_, problem)| problem)?;
    Ok(([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response())
}

async fn begin(
    devices: &DeviceAuthorization,
    headers: &HeaderMap,
    asked: &Parameters,
    caller: &Caller,
) -> Result<DeviceAuthorizationBody, (DeviceOutcome, OauthProblem)> {
    let client = devices.clients.authenticate(headers, asked, caller).await;
    let client = client.map_err(unauthenticated)?;
    let begun = devices.begin(&client, asked, caller).await.map_err(problem)?;
    Ok(DeviceAuthorizationBody::new(&devices.platform.settings.issuer, &begun))
}

/// Reads the parameters of a form, each of which is sent once.
async fn parameters(request: Request, headers: &HeaderMap) -> Result<Parameters, OauthProblem> {
    let is_form = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    if !is_form {
        let text = "The Content-Type must be application/x-www-form-urlencoded.";
        return Err(OauthProblem::described(Code::UnsupportedMediaType, text));
    }
    let body = Bytes::from_request(request, &())
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => OauthProblem::new(Code::BodyTooLarge),
            _ => OauthProblem::new(Code::MalformedBody),
        })?;
    let invalid = |text: String| OauthProblem::described(Code::InvalidRequest, text);
    let text = std::str::from_utf8(&body).map_err(|_| invalid("The form is not valid UTF-8.".to_owned()))?;
    let asked = Parameters::parse(text).map_err(|error| invalid(error.to_string()))?;
    match asked.doubled(&["resource"]) {
        Some(_) => Err(invalid("A parameter was sent more than once.".to_owned())),
        None => Ok(asked),
    }
}

fn unauthenticated(error: ClientAuthError) -> (DeviceOutcome, OauthProblem) {
    match error {
        ClientAuthError::Malformed(text) => (
            DeviceOutcome::InvalidRequest,
            OauthProblem::described(Code::InvalidRequest, text),
        ),
        ClientAuthError::Refused => (DeviceOutcome::InvalidClient, OauthProblem::new(Code::InvalidClient)),
        ClientAuthError::Limited(exceeded) => (DeviceOutcome::Limited, exceeded.into()),
        ClientAuthError::Store(error) => (DeviceOutcome::Failed, error.into()),
    }
}

fn problem(error: BeginError) -> (DeviceOutcome, OauthProblem) {
    match error {
        BeginError::Refused(error) => (DeviceOutcome::InvalidRequest, OauthProblem::from(error)),
        BeginError::Limited(exceeded) => (DeviceOutcome::Limited, exceeded.into()),
        BeginError::Full => {
            let full = Problem::new(Code::Unavailable).retry_after(FULL);
            (DeviceOutcome::Failed, full.into())
        }
        BeginError::Store(error) => (DeviceOutcome::Failed, error.into()),
    }
}
