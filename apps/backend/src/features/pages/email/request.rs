//! Requesting an email.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::email_input::EmailInput;
use super::super::form::{Again, OwnForm};
use super::super::reply::page;
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::code::redirect_to_code;
use super::steps::{action_at, steps};
use crate::core::problem::Problem;
use crate::core::request_info::RequestInfo;
use crate::features::auth::Asking;
use crate::features::outbox::Action;

#[derive(Template)]
#[template(path = "pages/request.html")]
struct RequestPage {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    email: String,
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
    Ok(show(&visitor, view, action_at(&visitor.path)?, EmailInput::default()))
}

pub(super) fn show(visitor: &Visitor, v: View, action: Action, email: EmailInput) -> Response {
    let steps = steps(action);
    let request = steps.request_again();
    let request_page = RequestPage {
        title: v.t(&format!("{}-title", request.texts)),
        text: v.t(&format!("{}-text", request.texts)),
        action: request.form,
        email: email.into_text(),
        v: v.at(steps.request_page),
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
    let caller = visitor.anyone(request);
    let asking = Asking {
        purpose: steps(action).request_again().purpose,
        to: &email,
        handle: visitor.handle(),
        by: None,
    };
    Ok(match pages.auth.ask(&asking, &caller).await {
        Ok(()) => redirect_to_code(&pages, &mut visitor, action, &form.email),
        Err(error) => show(&visitor, view.refused(&error.into(), ""), action, form.email),
    })
}
