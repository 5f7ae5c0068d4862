//! The page on which a mailed code is typed.

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
use crate::features::outbox::Action;

/// Leads to the page on which somebody types the code that was mailed. The browser remembers where to: an address that
/// stood in the URL would stand in logs and histories.
pub(in crate::features::pages) fn redirect_to_code(
    pages: &Pages,
    visitor: &mut Visitor,
    action: Action,
    mailed: &Mailed,
) -> Response {
    remember(pages, visitor, action, mailed);
    see_other(visitor, steps(action).code_page)
}

/// The page on which somebody types the code that was mailed.
pub(super) async fn code_page(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    let action = action_at(&visitor.path)?;
    let mailed = remembered(&visitor, action);
    Ok(code_form(&visitor, View::new(&pages, &visitor), action, mailed))
}
