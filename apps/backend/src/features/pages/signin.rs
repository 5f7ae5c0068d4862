//! Signing in with a password.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use countersign_guard::Scopes;
use serde::Deserialize;

use super::browser;
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
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::core::versions::CredentialVersion;
use crate::features::messaging::outbox::{Action, Purpose};
use crate::features::sign_in::auth::{Asking, Credentials, LoginError};
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::settings::Signup;

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

#[derive(Deserialize)]
pub(super) struct SignInForm {
    #[serde(default)]
    email: EmailInput,
    password: Password,
}

impl Again for SignInForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(sign_in_again(pages, visitor, view, self.email))
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
    OwnForm(form): OwnForm<SignInForm>,
) -> Result<Response, Problem> {
    let credentials = Credentials {
        email: form.email.email().ok(),
        password: form.password,
        scopes: Scopes::default(),
    };
    let caller = visitor.anyone(request.clone());
    match pages.auth.sign_in_browser(credentials, &caller).await {
        Ok(session) => {
            browser::sign_in(&pages, &mut visitor, session.id, request).await?;
            Ok(go_on(&visitor))
        }
        Err(LoginError::Unverified(version)) => {
            let mailed = Mailed::to(form.email, Certainty::SignsIn);
            ask_to_confirm(&pages, visitor, mailed, version, &caller).await
        }
        Err(error) => {
            form.email.remember(&pages, &mut visitor);
            let problem = Problem::from(error);
            let view = View::new(&pages, &visitor).refused(&problem, "");
            Ok(sign_in_again(&pages, &visitor, view, form.email))
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
