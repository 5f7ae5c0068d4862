//! The page on which an email is answered: by a link and a button, by a code, or with a password beside either.

use askama::Template;
use axum::response::Response;

use super::super::email_input::EmailInput;
use super::super::reply::page;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::steps::steps;
use crate::features::outbox::Action;

/// The page on which a link is answered with a button, or a code is typed.
#[derive(Template)]
#[template(path = "pages/answer.html")]
struct AnswerPage {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    /// Where another email is requested.
    request_page: &'static str,
    button: String,
    token: Option<String>,
    /// Where the code was mailed to; empty if nobody remembers.
    email: String,
    /// Whether a wrong address can be put right here.
    with_email: bool,
    code: String,
    with_password: bool,
    /// Whether whoever confirms an address has to say that the account is theirs.
    passwords: bool,
}

impl AnswerPage {
    fn new(v: View, action: Action, title: String, text: String) -> Self {
        let steps = steps(action);
        Self {
            title,
            text,
            action: action.page(),
            request_page: steps.request_page,
            button: v.t(&format!("{}-button", steps.texts)),
            token: None,
            email: String::new(),
            with_email: false,
            code: String::new(),
            with_password: action == Action::SetPassword,
            passwords: false,
            v,
        }
    }

    fn respond(&self, visitor: &Visitor) -> Response {
        page(visitor, &self.v, self)
    }
}

/// What it takes to show the page again.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) token: Option<String>,
    pub(super) email: EmailInput,
    /// The code that was right, where only a password is missing.
    pub(super) code: String,
}

/// The page of a link that can be used. Its address holds the token: no language is chosen there.
pub(super) fn link_form(visitor: &Visitor, v: View, action: Action, token: String) -> Response {
    let say = |part: &str| v.t(&format!("{}-{part}", steps(action).texts));
    let (title, text) = (say("title"), say("text"));
    let page = AnswerPage {
        token: Some(token),
        ..AnswerPage::new(v.fixed(), action, title, text)
    };
    page.respond(visitor)
}

/// The page on which a code is typed.
pub(in crate::features::pages) fn code_form(visitor: &Visitor, v: View, action: Action, email: EmailInput) -> Response {
    code_form_with(visitor, v, action, email, None)
}

pub(super) fn code_form_with(
    visitor: &Visitor,
    v: View,
    action: Action,
    email: EmailInput,
    code: Option<String>,
) -> Response {
    let title = v.t("code-title");
    let email = email.into_text();
    let text = match email.as_str() {
        "" => v.t("code-text-anywhere"),
        email => v.t1("code-text", "email", email),
    };
    let v = v.at(steps(action).code_page);
    let page = AnswerPage {
        with_email: email.is_empty() || v.wrong("email").is_some(),
        email,
        code: code.unwrap_or_default(),
        ..AnswerPage::new(v, action, title, text)
    };
    page.respond(visitor)
}

/// The page on which an address is confirmed where nothing says that the account is that of who opens it.
pub(super) fn password_form(visitor: &Visitor, v: View, filled: Filled) -> Response {
    let v = match filled.token {
        Some(_) => v.fixed(),
        None => v.at(steps(Action::VerifyEmail).code_page),
    };
    let (title, text) = (v.t("open-verify-title"), v.t("open-verify-elsewhere"));
    let page = AnswerPage {
        token: filled.token,
        email: filled.email.into_text(),
        code: filled.code,
        passwords: true,
        ..AnswerPage::new(v, Action::VerifyEmail, title, text)
    };
    page.respond(visitor)
}
