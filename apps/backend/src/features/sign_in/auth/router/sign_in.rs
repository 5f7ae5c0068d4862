//! Signing in: with a password, or with an emailed link or code.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::super::schemas::{EmailLoginBody, EmailRequestedBody, LoginBody, LoginForm, LoginJson, MailRequestBody};
use super::super::service::{Asking, Auth, LoginError};
use crate::core::caller::Caller;
use crate::core::extract;
use crate::core::platform::Platform;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::messaging::outbox::Purpose;
use crate::features::sign_in::browser_sessions::{Browser, SessionKind, SignedInBody};

/// Request a sign-in email
///
/// Sends a link and a code, if the email address has an account. The response does not reveal whether it has.
#[utoipa::path(post, path = "/api/auth/login/email", tag = "auth",
    request_body = MailRequestBody,
    responses(
        (status = ACCEPTED, description = "An email is sent, if there is an account", body = EmailRequestedBody),
        Problem,
    ))]
pub(super) async fn ask_to_sign_in(
    State(auth): State<Auth>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<MailRequestBody>,
) -> Result<(StatusCode, Json<EmailRequestedBody>), Problem> {
    let handle = body.handle(auth.platform.random)?;
    let asking = Asking {
        purpose: Purpose::SignIn,
        to: &body.email()?,
        handle: handle.hash(),
        by: None,
        password_version: None,
    };
    auth.ask(&asking, &Caller::anyone(request)).await?;
    Ok((StatusCode::ACCEPTED, Json(EmailRequestedBody::new(&handle))))
}

/// Sign in with an emailed link or code
///
/// A link works anywhere; a code requires the `handle` of the request it was sent for.
#[utoipa::path(post, path = "/api/auth/login/email/confirm", tag = "auth",
    request_body = EmailLoginBody,
    responses(
        (status = OK, description = "Signed in", body = SignedInBody),
        Problem,
    ))]
pub(super) async fn login_by_email(
    State(auth): State<Auth>,
    request: RequestInfo,
    browser: Result<Browser, Problem>,
    extract::Checked(body): extract::Checked<EmailLoginBody>,
) -> Result<Response, Problem> {
    let (scopes, session, answer) = (body.scopes()?, body.session, body.answer());
    let handle = answer.handle();
    match session {
        SessionKind::Token => {
            let caller = Caller::anyone(request);
            let tokens = auth
                .sign_in_by_email(answer.try_into()?, handle, &scopes, &caller)
                .await?;
            Ok(Json(SignedInBody::Token(tokens.into())).into_response())
        }
        SessionKind::Cookie => {
            let browser = browser?;
            let tokens = auth
                .login_browser_by_email(answer.try_into()?, handle, &scopes, &browser, request)
                .await?;
            Ok(tokens.into_response())
        }
    }
}

/// Sign in
///
/// Accepts the form of OAuth2's password grant, in either encoding, or JSON. The response does not reveal whether the email
/// address or the password is wrong.
///
/// With `"session": "cookie"`, which only pages of this server and of applications on the same site may send, the
/// response sets the session cookie instead of returning a refresh token, and the browser's previous session ends. Call
/// it with `credentials: "include"`.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth",
    request_body(content((LoginForm = "application/x-www-form-urlencoded"), (LoginForm = "multipart/form-data"), (LoginJson = "application/json"))),
    responses(
        (status = OK, description = "Signed in", body = SignedInBody),
        Problem,
    ))]
pub(super) async fn login(
    State(auth): State<Auth>,
    request: RequestInfo,
    browser: Result<Browser, Problem>,
    body: LoginBody,
) -> Result<Response, Problem> {
    let (session, credentials) = (body.session(), body.try_into()?);
    let signed_in = match session {
        SessionKind::Token => auth
            .login(credentials, &Caller::anyone(request))
            .await
            .map(|tokens| Json(SignedInBody::Token(tokens.into())).into_response()),
        SessionKind::Cookie => auth
            .login_browser(credentials, &browser?, request)
            .await
            .map(IntoResponse::into_response),
    };
    match signed_in {
        Ok(response) => Ok(response),
        Err(LoginError::Invalid) => Err(Problem::new(Code::InvalidCredentials).challenge(&auth.platform.challenge())),
        Err(error) => Err(error.into()),
    }
}

impl<S: AsRef<Platform> + Send + Sync> FromRequest<S> for LoginBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let platform = state.as_ref();
        match extract::is_json(request.headers()) {
            true => extract::json(request, state).await?.checked(platform).map(Self::Json),
            false => extract::form(request, state).await?.checked(platform).map(Self::Form),
        }
    }
}
