//! Requesting an email.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::email_input::EmailInput;
use super::super::form::{Again, OwnForm};
use super::super::mailed::{Certainty, Mailed};
use super::super::reply::page;
use super::super::return_path::{ReturnPath, text_of, with_return_path};
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::{LenientQuery, Visitor};
use super::code::redirect_to_code;
use super::steps::{action_at, steps};
use crate::core::problem::Problem;
use crate::core::request_info::RequestInfo;
use crate::features::auth::Asking;
use crate::features::browser_sessions::SignedIn;
use crate::features::outbox::Action;

#[derive(Template)]
#[template(path = "pages/request.html")]
struct RequestPage {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    email: String,
    return_to: String,
    back: String,
    back_label: String,
}

/// Where to continue afterwards.
#[derive(Default, Deserialize)]
pub(super) struct Return {
    #[serde(default)]
    return_to: String,
}

#[derive(Deserialize)]
pub(super) struct RequestForm {
    #[serde(default)]
    email: EmailInput,
    #[serde(default)]
    return_to: String,
}

impl Again for RequestForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        let return_path = self.return_to.parse().ok();
        Ok(show(visitor, view, action_at(&visitor.path)?, self.email, return_path))
    }
}

pub(super) async fn request_page(
    State(pages): State<Pages>,
    LenientQuery(query): LenientQuery<Return>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let view = View::new(&pages, &visitor);
    let (email, return_path) = (email_of(&visitor), query.return_to.parse().ok());
    Ok(show(&visitor, view, action_at(&visitor.path)?, email, return_path))
}

/// Returns the most likely email address: the user's own, or the one typed last.
pub(super) fn email_of(visitor: &Visitor) -> EmailInput {
    match &visitor.signed_in {
        Some(SignedIn { account, .. }) => account.email.clone().into(),
        None => EmailInput::typed_before(visitor),
    }
}

pub(super) fn show(
    visitor: &Visitor,
    v: View,
    action: Action,
    email: EmailInput,
    return_path: Option<ReturnPath>,
) -> Response {
    let steps = steps(action);
    let request = steps.request_again();
    let (back, back_label) = match visitor.signed_in {
        Some(_) => ("/account".to_owned(), "account-title"),
        None => (with_return_path("/signin", return_path.as_ref()), "page-back"),
    };
    let request_page = RequestPage {
        title: v.t(&format!("{}-title", request.texts)),
        text: v.t(&format!("{}-text", request.texts)),
        action: request.form,
        email: email.into_text(),
        return_to: text_of(return_path.as_ref()),
        back,
        back_label: v.t(back_label),
        v: v.at(&with_return_path(steps.request_page, return_path.as_ref()))
            .beginning("email"),
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
    let return_path = form.return_to.parse().ok();
    let email = match form.email.email() {
        Ok(email) => email,
        Err(wrong) => return Ok(show(&visitor, view.marked(wrong), action, form.email, return_path)),
    };
    form.email.remember(&pages, &mut visitor);
    let caller = visitor.anyone(request);
    let asking = Asking {
        purpose: steps(action).request_again().purpose,
        to: &email,
        handle: visitor.handle(),
        by: None,
    };
    Ok(match pages.auth.ask(&asking, &caller).await {
        Ok(()) => {
            let certainty = certainty(&visitor, action, &form.email);
            let mailed = Mailed::to(form.email, return_path, certainty);
            redirect_to_code(&pages, &mut visitor, action, &mailed)
        }
        Err(error) => {
            let view = view.refused(&error.into(), "");
            show(&visitor, view, action, form.email, return_path)
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
