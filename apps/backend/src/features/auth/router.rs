//! Signing up, in and out, changing the password, exporting and deleting the account.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use countersign_guard::Reason;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{
    ConfirmationBody, EmailLoginBody, LoginBody, LoginForm, LoginJson, MailAskedBody, MailRequestBody,
    PasswordChangeBody, RegistrationBody, handle_mistake,
};
use super::service::{
    AskError, Asking, Auth, ExportBody, ExportError, LoginError, PasswordChange, PasswordError, SignUpError, SignedUp,
};
use crate::core::caller::Caller;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract;
use crate::core::handle::Handle;
use crate::core::platform::Platform;
use crate::core::problem::{Code, FieldError, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{AccountError, UserBody};
use crate::features::outbox::Purpose;
use crate::features::proofs::ProofError;
use crate::features::sessions::{RefreshBody, TokenBody};

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Auth> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(ask_to_sign_in))
        .routes(routes!(login_by_email))
        .routes(routes!(logout))
        .routes(routes!(logout_all))
        .routes(routes!(change_password))
        .routes(routes!(export))
        .routes(routes!(delete))
}

/// Sign up
///
/// Makes an account. The address is compared without regard to case; the password is kept as an Argon2id hash. Where
/// addresses must be verified, the answer is always 202, whether or not there is an account: the rest is in the mail, and
/// nothing changes before it is confirmed. Keep the `handle`: with it, the link or the code of the mail makes the account
/// with this password.
#[utoipa::path(post, path = "/api/auth/register", tag = "accounts",
    request_body = RegistrationBody,
    responses(
        (status = CREATED, description = "The new account", body = UserBody),
        (status = ACCEPTED, description = "Where addresses must be verified: a mail is on its way", body = MailAskedBody),
        Problem,
    ))]
async fn register(
    State(auth): State<Auth>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<RegistrationBody>,
) -> Result<Response, Problem> {
    let handle = Handle::generate(auth.platform.random);
    Ok(
        match auth.sign_up(body.of(handle.hash())?, &Caller::anyone(request)).await? {
            SignedUp::Made(account) => (StatusCode::CREATED, Json(UserBody::from(account))).into_response(),
            SignedUp::Asked => (StatusCode::ACCEPTED, Json(MailAskedBody::new(&handle))).into_response(),
        },
    )
}

/// Ask for a mail to sign in with
///
/// A link and a code, if the address has an account. The answer is the same if it has none.
#[utoipa::path(post, path = "/api/auth/login/email", tag = "auth",
    request_body = MailRequestBody,
    responses(
        (status = ACCEPTED, description = "A mail is on its way, if there is an account", body = MailAskedBody),
        Problem,
    ))]
async fn ask_to_sign_in(
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

/// Sign in by a mailed link or code
///
/// The link works anywhere; the code works together with the `handle` of whoever asked.
#[utoipa::path(post, path = "/api/auth/login/email/confirm", tag = "auth",
    request_body = EmailLoginBody,
    responses(
        (status = OK, description = "Signed in", body = TokenBody),
        Problem,
    ))]
async fn login_by_email(
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
/// Takes the form of OAuth2's password grant, in either encoding, or JSON. Unknown addresses and wrong passwords get one and the same answer.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth",
    request_body(content((LoginForm = "application/x-www-form-urlencoded"), (LoginForm = "multipart/form-data"), (LoginJson = "application/json"))),
    responses(
        (status = OK, description = "Signed in", body = TokenBody),
        Problem,
    ))]
async fn login(State(auth): State<Auth>, request: RequestInfo, body: LoginBody) -> Result<Json<TokenBody>, Problem> {
    match auth.login(body.try_into()?, &Caller::anyone(request)).await {
        Ok(tokens) => Ok(Json(tokens.into())),
        Err(LoginError::Invalid) => Err(Problem::new(Code::InvalidCredentials).challenge(&auth.platform.challenge())),
        Err(error) => Err(error.into()),
    }
}

/// Sign out
///
/// Ends the session of the bearer token, whatever the body is, or of the refresh token in the body when the access token
/// has expired.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", security((), ("password" = []), ("bearer" = [])),
    request_body(content((Option<RefreshBody> = "application/json"), (Option<RefreshBody> = "application/x-www-form-urlencoded"))),
    responses(
        (status = NO_CONTENT, description = "The session has ended"),
        Problem,
    ))]
async fn logout(
    State(auth): State<Auth>,
    user: Result<CurrentUser, countersign_guard::Denied>,
    request: RequestInfo,
    sent: Request,
) -> Result<StatusCode, Problem> {
    let body = extract::optional::<_, RefreshBody>(sent, &auth).await;
    // The refresh token counts where there is one: it works when the access token does not.
    let presented = body.as_ref().ok().and_then(|body| body.as_ref()?.secret());
    let known = match &presented {
        Some(presented) => {
            let caller = Caller::anyone(request.clone());
            auth.logout_by_refresh_token(presented, &caller).await?
        }
        None => false,
    };
    match (user, body) {
        (Ok(user), _) => auth.logout(user.session_ref(), &user.caller(request)).await?,
        (Err(_), Ok(Some(_))) if known => {}
        (Err(_), Ok(Some(_))) => {
            return Err(Problem::new(Code::InvalidRefreshToken).challenge(&auth.platform.challenge()));
        }
        (Err(denied), Ok(None)) => return Err(denied.into()),
        (Err(_), Err(problem)) => return Err(problem),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere
#[utoipa::path(post, path = "/api/auth/logout-all", tag = "auth", security(("password" = []), ("bearer" = [])),
    responses(
        (status = NO_CONTENT, description = "Every session of the account has ended"),
        Problem,
    ))]
async fn logout_all(State(auth): State<Auth>, user: CurrentUser, request: RequestInfo) -> Result<StatusCode, Problem> {
    auth.logout_all(user.account_id(), &user.caller(request)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the password
///
/// Ends all other sessions of the account.
#[utoipa::path(post, path = "/api/auth/change-password", tag = "auth", security(("password" = []), ("bearer" = [])),
    request_body = PasswordChangeBody,
    responses(
        (status = NO_CONTENT, description = "The password is changed"),
        Problem,
    ))]
async fn change_password(
    State(auth): State<Auth>,
    user: CurrentUser,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<PasswordChangeBody>,
) -> Result<StatusCode, Problem> {
    let passwords = PasswordChange {
        current: body.current_password,
        new: body.new_password,
    };
    auth.change_password(user.session_ref(), passwords, &user.caller(request))
        .await
        .map_err(|error| refused(&auth, error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// All that is stored about me
#[utoipa::path(get, path = "/api/auth/me/export", tag = "accounts", security(("password" = []), ("bearer" = [])),
    responses(
        (status = OK, description = "One JSON document", body = ExportBody),
        Problem,
    ))]
async fn export(
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
/// It cannot be undone. The account, its scopes and its sessions are gone at once.
#[utoipa::path(delete, path = "/api/auth/me", tag = "accounts", security(("password" = []), ("bearer" = [])),
    request_body = ConfirmationBody,
    responses(
        (status = NO_CONTENT, description = "The account is deleted"),
        Problem,
    ))]
async fn delete(
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

/// A session that ended meanwhile is told like one that had ended before.
fn refused(auth: &Auth, error: PasswordError) -> Problem {
    match error {
        PasswordError::Ended => auth.guard.denied(Reason::Revoked).into(),
        error => error.into(),
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

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Invalid => Self::new(Code::InvalidCredentials),
            LoginError::Unverified => Self::new(Code::EmailNotVerified),
            LoginError::Proof(error) => error.into(),
            LoginError::Limited(exceeded) => exceeded.into(),
            LoginError::Hash(error) => error.into(),
            LoginError::Issue(error) => error.into(),
            LoginError::Store(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Password(fault) => Self::validation(vec![fault.into()]),
            AccountError::EmailTaken => Self::new(Code::EmailTaken),
            AccountError::Hash(error) => error.into(),
            AccountError::Store(error) => error.into(),
        }
    }
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Closed => Self::new(Code::SignupClosed),
            SignUpError::Limited(exceeded) => exceeded.into(),
            SignUpError::Account(error) => error.into(),
            SignUpError::Store(error) => error.into(),
        }
    }
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Invalid => Self::new(Code::InvalidProof),
            ProofError::Unbound => Self::validation(handle_mistake(true, false).into_iter().collect()),
            ProofError::Limited(exceeded) => exceeded.into(),
            ProofError::Hash(error) => error.into(),
            ProofError::Store(error) => error.into(),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Limited(exceeded) => exceeded.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Limited(exceeded) => exceeded.into(),
            ExportError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            // The token was right, so a challenge for another one would mislead: 403, not 401.
            PasswordError::Ended => Self::new(Code::InvalidToken),
            PasswordError::Wrong => Self::new(Code::InvalidCredentials).status(StatusCode::FORBIDDEN),
            PasswordError::Fault(fault) => Self::validation(vec![FieldError::from(fault).in_field("new_password")]),
            PasswordError::Limited(exceeded) => exceeded.into(),
            PasswordError::Hash(error) => error.into(),
            PasswordError::Store(error) => error.into(),
        }
    }
}
