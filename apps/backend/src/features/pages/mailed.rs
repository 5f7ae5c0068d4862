//! What begins or ends with a mail: proving an address, changing it, a new password, signing in.
//! A link that is followed opens a page that does nothing by itself; a button does it.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use countersign_guard::Scopes;
use http::StatusCode;
use serde::Deserialize;

use super::browser;
use super::form::OwnForm;
use super::reply::{Done, page, see_other};
use super::view::View;
use super::visitor::Visitor;
use crate::Context;
use crate::core::email::Email;
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::core::problem::{Code, FieldError, Problem};
use crate::features::auth::{self, MailAnswerBody};
use crate::features::outbox::Purpose;
use crate::features::proofs::Answer;
use crate::features::{recovery, verification};

/// What a mail is for, as the pages see it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mailed {
    Verify,
    SignIn,
    Recover,
    ChangeEmail,
}

impl Mailed {
    /// Where its answer is sent.
    fn action(self) -> &'static str {
        match self {
            Self::Verify => "/verify",
            Self::SignIn => "/signin/email",
            Self::Recover => "/recover/password",
            Self::ChangeEmail => "/change-email",
        }
    }

    /// Where it is asked for.
    fn ask(self) -> &'static str {
        match self {
            Self::Verify => "/verify",
            Self::SignIn => "/signin/email",
            Self::Recover => "/recover",
            Self::ChangeEmail => "/account",
        }
    }

    /// The beginning of its messages' names.
    fn name(self) -> &'static str {
        match self {
            Self::Verify => "open-verify",
            Self::SignIn => "open-signin",
            Self::Recover => "open-recover",
            Self::ChangeEmail => "open-change-email",
        }
    }
}

#[derive(Template)]
#[template(path = "pages/ask.html")]
struct Ask {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    email: String,
}

#[derive(Template)]
#[template(path = "pages/answer.html")]
struct Reply {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    /// Where another mail is asked for.
    ask: &'static str,
    button: String,
    token: Option<String>,
    email: String,
    with_password: bool,
}

#[derive(Deserialize)]
pub(super) struct Link {
    token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct AskForm {
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
pub(super) struct AnswerForm {
    token: Option<String>,
    email: Option<String>,
    code: Option<String>,
    new_password: Option<Password>,
}

/// The page on which somebody types the code that was mailed.
pub(super) fn await_code(visitor: &Visitor, v: View, (what, email): (Mailed, String)) -> Response {
    let (title, text) = (v.t("code-title"), v.t1("code-text", "email", &email));
    answer_page(visitor, v, (what, title, text), (None, email))
}

/// The page that a mailed link opens.
fn open_link(visitor: &Visitor, v: View, (what, token): (Mailed, String)) -> Response {
    let say = |part: &str| v.t(&format!("{}-{part}", what.name()));
    let (title, text) = (say("title"), say("text"));
    answer_page(visitor, v, (what, title, text), (Some(token), String::new()))
}

fn answer_page(
    visitor: &Visitor,
    v: View,
    (what, title, text): (Mailed, String, String),
    (token, email): (Option<String>, String),
) -> Response {
    let reply = Reply {
        title,
        text,
        action: what.action(),
        ask: what.ask(),
        button: v.t(&format!("{}-button", what.name())),
        token,
        email,
        with_password: what == Mailed::Recover,
        v: v.fixed(),
    };
    page(visitor, reply.v.status(), &reply)
}

fn ask_page(visitor: &Visitor, v: View, (what, email): (Mailed, String)) -> Response {
    let status = v.status();
    let (name, action) = match what {
        Mailed::Verify | Mailed::ChangeEmail => ("ask-verify", "/verify/ask"),
        Mailed::SignIn => ("ask-signin", "/signin/email/ask"),
        Mailed::Recover => ("ask-recover", "/recover"),
    };
    let ask = Ask {
        title: v.t(&format!("{name}-title")),
        text: v.t(&format!("{name}-text")),
        action,
        email,
        v,
    };
    page(visitor, status, &ask)
}

fn opened(context: &Context, visitor: &Visitor, (what, link): (Mailed, Link)) -> Response {
    let view = View::new(context, visitor);
    match link.token {
        Some(token) => open_link(visitor, view, (what, token)),
        None => ask_page(visitor, view, (what, String::new())),
    }
}

pub(super) async fn verify_page(
    State(context): State<Context>,
    Query(link): Query<Link>,
    visitor: Visitor,
) -> Response {
    opened(&context, &visitor, (Mailed::Verify, link))
}

pub(super) async fn sign_in_page(
    State(context): State<Context>,
    Query(link): Query<Link>,
    visitor: Visitor,
) -> Response {
    opened(&context, &visitor, (Mailed::SignIn, link))
}

pub(super) async fn recover_page(State(context): State<Context>, visitor: Visitor) -> Response {
    ask_page(
        &visitor,
        View::new(&context, &visitor),
        (Mailed::Recover, String::new()),
    )
}

pub(super) async fn password_page(
    State(context): State<Context>,
    Query(link): Query<Link>,
    visitor: Visitor,
) -> Response {
    opened(&context, &visitor, (Mailed::Recover, link))
}

pub(super) async fn change_email_page(
    State(context): State<Context>,
    Query(link): Query<Link>,
    visitor: Visitor,
) -> Response {
    opened(&context, &visitor, (Mailed::ChangeEmail, link))
}

pub(super) async fn ask_to_verify(
    State(context): State<Context>,
    visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<AskForm>,
) -> Response {
    ask(
        &context,
        &visitor,
        (Mailed::Verify, Purpose::VerifyEmail, form.email),
        origin,
    )
    .await
}

pub(super) async fn ask_to_sign_in(
    State(context): State<Context>,
    visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<AskForm>,
) -> Response {
    ask(
        &context,
        &visitor,
        (Mailed::SignIn, Purpose::SignIn, form.email),
        origin,
    )
    .await
}

pub(super) async fn ask_to_recover(
    State(context): State<Context>,
    visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<AskForm>,
) -> Response {
    ask(
        &context,
        &visitor,
        (Mailed::Recover, Purpose::ResetPassword, form.email),
        origin,
    )
    .await
}

async fn ask(
    context: &Context,
    visitor: &Visitor,
    (what, purpose, typed): (Mailed, Purpose, String),
    origin: Origin,
) -> Response {
    let view = View::new(context, visitor);
    let Ok(email) = typed.parse::<Email>() else {
        let wrong = Problem::validation(vec![FieldError::new("email", Code::InvalidEmail)]);
        return ask_page(visitor, view.refused(&wrong, ""), (what, typed));
    };
    let origin = visitor.speaking(origin);
    match auth::ask(context, purpose, &email, &origin).await {
        Ok(()) => await_code(visitor, view, (what, typed)),
        Err(error) => ask_page(visitor, view.refused(&error.into(), ""), (what, typed)),
    }
}

pub(super) async fn verify(
    State(context): State<Context>,
    visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Response {
    let (again, _, answer) = form.split();
    let done = async { Ok(verification::verify(&context, answer?, &origin).await?) };
    let done = done.await.map(|()| "done-verified");
    conclude(&context, &visitor, done, (Mailed::Verify, again))
}

pub(super) async fn change_email(
    State(context): State<Context>,
    visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Response {
    let (again, _, answer) = form.split();
    let done = async { Ok(verification::change(&context, answer?, &origin).await?) };
    let done = done.await.map(|()| "done-changed-email");
    conclude(&context, &visitor, done, (Mailed::ChangeEmail, again))
}

pub(super) async fn recover(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Response {
    let (again, password, answer) = form.split();
    let done = async { Ok(recovery::recover(&context, (answer?, password), &origin).await?) };
    let done = done.await.map(|()| "done-recovered");
    if done.is_ok() {
        browser::remember(&context, &mut visitor);
    }
    conclude(&context, &visitor, done, (Mailed::Recover, again))
}

/// What was done, by the name of its messages; or the page again, with what was wrong.
fn conclude(
    context: &Context,
    visitor: &Visitor,
    done: Result<&str, Problem>,
    (what, again): (Mailed, Again),
) -> Response {
    let view = View::new(context, visitor);
    match done {
        Ok(done) => done_page(visitor, view, done),
        Err(problem) => {
            let view = view.refused(&problem, field_of(&problem, &again));
            try_again(visitor, view, (what, again))
        }
    }
}

pub(super) async fn sign_in(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Result<Response, Problem> {
    let (again, _, answer) = form.split();
    let entered = async { Ok(auth::enter_by_email(&context, answer?, &Scopes::default(), &origin).await?) };
    match entered.await {
        Ok(session) => {
            browser::sign_in(&context, &mut visitor, session.id, &origin).await?;
            Ok(see_other(&visitor, "/account"))
        }
        Err(problem) => {
            let view = View::new(&context, &visitor).refused(&problem, field_of(&problem, &again));
            Ok(try_again(&visitor, view, (Mailed::SignIn, again)))
        }
    }
}

/// What it takes to show the page again.
struct Again {
    token: Option<String>,
    email: String,
}

impl AnswerForm {
    /// What it takes to show the page again, the new password, and the answer itself.
    fn split(self) -> (Again, Password, Result<Answer, Problem>) {
        let again = Again {
            token: self.token.clone(),
            email: self.email.clone().unwrap_or_default(),
        };
        let password = self.new_password.unwrap_or_else(|| Password::from(String::new()));
        let answer = MailAnswerBody::new(self.token, self.email, self.code).try_into();
        (again, password, answer)
    }
}

/// A wrong code can be typed again. A link that is not valid any more can only be asked for anew.
fn try_again(visitor: &Visitor, v: View, (what, again): (Mailed, Again)) -> Response {
    match again.token {
        None => await_code(visitor, v, (what, again.email)),
        Some(_) if v.wrong("").is_some() => ask_page(visitor, v, (what, String::new())),
        Some(token) => open_link(visitor, v, (what, token)),
    }
}

/// Where a problem belongs that names no field: a code that was not taken stands beside its field, a link has none.
fn field_of(problem: &Problem, again: &Again) -> &'static str {
    let by_code = again.token.is_none() && problem.code() == Code::InvalidProof;
    if by_code { "code" } else { "" }
}

fn done_page(visitor: &Visitor, v: View, what: &str) -> Response {
    let onward = match visitor.signed_in {
        Some(_) => ("/account", "account-title"),
        None => ("/signin", "signin-title"),
    };
    page(visitor, StatusCode::OK, &Done::new(v.fixed(), what, onward))
}
