//! Signing in with a password, signing up, signing out.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use countersign_guard::Scopes;
use http::HeaderValue;
use http::header::HeaderName;
use serde::Deserialize;

use super::browser;
use super::done::{Done, redirect_to};
use super::email;
use super::email_input::EmailInput;
use super::form::{Again, OwnForm};
use super::mailed::{self, Certainty, Mailed};
use super::reply::{page, see_other};
use super::return_path::{ReturnPath, text_of, with_return_path};
use super::service::Pages;
use super::view::View;
use super::visitor::{LenientQuery, Visitor};
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::accounts;
use crate::features::auth::{Credentials, LoginError, SignUp, SignedUp};
use crate::features::browser_sessions::SignedIn;
use crate::features::outbox::Action;
use crate::features::sessions::Session;
use crate::settings::{EmailVerification, Signup};

/// The page after signing in, if no other was requested.
const HOME: &str = "/account";
/// The time within which the same sign-up counts as sent twice.
const TWICE_WITHIN: Duration = Duration::from_secs(2 * 60);

#[derive(Template)]
#[template(path = "pages/signin.html")]
struct SignInPage {
    v: View,
    email: String,
    return_to: String,
    elsewhere: String,
    by_email: String,
    recover: String,
    open: bool,
}

/// The page for a user who is already signed in.
#[derive(Template)]
#[template(path = "pages/signed_in.html")]
struct SignedInPage {
    v: View,
    text: String,
    onward: String,
    /// Where to sign in with another account after signing out.
    again: String,
}

#[derive(Template)]
#[template(path = "pages/signup.html")]
struct SignUpPage {
    v: View,
    email: String,
    return_to: String,
    elsewhere: String,
}

#[derive(Template)]
#[template(path = "pages/confirm.html")]
struct SignOutPage {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    button: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Return {
    #[serde(default)]
    return_to: String,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    email: EmailInput,
    password: Password,
    #[serde(default)]
    return_to: String,
}

impl Again for Sent {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        let return_path = self.return_to.parse().ok();
        Ok(match visitor.path.as_str() {
            "/signup" => sign_up_again(visitor, view, self.email, return_path),
            _ => sign_in_again(pages, visitor, view, self.email, return_path),
        })
    }
}

pub(super) async fn sign_in_page(
    State(pages): State<Pages>,
    LenientQuery(query): LenientQuery<Return>,
    visitor: Visitor,
) -> Response {
    let (view, return_path) = (View::new(&pages, &visitor), query.return_to.parse().ok());
    match &visitor.signed_in {
        Some(SignedIn { account, .. }) => signed_in_already(&visitor, view, &account.email, return_path.as_ref()),
        None => {
            let email = EmailInput::typed_before(&visitor);
            sign_in_again(&pages, &visitor, view, email, return_path)
        }
    }
}

fn signed_in_already(visitor: &Visitor, v: View, email: &str, return_path: Option<&ReturnPath>) -> Response {
    let again = with_return_path("/signin", return_path);
    let signed_in = SignedInPage {
        text: v.t1("signin-as-text", "email", email),
        onward: return_path.map_or(HOME, ReturnPath::as_str).to_owned(),
        v: v.at(&again),
        again,
    };
    page(visitor, &signed_in.v, &signed_in)
}

fn sign_in_again(
    pages: &Pages,
    visitor: &Visitor,
    v: View,
    email: EmailInput,
    return_path: Option<ReturnPath>,
) -> Response {
    let onward = |path| with_return_path(path, return_path.as_ref());
    let begin = if email.is_empty() { "email" } else { "password" };
    let sign_in = SignInPage {
        email: email.into_text(),
        return_to: text_of(return_path.as_ref()),
        elsewhere: onward("/signup"),
        by_email: onward("/signin/email"),
        recover: onward("/recover"),
        open: pages.platform.settings.signup == Signup::Open,
        v: v.at(&onward("/signin")).beginning(begin),
    };
    page(visitor, &sign_in.v, &sign_in)
}

pub(super) async fn sign_in(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let return_path = sent.return_to.parse::<ReturnPath>().ok();
    let credentials = Credentials {
        email: sent.email.email().ok(),
        password: sent.password,
        scopes: Scopes::default(),
    };
    let caller = visitor.anyone(request.clone());
    match pages.auth.sign_in_browser(credentials, &caller).await {
        Ok(session) => {
            browser::sign_in(&pages, &mut visitor, session.id, request).await?;
            Ok(see_other(
                &visitor,
                return_path.as_ref().map_or(HOME, ReturnPath::as_str),
            ))
        }
        // The password was right, but the email address is unconfirmed.
        Err(LoginError::Unverified) => {
            let problem = Problem::new(Code::EmailNotVerified);
            let view = View::new(&pages, &visitor).refused(&problem, "");
            let sent = Mailed::to(sent.email, return_path, Certainty::Sent);
            mailed::remember(&pages, &mut visitor, Action::VerifyEmail, &sent);
            Ok(email::code_form(&visitor, view, Action::VerifyEmail, sent))
        }
        Err(error) => {
            sent.email.remember(&pages, &mut visitor);
            let problem = Problem::from(error);
            let view = View::new(&pages, &visitor).refused(&problem, "");
            Ok(sign_in_again(&pages, &visitor, view, sent.email, return_path))
        }
    }
}

pub(super) async fn sign_up_page(
    State(pages): State<Pages>,
    LenientQuery(query): LenientQuery<Return>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    if pages.platform.settings.signup == Signup::Closed {
        return Err(Problem::new(Code::SignupClosed));
    }
    let view = View::new(&pages, &visitor);
    let email = EmailInput::typed_before(&visitor);
    Ok(sign_up_again(&visitor, view, email, query.return_to.parse().ok()))
}

fn sign_up_again(visitor: &Visitor, v: View, email: EmailInput, return_path: Option<ReturnPath>) -> Response {
    let begin = if email.is_empty() { "email" } else { "password" };
    let sign_up = SignUpPage {
        email: email.into_text(),
        return_to: text_of(return_path.as_ref()),
        elsewhere: with_return_path("/signin", return_path.as_ref()),
        v: v.at(&with_return_path("/signup", return_path.as_ref()))
            .beginning(begin),
    };
    page(visitor, &sign_up.v, &sign_up)
}

pub(super) async fn sign_up(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let return_path = sent.return_to.parse::<ReturnPath>().ok();
    let email = match sent.email.new_email() {
        Ok(email) => email,
        Err(wrong) => {
            let view = View::new(&pages, &visitor).marked(wrong);
            return Ok(sign_up_again(&visitor, view, sent.email, return_path));
        }
    };
    let caller = visitor.anyone(request.clone());
    let sign_up = SignUp {
        email: email.clone(),
        password: sent.password.clone(),
        handle: visitor.handle(),
    };
    let email = Email::clone(&email);
    let session = match pages.auth.sign_up_browser(sign_up, &caller).await {
        Ok(SignedUp::Asked) => {
            let mailed = Mailed::to(sent.email, return_path, Certainty::Sent);
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
                return Ok(sign_up_again(&visitor, view, sent.email, return_path));
            };
            session
        }
    };
    browser::sign_in(&pages, &mut visitor, session.id, request).await?;
    let asked = pages.platform.settings.email_verification == EmailVerification::Optional;
    if asked {
        let mailed = Mailed::to(sent.email, return_path, Certainty::SignedUp);
        return Ok(email::redirect_to_code(
            &pages,
            &mut visitor,
            Action::VerifyEmail,
            &mailed,
        ));
    }
    let onward = return_path.as_ref().map_or(HOME, ReturnPath::as_str);
    Ok(see_other(&visitor, onward))
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
        Err(LoginError::Invalid | LoginError::Unverified) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Asks for confirmation, because a GET must not change anything.
pub(super) async fn sign_out_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    ask_to_sign_out(&visitor, View::new(&pages, &visitor))
}

fn ask_to_sign_out(visitor: &Visitor, v: View) -> Response {
    let confirm = SignOutPage {
        title: v.t("signout-title"),
        text: v.t("signout-text"),
        button: v.t("signout-button"),
        action: "/signout",
        v,
    };
    page(visitor, &confirm.v, &confirm)
}

/// A button, and where to continue instead of the confirmation page.
#[derive(Deserialize)]
pub(super) struct SignOutForm {
    #[serde(default)]
    return_to: String,
}

impl Again for SignOutForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(ask_to_sign_out(visitor, view))
    }
}

pub(super) async fn sign_out(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(SignOutForm { return_to }): OwnForm<SignOutForm>,
) -> Result<Response, Problem> {
    browser::sign_out(&pages, &mut visitor, request).await?;
    let mut response = match return_to.parse::<ReturnPath>() {
        Ok(onward) => see_other(&visitor, onward.as_str()),
        Err(_) => redirect_to(&pages, &mut visitor, Done::SignedOut),
    };
    // Clears cached pages, so that the Back button does not show them (ASVS 14.3.1). The cookies are cleared above.
    let clear = (
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response.headers_mut().insert(clear.0, clear.1);
    Ok(response)
}
