//! Signing up.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use countersign_guard::Scopes;
use serde::Deserialize;

use super::browser;
use super::email;
use super::email_input::EmailInput;
use super::form::{Again, OwnForm};
use super::mailed::{Certainty, Mailed};
use super::reply::{go_on, page};
use super::service::Pages;
use super::view::View;
use super::visitor::Visitor;
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::profile::Profile;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts;
use crate::features::messaging::outbox::Action;
use crate::features::sign_in::auth::{Credentials, LoginError, SignUp, SignedUp};
use crate::features::sign_in::sessions::Session;
use crate::settings::{EmailVerification, Signup};

/// The time within which the same sign-up counts as sent twice.
const TWICE_WITHIN: Duration = Duration::from_secs(2 * 60);

#[derive(Template)]
#[template(path = "pages/signup.html")]
struct SignUpPage {
    v: View,
    /// What the account is for.
    text: Option<String>,
    email: String,
}

#[derive(Deserialize)]
pub(super) struct SignUpForm {
    #[serde(default)]
    email: EmailInput,
    password: Password,
}

impl Again for SignUpForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(sign_up_again(visitor, view, self.email))
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
    OwnForm(form): OwnForm<SignUpForm>,
) -> Result<Response, Problem> {
    let email = match form.email.new_email() {
        Ok(email) => email,
        Err(wrong) => {
            let view = View::new(&pages, &visitor).marked(wrong);
            return Ok(sign_up_again(&visitor, view, form.email));
        }
    };
    let caller = visitor.anyone(request.clone());
    let sign_up = SignUp {
        email: email.clone(),
        password: form.password.clone(),
        profile: Profile::default(),
        handle: visitor.handle(),
    };
    let email = Email::clone(&email);
    let session = match pages.auth.sign_up_browser(sign_up, &caller).await {
        Ok(SignedUp::Asked) => {
            let mailed = Mailed::to(form.email, Certainty::Sent);
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
                true => sign_in_if_sent_twice(&pages, email, form.password, &caller).await?,
                false => None,
            };
            let Some(session) = twice else {
                let field = if taken { "email" } else { "" };
                form.email.remember(&pages, &mut visitor);
                let view = View::new(&pages, &visitor).refused(&problem, field);
                return Ok(sign_up_again(&visitor, view, form.email));
            };
            session
        }
    };
    browser::sign_in(&pages, &mut visitor, session.id, request).await?;
    let asked = pages.platform.settings.email_verification == EmailVerification::Optional;
    if asked {
        let mailed = Mailed::to(form.email, Certainty::SignedUp);
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
