//! The page for answering an email: with the button of a link, with a code, or with a password in addition to either.

use askama::Template;
use axum::response::Response;

use super::super::email_input::EmailInput;
use super::super::mailed::{Certainty, Mailed};
use super::super::reply::page;
use super::super::view::{Link, View};
use super::super::visitor::Visitor;
use super::steps::steps;
use crate::features::messaging::outbox::Action;

/// The page with the button of a link or the field for a code.
#[derive(Template)]
#[template(path = "pages/answer.html")]
struct AnswerPage {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    /// The path for requesting another email.
    request_page: &'static str,
    /// The next page for a signed-in user who confirms later.
    next: Option<Link>,
    button: String,
    token: Option<String>,
    /// The email address that the code was sent to; empty if it is not known.
    email: String,
    /// Whether the email address can be corrected here.
    with_email: bool,
    code: String,
    with_password: bool,
    /// Whether confirming the email address requires a password to prove that the account is the user's.
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
            next: None,
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

/// What is needed to show the page again.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) token: Option<String>,
    pub(super) email: EmailInput,
    /// The correct code, if only a password is missing.
    pub(super) code: String,
}

/// What is known of a link that sets a password.
pub(super) struct Opened {
    pub(super) token: String,
    /// The account's email address, for password managers; empty if it is not known.
    pub(super) email: String,
    /// Whether it was sent with an invitation.
    pub(super) invited: bool,
}

/// Renders the page of a valid link. Its URL contains the token, so it offers no language switch.
pub(super) fn link_form(visitor: &Visitor, v: View, action: Action, opened: Opened) -> Response {
    let texts = match opened.invited {
        true => "open-invitation",
        false => steps(action).texts,
    };
    let say = |part: &str| v.t(&format!("{texts}-{part}"));
    let (title, text, button) = (say("title"), say("text"), say("button"));
    let page = AnswerPage {
        token: Some(opened.token),
        email: opened.email,
        button,
        ..AnswerPage::new(v.fixed().beginning("new_password"), action, title, text)
    };
    page.respond(visitor)
}

/// Renders the page for typing a code.
pub(in crate::features::pages) fn code_form(visitor: &Visitor, v: View, action: Action, mailed: Mailed) -> Response {
    code_form_with(visitor, v, action, mailed, None)
}

pub(super) fn code_form_with(
    visitor: &Visitor,
    v: View,
    action: Action,
    mailed: Mailed,
    code: Option<String>,
) -> Response {
    let Mailed { email, certainty } = mailed;
    let email = email.into_text();
    let text = match (email.as_str(), certainty) {
        ("", _) => v.t("code-text-anywhere"),
        (email, Certainty::Unsaid) => v.t1("code-text", "email", email),
        (email, Certainty::SignsIn) => v.t1("code-signs-in", "email", email),
        (email, _) => v.t1("code-sent", "email", email),
    };
    let is_new = certainty == Certainty::SignedUp && visitor.signed_in.is_some();
    let confirms = is_new || certainty == Certainty::SignsIn;
    let title = v.t(if confirms { "open-verify-title" } else { "code-title" });
    let begin = if email.is_empty() { "email" } else { "code" };
    let v = v.at(steps(action).code_page).beginning(begin);
    let v = match is_new && v.wrong_in_all().is_none() && !v.is_wrong("code") {
        true => {
            let notice = v.t("code-welcome");
            v.noting(notice)
        }
        false => v,
    };
    let (next, v) = match is_new {
        true => (Some(v.next()), v.leading_back()),
        false => (None, v),
    };
    let page = AnswerPage {
        with_email: email.is_empty() || v.is_wrong("email"),
        email,
        code: code.unwrap_or_default(),
        next,
        ..AnswerPage::new(v, action, title, text)
    };
    page.respond(visitor)
}

/// Renders the page for confirming an email address when nothing shows that the account belongs to this user.
pub(super) fn password_form(visitor: &Visitor, v: View, filled: Filled) -> Response {
    let v = match filled.token {
        Some(_) => v.fixed(),
        None => v.at(steps(Action::VerifyEmail).code_page),
    };
    let v = v.beginning("password");
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
