//! `POST /api/auth/refresh`, and the account's sessions.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{RefreshBody, SessionBody, TokenBody};
use super::service::{RefreshError, Sessions};
use crate::core::caller::Caller;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract::{JsonOrForm, NoFields, PathId};
use crate::core::ids::SessionId;
use crate::core::metrics::RefreshOutcome;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Sessions> {
    OpenApiRouter::new()
        .routes(routes!(refresh))
        .routes(routes!(list))
        .routes(routes!(revoke))
}

/// Refresh tokens
///
/// Returns the next refresh token of the session and a new access token. Each refresh token can be used once. Using it
/// again returns the same successor within the replay window, and ends the session after that.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "sessions",
    request_body(content((RefreshBody = "application/json"), (RefreshBody = "application/x-www-form-urlencoded"))),
    responses(
        (status = OK, description = "The new tokens", body = TokenBody),
        Problem,
    ))]
async fn refresh(
    State(sessions): State<Sessions>,
    request: RequestInfo,
    JsonOrForm(body): JsonOrForm<RefreshBody>,
) -> Result<Json<TokenBody>, Problem> {
    let result = match body.token() {
        Some(presented) => sessions.rotate(&presented, &Caller::anyone(request)).await,
        None => Err(RefreshError::Invalid),
    };
    let outcome = result
        .as_ref()
        .map_or_else(RefreshError::outcome, |_| RefreshOutcome::Success);
    sessions.platform.metrics.refresh(outcome);
    Ok(Json(result.map_err(|error| refused(&sessions, error))?.into()))
}

/// List my sessions
#[utoipa::path(get, path = "/api/auth/sessions", tag = "sessions", security(("password" = []), ("bearer" = [])),
    responses(
        (status = OK, description = "The account's active sessions, newest first", body = [SessionBody]),
        Problem,
    ))]
async fn list(State(sessions): State<Sessions>, user: CurrentUser) -> Result<Json<Vec<SessionBody>>, Problem> {
    let active = sessions.list(user.account_id()).await?;
    let asking = user.session_id();
    Ok(Json(
        active
            .into_iter()
            .map(|session| SessionBody::seen_by(asking, session))
            .collect(),
    ))
}

/// End a session
#[utoipa::path(delete, path = "/api/auth/sessions/{id}", tag = "sessions", security(("password" = []), ("bearer" = [])),
    params(("id" = SessionId, Path, description = "The session's id")),
    responses(
        (status = NO_CONTENT, description = "The session has ended"),
        Problem,
    ))]
async fn revoke(
    State(sessions): State<Sessions>,
    user: CurrentUser,
    request: RequestInfo,
    PathId(id): PathId<SessionId>,
    _: NoFields,
) -> Result<StatusCode, Problem> {
    match sessions
        .revoke(id, Some(user.account_id()), &user.caller(request))
        .await?
    {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(Code::NotFound)),
    }
}

/// Maps an error to a problem. Reuse looks like any other invalid token to clients.
fn refused(sessions: &Sessions, error: RefreshError) -> Problem {
    match error {
        RefreshError::Invalid | RefreshError::Reused | RefreshError::ForeignClient => {
            Problem::new(Code::InvalidRefreshToken).challenge(&sessions.platform.challenge())
        }
        RefreshError::Limited(exceeded) => exceeded.into(),
        RefreshError::Issue(error) => error.into(),
        RefreshError::Store(error) => error.into(),
    }
}
