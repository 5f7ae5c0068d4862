//! `/api/auth/forward` and all paths below it.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use countersign_guard::Denied;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{Demand, IdentityHeaders};
use super::service::{Forward, Identity};
use crate::core::dependencies::CurrentUser;
use crate::core::problem::Problem;

/// The routes of this feature. Some proxies use the method and path of the original request.
pub fn router() -> OpenApiRouter<Forward> {
    OpenApiRouter::new()
        .routes(routes!(forward))
        .route("/api/auth/forward", any(forward))
        .route("/api/auth/forward/", any(forward))
        .route("/api/auth/forward/{*path}", any(forward))
}

/// Authenticate a request
///
/// For reverse proxies, which pass on the `Authorization` header of the original request, with any method, at this path or
/// below. Every response has all three headers, empty if there is nothing to say, so that a proxy that copies them
/// overwrites headers of the same name sent by the client.
#[utoipa::path(get, path = "/api/auth/forward", tag = "forward", security(("password" = []), ("bearer" = [])),
    params(("scope" = Option<String>, Query,
        description = "The scopes that the token must have, separated by spaces; can be repeated")),
    responses(
        (status = OK, description = "The token is valid and has the scopes", headers(
            ("X-Auth-User" = String, description = "The account's id"),
            ("X-Auth-Email" = String, description = "The account's email address, with `%` and non-ASCII characters \
              percent-encoded"),
            ("X-Auth-Scope" = String, description = "The token's scopes, separated by spaces"))),
        Problem,
    ))]
async fn forward(
    State(forward): State<Forward>,
    RawQuery(query): RawQuery,
    user: Result<CurrentUser, Denied>,
) -> Response {
    let demand = Demand::of_query(query.as_deref().unwrap_or_default());
    let identity = match user {
        Ok(user) => forward.identify(&user, &demand).await,
        Err(denied) => Err(denied),
    };
    match identity {
        Ok(Identity { account, email, scopes }) => IdentityHeaders::of(account, &email, &scopes).into_response(),
        Err(denied) => (IdentityHeaders::of_nobody(), Problem::from(denied)).into_response(),
    }
}
