//! `POST /api/auth/token`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::SET_COOKIE;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::browser::Browser;
use super::schemas::{BrowserTokenBody, SignedInBody};
use super::service::{BrowserSessions, BrowserTokens, CookieError};
use crate::core::extract::NoFields;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<BrowserSessions> {
    OpenApiRouter::new().routes(routes!(token))
}

/// Get an access token for this browser's session
///
/// For pages of this server, and of applications on the same site, which call it with `credentials: "include"`. Takes no
/// fields. The access token is short-lived (`tokens.cookie_access_ttl`); call this again when it expires.
#[utoipa::path(post, path = "/api/auth/token", tag = "sessions", security(("cookie" = [])),
    responses(
        (status = OK, description = "An access token, and the account", body = BrowserTokenBody),
        Problem,
    ))]
async fn token(
    State(browsers): State<BrowserSessions>,
    browser: Browser,
    request: RequestInfo,
    _: NoFields,
) -> Result<Response, Problem> {
    match browsers.token(&browser, &request).await {
        Ok(tokens) => Ok(tokens.into_response()),
        Err(CookieError::SignedOut) => Err(Problem::new(Code::LoginRequired).challenge(&browsers.platform.challenge())),
        Err(CookieError::Limited(exceeded)) => Err(exceeded.into()),
        Err(CookieError::Issue(error)) => Err(error.into()),
        Err(CookieError::Store(error)) => Err(error.into()),
    }
}

impl IntoResponse for BrowserTokens {
    fn into_response(mut self) -> Response {
        let cookies = std::mem::take(&mut self.cookies).into_iter();
        let headers: HeaderMap = cookies.map(|cookie| (SET_COOKIE, cookie)).collect();
        (headers, Json(SignedInBody::Cookie(self.into()))).into_response()
    }
}
