//! The page for typing an emailed code.

use axum::extract::State;
use axum::response::Response;

use super::super::mailed::{Mailed, remember, remembered};
use super::super::reply::see_other;
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::forms::code_form;
use super::steps::{action_at, steps};
use crate::core::problem::Problem;
use crate::features::messaging::outbox::Action;

/// Redirects to the page for typing the emailed code. The browser remembers the email address in a cookie, because a URL
/// would end up in logs and histories.
pub(in crate::features::pages) fn redirect_to_code(
    pages: &Pages,
    visitor: &mut Visitor,
    action: Action,
    mailed: &Mailed,
) -> Response {
    remember(pages, visitor, action, mailed);
    see_other(visitor, &visitor.onward(steps(action).code_page))
}

/// Shows the page for typing the emailed code.
pub(super) async fn code_page(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    let action = action_at(&visitor.path)?;
    let mailed = remembered(&visitor, action);
    Ok(code_form(&visitor, View::new(&pages, &visitor), action, mailed))
}
