//! Actions that begin or end with an email: confirming or changing an email address, setting a password, signing in. The
//! steps and handlers are the same for each [`Action`]; `steps` defines the differences.
//!
//! `request` requests the email, `code` is the page for its code, `link` is the page of its link (which does nothing when
//! opened, because mail scanners open links), and `answer` handles both and calls the service. `forms` renders the pages.

mod answer;
mod code;
mod forms;
mod link;
mod request;
mod steps;

use axum::Router;
use axum::routing::get;

pub(super) use self::code::redirect_to_code;
pub(super) use self::forms::code_form;
use self::steps::steps;
use super::reply;
use super::service::Pages;
use crate::features::messaging::outbox::Action;

/// The routes of all actions: where their emails are requested (`/verify/ask`, `/signin/email/ask`, `/recover`), where their
/// codes are typed (`…/code`), and where their links lead and the answers are sent (`/verify`, `/signin/email`,
/// `/recover/password`, `/change-email`).
pub(super) fn routes() -> Router<Pages> {
    Action::ALL.iter().copied().fold(Router::new(), |router, action| {
        let steps = steps(action);
        let router = router
            .route(action.page(), get(link::link_page).post(answer::submit))
            .route(steps.code_page, get(code::code_page));
        match &steps.request {
            Some(request) if request.form == steps.request_page => {
                router.route(request.form, get(request::request_page).post(request::submit))
            }
            Some(request) => router.route(
                request.form,
                get(move || reply::redirect(steps.request_page)).post(request::submit),
            ),
            None => router,
        }
    })
}
