//! Requesting an email.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::email_input::EmailInput;
use super::super::form::{Again, OwnForm};
use super::super::mailed::{Certainty, Mailed};
use super::super::reply::page;
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::code::redirect_to_code;
use super::steps::{action_at, steps};
use crate::core::problem::Problem;
use crate::core::request_info::RequestInfo;
use crate::features::messaging::outbox::Action;
use crate::features::sign_in::auth::Asking;
use crate::features::sign_in::browser_sessions::SignedIn;

#[derive(Template)]
#[template(path = "pages/request.html")]
struct RequestPage {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    email: String,
    back: String,
    back_label: String,
}

#[derive(Deserialize)]
pub(super) struct RequestForm {
    #[serde(default)]
    email: EmailInput,
}

impl Again for RequestForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(show(visitor, view, action_at(&visitor.path)?, self.email))
    }
}

pub(super) async fn request_page(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    let view = View::new(&pages, &visitor);
    Ok(show(&visitor, view, action_at(&visitor.path)?, email_of(&visitor)))
}

/// Returns the most likely email address: the user's own, or the one typed last.
pub(super) fn email_of(visitor: &Visitor) -> EmailInput {
    match &visitor.signed_in {
        Some(SignedIn { account, .. }) => account.email.clone().into(),
        None => EmailInput::typed_before(visitor),
    }
}

pub(super) fn show(visitor: &Visitor, v: View, action: Action, email: EmailInput) -> Response {
    let steps = steps(action);
    let request = steps.request_again();
    let (back, back_label) = match visitor.signed_in {
        Some(_) => ("/account", "account-title"),
        None => ("/signin", "page-back"),
    };
    let request_page = RequestPage {
        title: v.t(&format!("{}-title", request.texts)),
        text: v.t(&format!("{}-text", request.texts)),
        action: request.form,
        email: email.into_text(),
        back: v.onward(back),
        back_label: v.t(back_label),
        v: v.at(steps.request_page).beginning("email"),
    };
    page(visitor, &request_page.v, &request_page)
}

pub(super) async fn submit(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<RequestForm>,
) -> Result<Response, Problem> {
    let action = action_at(&visitor.path)?;
    let view = View::new(&pages, &visitor);
    let email = match form.email.email() {
        Ok(email) => email,
        Err(wrong) => return Ok(show(&visitor, view.marked(wrong), action, form.email)),
    };
    form.email.remember(&pages, &mut visitor);
    let caller = visitor.anyone(request);
    let asking = Asking {
        purpose: steps(action).request_again().purpose,
        to: &email,
        handle: visitor.handle(),
        by: None,
        password_version: None,
    };
    Ok(match pages.auth.ask(&asking, &caller).await {
        Ok(()) => {
            let certainty = certainty(&visitor, action, &form.email);
            let mailed = Mailed::to(form.email, certainty);
            redirect_to_code(&pages, &mut visitor, action, &mailed)
        }
        Err(error) => {
            let view = view.refused(&error.into(), "");
            show(&visitor, view, action, form.email)
        }
    })
}

/// Returns what may be said about the email. A signed-in user's own unconfirmed email address always gets one, so there is
/// nothing to hide.
fn certainty(visitor: &Visitor, action: Action, email: &EmailInput) -> Certainty {
    let is_own =
        |SignedIn { account, .. }: &SignedIn| account.email == email.as_str() && account.email_verified_at.is_none();
    match action == Action::VerifyEmail && visitor.signed_in.as_ref().is_some_and(is_own) {
        true => Certainty::Sent,
        false => Certainty::Unsaid,
    }
}
