//! `POST /oauth2/device_authorization` (RFC 8628 §3.1).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_oauth::Parameters;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{DeviceAuthorizationBody, DeviceAuthorizationForm};
use super::service::{BeginError, DeviceAuthorization};
use crate::core::caller::Caller;
use crate::core::metrics::DeviceOutcome;
use crate::core::oauth_form::OauthForm;
use crate::core::oauth_problem::OauthProblem;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;

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
    request: RequestInfo,
    headers: HeaderMap,
    form: Result<OauthForm, OauthProblem>,
) -> Result<Response, OauthProblem> {
    let metrics = &devices.platform.metrics;
    let malformed = |_: &OauthProblem| metrics.device_request(DeviceOutcome::InvalidRequest);
    let OauthForm(parameters) = form.inspect_err(malformed)?;
    let begun = begin(&devices, &headers, &parameters, &Caller::anyone(request)).await;
    metrics.device_request(begun.as_ref().map_or_else(outcome, |_| DeviceOutcome::Begun));
    Ok(([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(begun?)).into_response())
}

async fn begin(
    devices: &DeviceAuthorization,
    headers: &HeaderMap,
    parameters: &Parameters,
    caller: &Caller,
) -> Result<DeviceAuthorizationBody, Problem> {
    // RFC 6749 §3.2, RFC 8707 §2.
    if parameters.doubled(&["resource"]).is_some() {
        return Err(Problem::new(Code::InvalidRequest).detail("A parameter was sent more than once."));
    }
    let client = devices.clients.authenticate(headers, parameters, caller).await?;
    let begun = devices.begin(&client, parameters, caller).await?;
    Ok(DeviceAuthorizationBody::new(&devices.platform.settings.issuer, &begun))
}

fn outcome(problem: &Problem) -> DeviceOutcome {
    match problem.code() {
        Code::InvalidClient => DeviceOutcome::InvalidClient,
        Code::RateLimited => DeviceOutcome::Limited,
        _ if problem.http_status().is_server_error() => DeviceOutcome::Failed,
        _ => DeviceOutcome::InvalidRequest,
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Refused(error) => error.into(),
            BeginError::Limited(exceeded) => exceeded.into(),
            BeginError::Full => Self::new(Code::Unavailable).retry_after(FULL),
            BeginError::Store(error) => error.into(),
        }
    }
}
