//! Signing out: here, or everywhere.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::SET_COOKIE;

use super::super::service::Auth;
use crate::core::caller::Caller;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::sign_in::browser_sessions::Browser;
use crate::features::sign_in::sessions::RefreshBody;

/// Sign out
///
/// Ends the bearer token's session, regardless of the body. If the access token has expired, ends the session of the
/// refresh token in the body. Without either, ends the session that the browser's cookie stands for and removes the
/// cookie; only pages of this server, and of applications on the same site, can do this. If the bearer token belongs to
/// the cookie's session, removes the cookie too.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", security((), ("password" = []), ("bearer" = []), ("cookie" = [])),
    request_body(content((Option<RefreshBody> = "application/json"), (Option<RefreshBody> = "application/x-www-form-urlencoded"))),
    responses(
        (status = NO_CONTENT, description = "The session has ended"),
        Problem,
    ))]
pub(super) async fn logout(
    State(auth): State<Auth>,
    user: Result<CurrentUser, countersign_guard::Denied>,
    request: RequestInfo,
    browser: Result<Browser, Problem>,
    sent: Request,
) -> Result<Response, Problem> {
    let has_cookie = auth.browsers.has_cookie(sent.headers());
    let body = extract::optional::<_, RefreshBody>(sent, &auth).await;
    // A refresh token takes precedence, because it works even when the access token does not.
    let presented = body.as_ref().ok().and_then(|body| body.as_ref()?.token());
    let known = match &presented {
        Some(presented) => {
            let caller = Caller::anyone(request.clone());
            auth.logout_by_refresh_token(presented, &caller).await?
        }
        None => false,
    };
    let mut removes_cookie = false;
    match (user, body) {
        (Ok(user), _) => {
            removes_cookie = auth.browser_of(user.session_id(), browser.ok()).await?.is_some();
            auth.logout(user.session_ref(), &user.caller(request)).await?;
        }
        (Err(_), Ok(Some(_))) if known => {}
        (Err(_), Ok(Some(_))) => {
            return Err(Problem::new(Code::InvalidRefreshToken).challenge(&auth.platform.challenge()));
        }
        (Err(_), Ok(None)) if has_cookie => {
            auth.logout_browser(&browser?, request).await?;
            removes_cookie = true;
        }
        (Err(denied), Ok(None)) => return Err(denied.into()),
        (Err(_), Err(problem)) => return Err(problem),
    }
    let cookie = removes_cookie.then(|| [(SET_COOKIE, auth.browsers.clear())]);
    Ok((StatusCode::NO_CONTENT, cookie, ()).into_response())
}

/// Sign out everywhere
#[utoipa::path(post, path = "/api/auth/logout-all", tag = "auth", security(("password" = []), ("bearer" = [])),
    responses(
        (status = NO_CONTENT, description = "All of the account's sessions have ended"),
        Problem,
    ))]
pub(super) async fn logout_all(
    State(auth): State<Auth>,
    user: CurrentUser,
    request: RequestInfo,
    _: extract::NoFields,
) -> Result<StatusCode, Problem> {
    auth.logout_all(user.account_id(), &user.caller(request)).await?;
    Ok(StatusCode::NO_CONTENT)
}
