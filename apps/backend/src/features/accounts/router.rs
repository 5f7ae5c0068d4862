//! `GET /api/auth/me`.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::UserBody;
use super::service::Profiles;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::problem::Problem;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Profiles> {
    OpenApiRouter::new().routes(routes!(me))
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
