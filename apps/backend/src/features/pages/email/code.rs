//! The page on which a mailed code is typed, and what the browser remembers for it.

use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::cookies::Cookie;
use super::super::email_input::EmailInput;
use super::super::reply::see_other;
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::forms::code_form;
use super::steps::{action_at, steps};
use crate::core::problem::Problem;
use crate::features::outbox::Action;

/// How long a browser remembers where a code was mailed to: longer than the code can be used.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(30 * 60);

/// Leads to the page on which somebody types the code that was mailed. The browser remembers where to: an address that
/// stood in the URL would stand in logs and histories.
pub(in crate::features::pages) fn redirect_to_code(
    pages: &Pages,
    visitor: &mut Visitor,
    action: Action,
    email: &EmailInput,
) -> Response {
    let others = Action::ALL.iter().copied().filter(|other| *other != action);
    let others: Vec<_> = others.filter_map(|other| entry_of(visitor, other)).collect();
    let entry = format!("{}.{}", steps(action).texts, URL_SAFE_NO_PAD.encode(email.as_str()));
    let entries = [&[entry.as_str()], others.as_slice()].concat().join("~");
    visitor.set_cookie(pages, Cookie::Codes, &entries, Some(REMEMBERED));
    see_other(visitor, steps(action).code_page)
}

/// Where the browser remembers that a code was mailed to.
fn remembered(visitor: &Visitor, action: Action) -> EmailInput {
    let email = entry_of(visitor, action).and_then(|entry| entry.split_once('.'));
    let email = email.and_then(|(_, email)| String::from_utf8(URL_SAFE_NO_PAD.decode(email).ok()?).ok());
    email.map(EmailInput::from).unwrap_or_default()
}

/// What the browser remembers of one kind of mail.
fn entry_of(visitor: &Visitor, action: Action) -> Option<&str> {
    let mut entries = visitor.codes()?.split('~');
    entries.find(|entry| {
        entry
            .split_once('.')
            .is_some_and(|(name, _)| name == steps(action).texts)
    })
}

/// The page on which somebody types the code that was mailed.
pub(super) async fn code_page(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    let action = action_at(&visitor.path)?;
    let email = remembered(&visitor, action);
    Ok(code_form(&visitor, View::new(&pages, &visitor), action, email))
}
