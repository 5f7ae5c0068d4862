//! `POST /oauth2/token`, `/oauth2/revoke` and `/oauth2/introspect`.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{IntrospectionBody, QueryForm, TokenBody, TokenForm};
use super::service::{TokenError, Tokens};
use crate::core::caller::Caller;
use crate::core::metrics::{IntrospectionOutcome, RevocationOutcome, TokenOutcome};
use crate::core::oauth_form::OauthForm;
use crate::core::oauth_problem::OauthProblem;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::clients::ClientAuthError;

/// RFC 6749 §5.1.
const NOT_STORED: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Tokens> {
    OpenApiRouter::new()
        .routes(routes!(token))
        .routes(routes!(revoke))
        .routes(routes!(introspect))
}

/// Get tokens
///
/// The token endpoint of OAuth 2 and OpenID Connect. It supports the grant types `authorization_code` with PKCE,
/// `refresh_token`, `client_credentials` and `urn:ietf:params:oauth:grant-type:device_code`.
#[utoipa::path(post, path = "/oauth2/token", tag = "oauth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = OK, description = "The tokens", body = TokenBody,
            headers(("Cache-Control" = String, description = "`no-store`"))),
        OauthProblem,
    ))]
async fn token(
    State(tokens): State<Tokens>,
    request: RequestInfo,
    headers: HeaderMap,
    OauthForm(parameters): OauthForm,
) -> Result<impl IntoResponse, OauthProblem> {
    let issued = tokens.issue(&parameters, &headers, &Caller::anyone(request)).await;
    let issued = issued.map_err(Problem::from);
    let outcome = issued.as_ref().map_or_else(token_outcome, |_| TokenOutcome::Issued);
    tokens.platform.metrics.token(outcome);
    Ok((NOT_STORED, Json(TokenBody::from(issued?))))
}

/// Revoke a token
///
/// Ends the grant of a refresh token or access token of this client (RFC 7009), so that none of its tokens remains
/// valid. For a token without a user, it revokes all current tokens of the client. The response is the same for an
/// unknown token.
#[utoipa::path(post, path = "/oauth2/revoke", tag = "oauth",
    request_body(content = QueryForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = OK, description = "The token is revoked, or was not valid"),
        OauthProblem,
    ))]
async fn revoke(
    State(tokens): State<Tokens>,
    request: RequestInfo,
    headers: HeaderMap,
    OauthForm(parameters): OauthForm,
) -> Result<StatusCode, OauthProblem> {
    let revoked = tokens.revoke(&parameters, &headers, &Caller::anyone(request)).await;
    let revoked = revoked.map_err(Problem::from);
    let outcome = match &revoked {
        Ok(true) => RevocationOutcome::Revoked,
        Ok(false) => RevocationOutcome::Ignored,
        Err(problem) => revocation_outcome(problem),
    };
    tokens.platform.metrics.revocation(outcome);
    revoked?;
    Ok(StatusCode::OK)
}

/// Introspect a token
///
/// Returns whether a token is valid at this moment (RFC 7662), to the client that it was issued to and to the API that
/// it is for. Only confidential clients can introspect tokens.
#[utoipa::path(post, path = "/oauth2/introspect", tag = "oauth",
    request_body(content = QueryForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = OK, description = "The state of the token", body = IntrospectionBody),
        OauthProblem,
    ))]
async fn introspect(
    State(tokens): State<Tokens>,
    request: RequestInfo,
    headers: HeaderMap,
    OauthForm(parameters): OauthForm,
) -> Result<impl IntoResponse, OauthProblem> {
    let seen = tokens.introspect(&parameters, &headers, &Caller::anyone(request)).await;
    let seen = seen.map_err(Problem::from);
    let outcome = match &seen {
        Ok(Some(_)) => IntrospectionOutcome::Active,
        Ok(None) => IntrospectionOutcome::Inactive,
        Err(problem) => introspection_outcome(problem),
    };
    tokens.platform.metrics.introspection(outcome);
    Ok((NOT_STORED, Json(IntrospectionBody::from(seen?))))
}

fn token_outcome(problem: &Problem) -> TokenOutcome {
    match problem.code() {
        Code::AuthorizationPending | Code::SlowDown => TokenOutcome::Pending,
        Code::InvalidGrant | Code::AccessDenied | Code::ExpiredToken => TokenOutcome::InvalidGrant,
        Code::InvalidClient => TokenOutcome::InvalidClient,
        Code::RateLimited => TokenOutcome::Limited,
        _ if problem.http_status().is_server_error() => TokenOutcome::Failed,
        _ => TokenOutcome::InvalidRequest,
    }
}

fn revocation_outcome(problem: &Problem) -> RevocationOutcome {
    match problem.code() {
        Code::InvalidClient => RevocationOutcome::InvalidClient,
        Code::RateLimited => RevocationOutcome::Limited,
        _ if problem.http_status().is_server_error() => RevocationOutcome::Failed,
        _ => RevocationOutcome::InvalidRequest,
    }
}

fn introspection_outcome(problem: &Problem) -> IntrospectionOutcome {
    match problem.code() {
        Code::InvalidClient => IntrospectionOutcome::InvalidClient,
        Code::RateLimited => IntrospectionOutcome::Limited,
        _ if problem.http_status().is_server_error() => IntrospectionOutcome::Failed,
        _ => IntrospectionOutcome::InvalidRequest,
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing(name) => {
                Self::new(Code::InvalidRequest).detail(format!("The parameter {name} is missing."))
            }
            TokenError::Doubled => Self::new(Code::InvalidRequest).detail("A parameter was sent more than once."),
            TokenError::Client(error) => error.into(),
            TokenError::UnsupportedGrantType => Self::new(Code::UnsupportedGrantType),
            TokenError::UnauthorizedClient(reason) => Self::new(Code::UnauthorizedClient).detail(reason),
            TokenError::InvalidCode(reason) => Self::new(Code::InvalidGrant).detail(sentence(reason)),
            TokenError::InvalidGrant => Self::new(Code::InvalidGrant),
            TokenError::InvalidScope(reason) => Self::new(Code::InvalidScope).detail(reason),
            TokenError::InvalidTarget(reason) => Self::new(Code::InvalidTarget).detail(reason),
            TokenError::Device(error) => error.into(),
            TokenError::Limited(exceeded) => exceeded.into(),
            TokenError::Issue(error) => error.into(),
            TokenError::Store(error) => error.into(),
        }
    }
}

impl From<ClientAuthError> for Problem {
    fn from(error: ClientAuthError) -> Self {
        match error {
            ClientAuthError::Malformed(reason) => Self::new(Code::InvalidRequest).detail(reason),
            ClientAuthError::Refused => Self::new(Code::InvalidClient),
            ClientAuthError::Limited(exceeded) => exceeded.into(),
            ClientAuthError::Store(error) => error.into(),
        }
    }
}

/// Begins with a capital letter and ends with a full stop, as descriptions do.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
