//! Signing up, and actions of users on their own account.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_guard::Reason;
use http::StatusCode;
use http::header::SET_COOKIE;

use super::super::schemas::{
    ConfirmationBody, EmailRequestedBody, PasswordChangeBody, RegisteredBody, RegistrationBody,
};
use super::super::service::{Auth, ExportBody, PasswordChange, PasswordError, SignedUp};
use crate::core::caller::Caller;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract;
use crate::core::handle::Handle;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::sign_in::browser_sessions::Browser;

/// Sign up
///
/// Creates an account. Email addresses are case-insensitive; the password is stored as an Argon2id hash. If verification is
/// required, the response is always 202, whether or not there is an account, and the account is created when the email is
/// confirmed. Keep the `handle`: together with it, the link or code in the email creates the account with this password.
///
/// With `"session": "cookie"`, which only pages of this server and of applications on the same site may send, the new account
/// is signed in as by `POST /api/auth/login`, unless verification is required. Call it with `credentials: "include"`.
#[utoipa::path(post, path = "/api/auth/register", tag = "accounts",
    request_body = RegistrationBody,
    responses(
        (status = CREATED, description = "The new account", body = RegisteredBody),
        (status = ACCEPTED, description = "Verification is required, and an email is sent", body = EmailRequestedBody),
        Problem,
    ))]
pub(super) async fn register(
    State(auth): State<Auth>,
    request: RequestInfo,
    browser: Result<Browser, Problem>,
    extract::Checked(body): extract::Checked<RegistrationBody>,
) -> Result<Response, Problem> {
    let handle = Handle::generate(auth.platform.random);
    let (opens_session, sign_up) = (body.opens_session(), body.of(handle.hash())?);
    let signed_up = match opens_session {
        true => auth
            .register_browser(sign_up, &browser?, request)
            .await?
            .map(IntoResponse::into_response),
        false => {
            let signed_up = auth.sign_up(sign_up, &Caller::anyone(request)).await?;
            signed_up.map(|account| Json(RegisteredBody::Account(account.into())).into_response())
        }
    };
    Ok(match signed_up {
        SignedUp::Made(response) => (StatusCode::CREATED, response).into_response(),
        SignedUp::Asked => (StatusCode::ACCEPTED, Json(EmailRequestedBody::new(&handle))).into_response(),
    })
}

/// Change the password
///
/// Ends all other sessions of the account. The browser stays known if its cookies are also sent.
#[utoipa::path(post, path = "/api/auth/change-password", tag = "auth", security(("password" = []), ("bearer" = [])),
    request_body = PasswordChangeBody,
    responses(
        (status = NO_CONTENT, description = "The password was changed"),
        Problem,
    ))]
pub(super) async fn change_password(
    State(auth): State<Auth>,
    user: CurrentUser,
    request: RequestInfo,
    browser: Result<Browser, Problem>,
    extract::Checked(body): extract::Checked<PasswordChangeBody>,
) -> Result<Response, Problem> {
    let browser = auth.browser_of(user.session_id(), browser.ok()).await?;
    let request = match &browser {
        Some(browser) => browser.request(request),
        None => request,
    };
    let passwords = PasswordChange {
        current: body.current_password,
        new: body.new_password,
    };
    auth.change_password(user.session_ref(), passwords, &user.caller(request))
        .await
        .map_err(|error| refused(&auth, error))?;
    let device = browser.map(|browser| [(SET_COOKIE, browser.remembered(&auth.platform.settings.issuer))]);
    Ok((StatusCode::NO_CONTENT, device, ()).into_response())
}

/// Export my data
#[utoipa::path(get, path = "/api/auth/me/export", tag = "accounts", security(("password" = []), ("bearer" = [])),
    responses(
        (status = OK, description = "One JSON document", body = ExportBody),
        Problem,
    ))]
pub(super) async fn export(
    State(auth): State<Auth>,
    user: CurrentUser,
    request: RequestInfo,
) -> Result<Json<ExportBody>, Problem> {
    let export = auth.export(user.session_ref(), &user.caller(request)).await?;
    export
        .map(Json)
        .ok_or_else(|| Problem::new(Code::InvalidToken).challenge(&auth.platform.challenge()))
}

/// Delete my account
///
/// This cannot be undone. The account, its scopes and its sessions are deleted immediately.
#[utoipa::path(delete, path = "/api/auth/me", tag = "accounts", security(("password" = []), ("bearer" = [])),
    request_body = ConfirmationBody,
    responses(
        (status = NO_CONTENT, description = "The account was deleted"),
        Problem,
    ))]
pub(super) async fn delete(
    State(auth): State<Auth>,
    user: CurrentUser,
    request: RequestInfo,
    extract::Json(body): extract::Json<ConfirmationBody>,
) -> Result<StatusCode, Problem> {
    auth.delete(user.session_ref(), body.password, &user.caller(request))
        .await
        .map_err(|error| refused(&auth, error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Maps an error to a problem. A session that ended meanwhile is reported like one that had ended before.
fn refused(auth: &Auth, error: PasswordError) -> Problem {
    match error {
        PasswordError::Ended => auth.guard.denied(Reason::Revoked).into(),
        error => error.into(),
    }
}
