//! `GET /oauth2/userinfo` and `POST /oauth2/userinfo`. Scripts of every origin may call them (by a layer).

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use countersign_guard::Reason;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::presented::{NotPresented, token};
use super::service::{UserInfo, UserInfoError, UserInfoResponse};
use crate::core::oauth_form::is_form;
use crate::core::oauth_problem::OauthProblem;
use crate::core::problem::{Code, Problem};

/// The routes of this feature.
pub fn router() -> OpenApiRouter<UserInfo> {
    OpenApiRouter::new().routes(routes!(userinfo, userinfo_by_post))
}

/// Get the user's claims (OpenID Connect)
///
/// Requires an access token with the scope `openid` whose audience is this endpoint. The claims depend on the granted
/// scopes and on the parameter `claims` of the authorization request. A client with `userinfo_signed_response_alg` gets
/// a signed JWT.
#[utoipa::path(get, path = "/oauth2/userinfo", tag = "oauth", security(("bearer" = [])),
    responses(
        (status = OK, description = "The claims of the user; `sub` is always present", content(
            (Object = "application/json", example = json!({ "sub": "0198c5a0-7e1c-7000-8000-000000000000", "name": "Ada" })),
            (String = "application/jwt"),
        )),
        OauthProblem,
    ))]
async fn userinfo(
    State(state): State<UserInfo>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<UserInfoResponse, OauthProblem> {
    respond(&state, &headers, query.as_deref(), None).await
}

/// Get the user's claims by POST (OpenID Connect)
///
/// Like the GET. The access token may be in the field `access_token` of a form instead of the header.
#[utoipa::path(post, path = "/oauth2/userinfo", tag = "oauth", security(("bearer" = [])),
    request_body(content = Option<Object>, content_type = "application/x-www-form-urlencoded",
        description = "`access_token`, if it is not in the header"),
    responses(
        (status = OK, description = "The claims of the user; `sub` is always present", content(
            (Object = "application/json", example = json!({ "sub": "0198c5a0-7e1c-7000-8000-000000000000", "name": "Ada" })),
            (String = "application/jwt"),
        )),
        OauthProblem,
    ))]
async fn userinfo_by_post(
    State(state): State<UserInfo>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<UserInfoResponse, OauthProblem> {
    let body = body.map_err(|rejection| Problem::from_status(rejection.status()))?;
    let form = match is_form(&headers) {
        true => Some(std::str::from_utf8(&body).map_err(|_| Problem::new(Code::MalformedBody))?),
        false if body.is_empty() => None,
        false => return Err(Problem::new(Code::UnsupportedMediaType).into()),
    };
    respond(&state, &headers, query.as_deref(), form).await
}

async fn respond(
    userinfo: &UserInfo,
    headers: &HeaderMap,
    query: Option<&str>,
    form: Option<&str>,
) -> Result<UserInfoResponse, OauthProblem> {
    let token = token(headers, query, form).map_err(|error| refused(userinfo, error))?;
    Ok(userinfo.respond(&token).await?)
}

/// RFC 6750 §3: every refusal has a challenge.
fn refused(userinfo: &UserInfo, error: NotPresented) -> Problem {
    match error {
        NotPresented::Denied(reason) => userinfo.guard.denied(reason).into(),
        NotPresented::Invalid(description) => {
            let realm = userinfo.guard.denied(Reason::NoToken).realm;
            let challenge =
                format!("Bearer realm=\"{realm}\", error=\"invalid_request\", error_description=\"{description}\"");
            Problem::new(Code::InvalidRequest)
                .detail(description)
                .challenge(&challenge)
        }
    }
}

impl From<UserInfoError> for Problem {
    fn from(error: UserInfoError) -> Self {
        match error {
            UserInfoError::Denied(denied) => denied.into(),
            UserInfoError::Limited(exceeded) => exceeded.into(),
            UserInfoError::Issue(error) => error.into(),
            UserInfoError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for UserInfoResponse {
    fn into_response(self) -> Response {
        let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        match self {
            Self::Json(claims) => (no_store, Json(claims)).into_response(),
            Self::Signed(jwt) => {
                let typed = [(CONTENT_TYPE, HeaderValue::from_static("application/jwt"))];
                (no_store, typed, jwt).into_response()
            }
        }
    }
}
