//! Signing in with a password, signing up, signing out.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use countersign_guard::Scopes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

use super::browser;
use super::done::{Done, redirect_to};
use super::email;
use super::email_input::EmailInput;
use super::form::{Again, OwnForm};
use super::mailed::{self, Certainty, Mailed};
use super::reply::{go_on, page, see_other};
use super::service::Pages;
use super::view::{Link, View};
use super::visitor::Visitor;
use crate::core::applications::with_return_to;
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::profile::Profile;
use crate::core::request_info::RequestInfo;
use crate::core::versions::CredentialVersion;
use crate::features::identity::accounts;
use crate::features::messaging::outbox::{Action, Purpose};
use crate::features::sign_in::auth::{Asking, Credentials, LoginError, SignUp, SignedUp};
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::features::sign_in::sessions::Session;
use crate::settings::{EmailVerification, Signup};

/// The time within which the same sign-up counts as sent twice.
const TWICE_WITHIN: Duration = Duration::from_secs(2 * 60);

#[derive(Template)]
#[template(path = "pages/signin.html")]
struct SignInPage {
    v: View,
    /// What the sign-in is for.
    text: Option<String>,
    email: String,
    open: bool,
}

/// The page for a user who is already signed in.
#[derive(Template)]
#[template(path = "pages/signed_in.html")]
struct SignedInPage {
    v: View,
    text: String,
    next: Link,
    /// Signs out, and leads back here to sign in with another account.
    out: String,
}

#[derive(Template)]
#[template(path = "pages/signup.html")]
struct SignUpPage {
    v: View,
    /// What the account is for.
    text: Option<String>,
    email: String,
}

#[derive(Template)]
#[template(path = "pages/confirm.html")]
struct SignOutPage {
    v: View,
    title: String,
    text: String,
    button: String,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    email: EmailInput,
    password: Password,
}

impl Again for Sent {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(match visitor.path.as_str() {
            "/signup" => sign_up_again(visitor, view, self.email),
            _ => sign_in_again(pages, visitor, view, self.email),
        })
    }
}

pub(super) async fn sign_in_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    let view = View::new(&pages, &visitor);
    match &visitor.signed_in {
        Some(SignedIn { account, .. }) => signed_in_already(&visitor, view, &account.email),
        None => sign_in_again(&pages, &visitor, view, EmailInput::typed_before(&visitor)),
    }
}

fn signed_in_already(visitor: &Visitor, v: View, email: &str) -> Response {
    let signed_in = SignedInPage {
        text: v.t1("signin-as-text", "email", email),
        next: v.next(),
        out: with_return_to("/signout", &visitor.onward("/signin")),
        v: v.at("/signin").leading_back(),
    };
    page(visitor, &signed_in.v, &signed_in)
}

/// Shows the form to a user who is signed in, for another account. The present session ends when that has signed in.
pub(super) async fn other_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    let view = View::new(&pages, &visitor);
    let Some(SignedIn { account, .. }) = &visitor.signed_in else {
        return see_other(&visitor, &visitor.onward("/signin"));
    };
    let text = match view.for_client().filter(|_| view.expects_other(account.id)) {
        Some(client) => view.t1("signin-expected", "application", &client),
        None => view.t1("signin-instead", "email", &account.email),
    };
    let sign_in = SignInPage {
        text: Some(text),
        email: EmailInput::typed_before(&visitor).into_text(),
        open: pages.platform.settings.signup == Signup::Open,
        v: view.at("/signin/other").beginning("email"),
    };
    page(&visitor, &sign_in.v, &sign_in)
}

fn sign_in_again(pages: &Pages, visitor: &Visitor, v: View, email: EmailInput) -> Response {
    let begin = if email.is_empty() { "email" } else { "password" };
    let for_client = |client: String| v.t1("signin-for", "application", &client);
    let sign_in = SignInPage {
        text: v.for_client().map(for_client),
        email: email.into_text(),
        open: pages.platform.settings.signup == Signup::Open,
        v: v.at("/signin").beginning(begin),
    };
    page(visitor, &sign_in.v, &sign_in)
}

pub(super) async fn sign_in(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let credentials = Credentials {
        email: sent.email.email().ok(),
        password: sent.password,
        scopes: Scopes::default(),
    };
    let caller = visitor.anyone(request.clone());
    match pages.auth.sign_in_browser(credentials, &caller).await {
        Ok(session) => {
            browser::sign_in(&pages, &mut visitor, session.id, request).await?;
            Ok(go_on(&visitor))
        }
        Err(LoginError::Unverified(version)) => {
            let mailed = Mailed::to(sent.email, Certainty::SignsIn);
            ask_to_confirm(&pages, visitor, mailed, version, &caller).await
        }
        Err(error) => {
            sent.email.remember(&pages, &mut visitor);
            let problem = Problem::from(error);
            let view = View::new(&pages, &visitor).refused(&problem, "");
            Ok(sign_in_again(&pages, &visitor, view, sent.email))
        }
    }
}

/// Sends the email that confirms the email address of an account whose password was right. Its code then completes the
/// sign-in, without asking for the password again.
async fn ask_to_confirm(
    pages: &Pages,
    mut visitor: Visitor,
    mailed: Mailed,
    version: CredentialVersion,
    caller: &Caller,
) -> Result<Response, Problem> {
    let to = mailed.email.email().map_err(|_| Problem::new(Code::EmailNotVerified))?;
    let asking = Asking {
        purpose: Purpose::VerifyEmail,
        to: &to,
        handle: visitor.handle(),
        by: None,
        password_version: Some(version),
    };
    match pages.auth.ask(&asking, caller).await {
        Ok(()) => Ok(email::redirect_to_code(
            pages,
            &mut visitor,
            Action::VerifyEmail,
            &mailed,
        )),
        Err(error) => {
            let view = View::new(pages, &visitor).refused(&error.into(), "");
            mailed::remember(pages, &mut visitor, Action::VerifyEmail, &mailed);
            Ok(email::code_form(&visitor, view, Action::VerifyEmail, mailed))
        }
    }
}

pub(super) async fn sign_up_page(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    if pages.platform.settings.signup == Signup::Closed {
        return Err(Problem::new(Code::SignupClosed));
    }
    let view = View::new(&pages, &visitor);
    Ok(sign_up_again(&visitor, view, EmailInput::typed_before(&visitor)))
}

fn sign_up_again(visitor: &Visitor, v: View, email: EmailInput) -> Response {
    let begin = if email.is_empty() { "email" } else { "password" };
    let for_client = |client: String| v.t1("signup-for", "application", &client);
    let sign_up = SignUpPage {
        text: v.for_client().map(for_client),
        email: email.into_text(),
        v: v.at("/signup").beginning(begin),
    };
    page(visitor, &sign_up.v, &sign_up)
}

pub(super) async fn sign_up(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let email = match sent.email.new_email() {
        Ok(email) => email,
        Err(wrong) => {
            let view = View::new(&pages, &visitor).marked(wrong);
            return Ok(sign_up_again(&visitor, view, sent.email));
        }
    };
    let caller = visitor.anyone(request.clone());
    let sign_up = SignUp {
        email: email.clone(),
        password: sent.password.clone(),
        profile: Profile::default(),
        handle: visitor.handle(),
    };
    let email = Email::clone(&email);
    let session = match pages.auth.sign_up_browser(sign_up, &caller).await {
        Ok(SignedUp::Asked) => {
            let mailed = Mailed::to(sent.email, Certainty::Sent);
            return Ok(email::redirect_to_code(
                &pages,
                &mut visitor,
                Action::VerifyEmail,
                &mailed,
            ));
        }
        Ok(SignedUp::Made(session)) => session,
        Err(error) => {
            let problem = Problem::from(error);
            let taken = problem.code() == Code::EmailTaken;
            let twice = match taken {
                true => sign_in_if_sent_twice(&pages, email, sent.password, &caller).await?,
                false => None,
            };
            let Some(session) = twice else {
                let field = if taken { "email" } else { "" };
                sent.email.remember(&pages, &mut visitor);
                let view = View::new(&pages, &visitor).refused(&problem, field);
                return Ok(sign_up_again(&visitor, view, sent.email));
            };
            session
        }
    };
    browser::sign_in(&pages, &mut visitor, session.id, request).await?;
    let asked = pages.platform.settings.email_verification == EmailVerification::Optional;
    if asked {
        let mailed = Mailed::to(sent.email, Certainty::SignedUp);
        return Ok(email::redirect_to_code(
            &pages,
            &mut visitor,
            Action::VerifyEmail,
            &mailed,
        ));
    }
    Ok(go_on(&visitor))
}

/// Handles a sign-up that was sent twice. The first one created the account; with the same password, the second signs in,
/// subject to the usual rules. An older account belongs to another person, or was forgotten; then this does nothing.
async fn sign_in_if_sent_twice(
    pages: &Pages,
    email: Email,
    password: Password,
    caller: &Caller,
) -> Result<Option<Session>, Problem> {
    let found = accounts::find_by_email(&pages.platform.db, &email).await?;
    let is_new = |created_at| pages.platform.clock.now() <= created_at + TWICE_WITHIN;
    if !found.is_some_and(|account| is_new(account.created_at)) {
        return Ok(None);
    }
    let credentials = Credentials {
        email: Some(email),
        password,
        scopes: Scopes::default(),
    };
    match pages.auth.sign_in_browser(credentials, caller).await {
        Ok(session) => Ok(Some(session)),
        Err(LoginError::Invalid | LoginError::Unverified(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Asks for confirmation, because a GET must not change anything. Without a session, there is nothing to confirm: the visitor
/// goes on to the destination, if there is one.
pub(super) async fn sign_out_page(
    State(pages): State<Pages>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(destination) = &visitor.destination
        && visitor.signed_in.is_none()
        // Looked up again, because a visitor also counts as signed out while the database is unavailable.
        && pages.browsers.find(&headers).await?.is_none()
    {
        return Ok(see_other(&visitor, destination.as_str()));
    }
    Ok(ask_to_sign_out(&visitor, View::new(&pages, &visitor)))
}

fn ask_to_sign_out(visitor: &Visitor, v: View) -> Response {
    let confirm = SignOutPage {
        title: v.t("signout-title"),
        text: v.t("signout-text"),
        button: v.t("signout-button"),
        v,
    };
    page(visitor, &confirm.v, &confirm)
}

/// A form that has only a button.
#[derive(Deserialize)]
pub(super) struct SignOutForm {}

impl Again for SignOutForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(ask_to_sign_out(visitor, view))
    }
}

pub(super) async fn sign_out(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(SignOutForm {}): OwnForm<SignOutForm>,
) -> Result<Response, Problem> {
    browser::sign_out(&pages, &mut visitor, request).await?;
    let mut response = match &visitor.destination {
        Some(destination) => see_other(&visitor, destination.as_str()),
        None => redirect_to(&pages, &mut visitor, Done::SignedOut),
    };
    clear_site_data(&mut response);
    Ok(response)
}

/// Clears cached pages, so that the Back button does not show them (ASVS 14.3.1). The cookies are cleared by `browser`.
pub(super) fn clear_site_data(response: &mut Response) {
    let clear = (
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response.headers_mut().insert(clear.0, clear.1);
}
