//! Signing in: with a password, or with an emailed link or code.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use http::StatusCode;

use super::super::schemas::{EmailLoginBody, LoginBody, LoginForm, LoginJson, MailAskedBody, MailRequestBody};
use super::super::service::{Asking, Auth, LoginError};
use crate::core::caller::Caller;
use crate::core::extract;
use crate::core::platform::Platform;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::outbox::Purpose;
use crate::features::sessions::TokenBody;

/// Request a sign-in email
///
/// Sends a link and a code, if the email address has an account. The response does not reveal whether it has.
#[utoipa::path(post, path = "/api/auth/login/email", tag = "auth",
    request_body = MailRequestBody,
    responses(
        (status = ACCEPTED, description = "An email is sent, if there is an account", body = MailAskedBody),
        Problem,
    ))]
pub(super) async fn ask_to_sign_in(
    State(auth): State<Auth>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<MailRequestBody>,
) -> Result<(StatusCode, Json<MailAskedBody>), Problem> {
    let handle = body.handle(auth.platform.random)?;
    let asking = Asking {
        purpose: Purpose::SignIn,
        to: &body.email()?,
        handle: handle.hash(),
        by: None,
    };
    auth.ask(&asking, &Caller::anyone(request)).await?;
    Ok((StatusCode::ACCEPTED, Json(MailAskedBody::new(&handle))))
}

/// Sign in with an emailed link or code
///
/// A link works anywhere; a code requires the `handle` of the request it was sent for.
#[utoipa::path(post, path = "/api/auth/login/email/confirm", tag = "auth",
    request_body = EmailLoginBody,
    responses(
        (status = OK, description = "Signed in", body = TokenBody),
        Problem,
    ))]
pub(super) async fn login_by_email(
    State(auth): State<Auth>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<EmailLoginBody>,
) -> Result<Json<TokenBody>, Problem> {
    let (scopes, answer) = (body.scopes()?, body.answer());
    let handle = answer.handle();
    let tokens = auth
        .sign_in_by_email(answer.try_into()?, handle, &scopes, &Caller::anyone(request))
        .await?;
    Ok(Json(tokens.into()))
}

/// Sign in
///
/// Accepts the form of OAuth2's password grant, in either encoding, or JSON. The response does not reveal whether the email
/// address or the password is wrong.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth",
    request_body(content((LoginForm = "application/x-www-form-urlencoded"), (LoginForm = "multipart/form-data"), (LoginJson = "application/json"))),
    responses(
        (status = OK, description = "Signed in", body = TokenBody),
        Problem,
    ))]
pub(super) async fn login(
    State(auth): State<Auth>,
    request: RequestInfo,
    body: LoginBody,
) -> Result<Json<TokenBody>, Problem> {
    match auth.login(body.try_into()?, &Caller::anyone(request)).await {
        Ok(tokens) => Ok(Json(tokens.into())),
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
