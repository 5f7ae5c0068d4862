//! `/signin/again`: authenticates a signed-in user again, with the password or an emailed code. The session stays the
//! same, so that no application is signed out.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::browser;
use super::email_input::EmailInput;
use super::form::{Again, OwnForm, require_signed_in};
use super::reply::{go_on, page, see_other};
use super::service::Pages;
use super::view::View;
use super::visitor::Visitor;
use crate::core::email::Email;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::Account;
use crate::features::messaging::outbox::Purpose;
use crate::features::sign_in::auth::{Asking, MailAnswerBody};

/// The page for the password.
const PAGE: &str = "/signin/again";
/// The page for an emailed code.
pub(super) const CODE_PAGE: &str = "/signin/again/code";

#[derive(Template)]
#[template(path = "pages/again.html")]
struct AgainPage {
    v: View,
    text: String,
    email: String,
    /// Whether a code can be emailed: the email address is the user's own.
    by_mail: bool,
}

#[derive(Template)]
#[template(path = "pages/again_code.html")]
struct AgainCodePage {
    v: View,
    text: String,
    code: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: Password,
}

/// A form that has only a button.
#[derive(Deserialize)]
pub(super) struct MailForm {}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: String,
}

impl Again for PasswordForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        require_signed_in(visitor)?;
        Ok(show(visitor, view))
    }
}

impl Again for MailForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        require_signed_in(visitor)?;
        Ok(show(visitor, view))
    }
}

impl Again for CodeForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        require_signed_in(visitor)?;
        Ok(show_code(visitor, view, self.code))
    }
}

pub(super) async fn again_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    show(&visitor, View::new(&pages, &visitor))
}

fn show(visitor: &Visitor, v: View) -> Response {
    let Some(account) = account(visitor) else {
        return sign_in_first(visitor);
    };
    let again = AgainPage {
        text: v.t1("again-text", "email", &account.email),
        email: account.email.clone(),
        by_mail: account.email_verified_at.is_some(),
        v: v.at(PAGE).beginning("password"),
    };
    page(visitor, &again.v, &again)
}

pub(super) async fn by_password(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<PasswordForm>,
) -> Result<Response, Problem> {
    let Some(by) = visitor.user() else {
        return Ok(sign_in_first(&visitor));
    };
    let caller = visitor.caller(request);
    match pages.auth.renew_with_password(by, form.password, &caller).await {
        Ok(cookie) => {
            browser::renew(&pages, &mut visitor, cookie);
            Ok(go_on(&visitor))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let field = if problem.code() == Code::InvalidCredentials {
                "password"
            } else {
                ""
            };
            let view = View::new(&pages, &visitor).refused(&problem, field);
            Ok(show(&visitor, view.about_own_password()))
        }
    }
}

/// Emails a code to the user's own email address.
pub(super) async fn send_code(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    OwnForm(MailForm {}): OwnForm<MailForm>,
) -> Result<Response, Problem> {
    let Some(to) = account(&visitor).and_then(own_address) else {
        return Ok(sign_in_first(&visitor));
    };
    let asking = Asking {
        purpose: Purpose::SignIn,
        to: &to,
        handle: visitor.handle(),
        by: None,
        password_version: None,
    };
    match pages.auth.ask(&asking, &visitor.caller(request)).await {
        Ok(()) => Ok(see_other(&visitor, &visitor.onward(CODE_PAGE))),
        Err(error) => {
            let view = View::new(&pages, &visitor).refused(&error.into(), "");
            Ok(show(&visitor, view))
        }
    }
}

pub(super) async fn code_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    show_code(&visitor, View::new(&pages, &visitor), String::new())
}

fn show_code(visitor: &Visitor, v: View, code: String) -> Response {
    let Some(account) = account(visitor) else {
        return sign_in_first(visitor);
    };
    let again = AgainCodePage {
        text: v.t1("code-sent", "email", &account.email),
        code,
        v: v.at(CODE_PAGE).beginning("code"),
    };
    page(visitor, &again.v, &again)
}

pub(super) async fn by_code(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<CodeForm>,
) -> Result<Response, Problem> {
    let (Some(by), Some(account)) = (visitor.user(), account(&visitor)) else {
        return Ok(sign_in_first(&visitor));
    };
    let answer = MailAnswerBody::new(None, Some(account.email.clone()), Some(form.code)).try_into();
    let renewed = match answer {
        Ok(answer) => {
            let caller = visitor.caller(request);
            let renewed = pages.auth.renew_with_code(by, answer, visitor.handle(), &caller).await;
            renewed.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match renewed {
        Ok(cookie) => {
            browser::renew(&pages, &mut visitor, cookie);
            Ok(go_on(&visitor))
        }
        Err(problem) => {
            let field = if problem.code() == Code::InvalidAnswer {
                "code"
            } else {
                ""
            };
            let view = View::new(&pages, &visitor).refused(&problem, field);
            Ok(show_code(
                &visitor,
                view.saying("code", "error-wrong-code"),
                String::new(),
            ))
        }
    }
}

fn account(visitor: &Visitor) -> Option<&Account> {
    visitor.signed_in.as_ref().map(|who| &who.account)
}

/// Returns an account's email address, if it is verified. To another one, a code would prove nothing.
fn own_address(account: &Account) -> Option<Email> {
    account.email_verified_at?;
    EmailInput::from(account.email.clone()).email().ok()
}

/// Redirects to the sign-in page, which leads to the same destination: a sign-in proves as much.
fn sign_in_first(visitor: &Visitor) -> Response {
    see_other(visitor, &visitor.onward("/signin"))
}
