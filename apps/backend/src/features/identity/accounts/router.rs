//! `GET /api/auth/me` and `PATCH /api/auth/me`.

use axum::Json;
use axum::extract::State;
use countersign_guard::Reason;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{ProfileChangeBody, UserBody};
use super::service::{ProfileError, Profiles};
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract;
use crate::core::problem::{FieldError, Problem};
use crate::core::request_info::RequestInfo;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Profiles> {
    OpenApiRouter::new().routes(routes!(me, change))
}

/// Get my account
#[utoipa::path(get, path = "/api/auth/me", tag = "accounts", security(("password" = []), ("bearer" = [])),
    responses(
        (status = OK, description = "The account of the token", body = UserBody),
        Problem,
    ))]
async fn me(State(profiles): State<Profiles>, user: CurrentUser) -> Result<Json<UserBody>, Problem> {
    let account = profiles.of(user.account_id()).await?;
    Ok(Json(account.into()))
}

/// Change my name or metadata
///
/// A token that is issued afterwards has the new name (setting `tokens.claims`); earlier tokens keep the old one until they
/// expire.
#[utoipa::path(patch, path = "/api/auth/me", tag = "accounts", security(("password" = []), ("bearer" = [])),
    request_body = ProfileChangeBody,
    responses(
        (status = OK, description = "The changed account", body = UserBody),
        Problem,
    ))]
async fn change(
    State(profiles): State<Profiles>,
    user: CurrentUser,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<ProfileChangeBody>,
) -> Result<Json<UserBody>, Problem> {
    let (change, caller) = (body.change()?, user.caller(request));
    let changed = profiles
        .accounts
        .change_own_profile(user.account_id(), &change, &caller)
        .await;
    match changed {
        Ok(account) => Ok(Json(account.into())),
        // It was deleted after the token was checked.
        Err(ProfileError::Gone) => Err(profiles.guard.denied(Reason::Revoked).into()),
        Err(error) => Err(error.into()),
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Gone => Self::internal(error),
            ProfileError::Metadata(error) => Self::validation(vec![FieldError::from(error)]),
            ProfileError::Limited(exceeded) => exceeded.into(),
            ProfileError::Store(error) => error.into(),
        }
    }
}
