//! What begins or ends with a mail: proving an address, changing it, a new password, signing in.
//! A link that is followed opens a page that does nothing by itself; a button does it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_guard::Scopes;
use serde::Deserialize;

use super::browser;
use super::cookies::Cookie;
use super::done::{Done, lead, tell};
use super::form::{Again, OwnForm};
use super::reply::{page, see_other};
use super::service::Pages;
use super::typed::Typed;
use super::view::View;
use super::visitor::{Asks, Visitor};
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::auth::{Asking, MailAnswerBody};
use crate::features::outbox::Purpose;
use crate::features::proofs::{Answer, LinkSecret};
use crate::features::verification::Claim;

/// How long a browser remembers where a code was mailed to: longer than the code can be used.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(30 * 60);

/// What a mail is for, as the pages see it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mailed {
    Verify,
    SignIn,
    Recover,
    ChangeEmail,
}

impl Mailed {
    const ALL: [Self; 4] = [Self::Verify, Self::SignIn, Self::Recover, Self::ChangeEmail];

    /// By the path of one of its pages.
    fn at(path: &str) -> Self {
        let is_here = |what: &Self| [what.action(), what.asks_at(), what.ask(), what.code_page()].contains(&path);
        Self::ALL.into_iter().find(is_here).unwrap_or(Self::Verify)
    }

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

    /// Where the form is sent that asks for it.
    fn asks_at(self) -> &'static str {
        match self {
            Self::Verify => "/verify/ask",
            Self::SignIn => "/signin/email/ask",
            Self::Recover => "/recover",
            Self::ChangeEmail => "/account/email",
        }
    }

    /// Where its code is typed.
    fn code_page(self) -> &'static str {
        match self {
            Self::Verify => "/verify/code",
            Self::SignIn => "/signin/email/code",
            Self::Recover => "/recover/code",
            Self::ChangeEmail => "/change-email/code",
        }
    }

    /// What its links are for.
    fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::Verify => &[Purpose::VerifyEmail],
            Self::SignIn => &[Purpose::SignIn, Purpose::SignInBlocked],
            Self::Recover => &[Purpose::ResetPassword, Purpose::Invitation],
            Self::ChangeEmail => &[Purpose::ChangeEmail],
        }
    }

    /// What its links have done once they are used; none where that is no news.
    fn used(self) -> Option<Done> {
        match self {
            Self::Verify => Some(Done::VerifiedBefore),
            Self::SignIn => None,
            Self::Recover => Some(Done::RecoveredBefore),
            Self::ChangeEmail => Some(Done::ChangedEmailBefore),
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
    /// Where the code was mailed to; empty if nobody remembers.
    email: String,
    /// Whether a wrong address can be put right here.
    with_email: bool,
    code: String,
    with_password: bool,
    /// Whether whoever confirms an address has to say that the account is theirs.
    passwords: bool,
}

#[derive(Default, Deserialize)]
pub(super) struct Link {
    token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct AskForm {
    #[serde(default)]
    email: Typed,
}

impl Again for AskForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(ask_page(visitor, view, Mailed::at(&visitor.path), self.email))
    }
}

#[derive(Deserialize)]
pub(super) struct AnswerForm {
    token: Option<String>,
    email: Option<Typed>,
    code: Option<String>,
    password: Option<Password>,
    new_password: Option<Password>,
}

impl Again for AnswerForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        let what = Mailed::at(&visitor.path);
        Ok(match self.token {
            Some(token) => open_link(visitor, view, what, token),
            None => type_code(visitor, view, what, self.email.unwrap_or_default(), self.code),
        })
    }
}

/// Leads to the page on which somebody types the code that was mailed. The browser remembers where to: an address that
/// stood in the URL would stand in logs and histories.
pub(super) fn asked(pages: &Pages, visitor: &mut Visitor, what: Mailed, email: &Typed) -> Response {
    let others = Mailed::ALL.into_iter().filter(|other| *other != what);
    let others: Vec<_> = others.filter_map(|other| entry_of(visitor, other)).collect();
    let entry = format!("{}.{}", what.name(), URL_SAFE_NO_PAD.encode(email.as_str()));
    let entries = [&[entry.as_str()], others.as_slice()].concat().join("~");
    visitor.keep(pages, Cookie::Asked, &entries, Some(REMEMBERED));
    see_other(visitor, what.code_page())
}

/// Where the browser remembers that a code was mailed to.
fn asked_before(visitor: &Visitor, what: Mailed) -> Typed {
    let email = entry_of(visitor, what).and_then(|entry| entry.split_once('.'));
    let email = email.and_then(|(_, email)| String::from_utf8(URL_SAFE_NO_PAD.decode(email).ok()?).ok());
    email.map(Typed::from).unwrap_or_default()
}

/// What the browser remembers of one kind of mail.
fn entry_of(visitor: &Visitor, what: Mailed) -> Option<&str> {
    let mut entries = visitor.asked()?.split('~');
    entries.find(|entry| entry.split_once('.').is_some_and(|(name, _)| name == what.name()))
}

/// The page on which somebody types the code that was mailed.
pub(super) async fn code_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    let what = Mailed::at(&visitor.path);
    let email = asked_before(&visitor, what);
    await_code(&visitor, View::new(&pages, &visitor), what, email)
}

/// The same, with what was wrong.
pub(super) fn await_code(visitor: &Visitor, v: View, what: Mailed, email: Typed) -> Response {
    type_code(visitor, v, what, email, None)
}

fn type_code(visitor: &Visitor, v: View, what: Mailed, email: Typed, code: Option<String>) -> Response {
    let title = v.t("code-title");
    let email = email.into_text();
    let text = match email.as_str() {
        "" => v.t("code-text-anywhere"),
        email => v.t1("code-text", "email", email),
    };
    let v = v.at(what.code_page());
    let reply = Reply {
        with_email: email.is_empty() || v.wrong("email").is_some(),
        email,
        code: code.unwrap_or_default(),
        ..Reply::new(v, what, title, text)
    };
    page(visitor, &reply.v, &reply)
}

/// The page that a mailed link opens. Its address holds the token: no language is chosen there.
fn open_link(visitor: &Visitor, v: View, what: Mailed, token: String) -> Response {
    let say = |part: &str| v.t(&format!("{}-{part}", what.name()));
    let (title, text) = (say("title"), say("text"));
    let reply = Reply {
        token: Some(token),
        ..Reply::new(v.fixed(), what, title, text)
    };
    page(visitor, &reply.v, &reply)
}

/// The page on which an address is confirmed where nothing says that the account is that of who opens it.
fn ask_for_password(visitor: &Visitor, v: View, before: Before) -> Response {
    let v = match before.token {
        Some(_) => v.fixed(),
        None => v.at(Mailed::Verify.code_page()),
    };
    let (title, text) = (v.t("open-verify-title"), v.t("open-verify-elsewhere"));
    let reply = Reply {
        token: before.token,
        email: before.email.into_text(),
        code: before.code,
        passwords: true,
        ..Reply::new(v, Mailed::Verify, title, text)
    };
    page(visitor, &reply.v, &reply)
}

impl Reply {
    fn new(v: View, what: Mailed, title: String, text: String) -> Self {
        Self {
            title,
            text,
            action: what.action(),
            ask: what.ask(),
            button: v.t(&format!("{}-button", what.name())),
            token: None,
            email: String::new(),
            with_email: false,
            code: String::new(),
            with_password: what == Mailed::Recover,
            passwords: false,
            v,
        }
    }
}

fn ask_page(visitor: &Visitor, v: View, what: Mailed, email: Typed) -> Response {
    let (name, action) = match what {
        Mailed::Verify | Mailed::ChangeEmail => ("ask-verify", Mailed::Verify.asks_at()),
        Mailed::SignIn => ("ask-signin", what.asks_at()),
        Mailed::Recover => ("ask-recover", what.asks_at()),
    };
    let ask = Ask {
        title: v.t(&format!("{name}-title")),
        text: v.t(&format!("{name}-text")),
        action,
        email: email.into_text(),
        v: v.at(what.ask()),
    };
    page(visitor, &ask.v, &ask)
}

async fn opened(pages: &Pages, visitor: &Visitor, what: Mailed, link: Link) -> Result<Response, Problem> {
    let view = View::new(pages, visitor);
    let Some(token) = link.token else {
        return Ok(ask_page(visitor, view, what, Typed::default()));
    };
    if !is_used(pages, what, &token).await? {
        return match (what, &visitor.signed_in) {
            // An address is changed by who is signed in to the account: they come back afterwards.
            (Mailed::ChangeEmail, None) => Ok(sign_in_first(visitor, Some(&token))),
            (Mailed::Verify, _) if needs_password(pages, visitor, &token).await? => {
                let before = Before {
                    token: Some(token),
                    ..Before::default()
                };
                Ok(ask_for_password(visitor, view, before))
            }
            _ => Ok(open_link(visitor, view, what, token)),
        };
    }
    Ok(match what.used() {
        Some(used) => tell(visitor, view.fixed(), used),
        None if visitor.signed_in.is_some() => see_other(visitor, "/account"),
        None => {
            let view = view.refused(&Problem::new(Code::InvalidProof), "");
            ask_page(visitor, view, what, Typed::default())
        }
    })
}

/// In the browser that asked, a button is enough; elsewhere it takes a password.
async fn needs_password(pages: &Pages, visitor: &Visitor, token: &str) -> Result<bool, Problem> {
    match token.parse() {
        Ok(link) => Ok(pages
            .verification
            .needs_password(&Answer::Link(link), &claim(visitor))
            .await?),
        Err(_) => Ok(false),
    }
}

/// What says that an account is that of whoever sits before this browser.
fn claim(visitor: &Visitor) -> Claim {
    Claim {
        handle: Some(visitor.handle()),
        user: visitor.user(),
        ..Claim::default()
    }
}

fn sign_in_first(visitor: &Visitor, token: Option<&str>) -> Response {
    let query = |name: &str, value: &str| {
        form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value)
            .finish()
    };
    let back = match token {
        Some(token) => format!("/change-email?{}", query("token", token)),
        None => Mailed::ChangeEmail.code_page().to_owned(),
    };
    see_other(visitor, &format!("/signin?{}", query("return_to", &back)))
}

/// Whether what a link is for is done. Of one that was made up, or has grown old, nothing is known.
async fn is_used(pages: &Pages, what: Mailed, token: &str) -> Result<bool, Problem> {
    let Ok(link) = token.parse::<LinkSecret>() else {
        return Ok(false);
    };
    for purpose in what.purposes() {
        if pages.proofs.is_done(*purpose, &link).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) async fn verify_page(
    State(pages): State<Pages>,
    Asks(link): Asks<Link>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    opened(&pages, &visitor, Mailed::Verify, link).await
}

pub(super) async fn sign_in_page(
    State(pages): State<Pages>,
    Asks(link): Asks<Link>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    opened(&pages, &visitor, Mailed::SignIn, link).await
}

pub(super) async fn recover_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    let view = View::new(&pages, &visitor);
    ask_page(&visitor, view, Mailed::Recover, Typed::default())
}

pub(super) async fn password_page(
    State(pages): State<Pages>,
    Asks(link): Asks<Link>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    opened(&pages, &visitor, Mailed::Recover, link).await
}

pub(super) async fn change_email_page(
    State(pages): State<Pages>,
    Asks(link): Asks<Link>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    opened(&pages, &visitor, Mailed::ChangeEmail, link).await
}

pub(super) async fn ask_to_verify(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AskForm>,
) -> Response {
    ask(
        &pages,
        visitor,
        Mailed::Verify,
        Purpose::VerifyEmail,
        form.email,
        request,
    )
    .await
}

pub(super) async fn ask_to_sign_in(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AskForm>,
) -> Response {
    ask(&pages, visitor, Mailed::SignIn, Purpose::SignIn, form.email, request).await
}

pub(super) async fn ask_to_recover(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AskForm>,
) -> Response {
    ask(
        &pages,
        visitor,
        Mailed::Recover,
        Purpose::ResetPassword,
        form.email,
        request,
    )
    .await
}

async fn ask(
    pages: &Pages,
    mut visitor: Visitor,
    what: Mailed,
    purpose: Purpose,
    typed: Typed,
    request: RequestInfo,
) -> Response {
    let view = View::new(pages, &visitor);
    let email = match typed.email() {
        Ok(email) => email,
        Err(wrong) => return ask_page(&visitor, view.marked(wrong), what, typed),
    };
    let caller = visitor.anyone(request);
    let asking = Asking {
        purpose,
        to: &email,
        handle: visitor.handle(),
        by: None,
    };
    match pages.auth.ask(&asking, &caller).await {
        Ok(()) => asked(pages, &mut visitor, what, &typed),
        Err(error) => ask_page(&visitor, view.refused(&error.into(), ""), what, typed),
    }
}

pub(super) async fn verify(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Result<Response, Problem> {
    let claim = Claim {
        password: form.password.clone(),
        new_password: form.new_password.clone(),
        ..claim(&visitor)
    };
    let (tried, anew) = (
        form.password.is_some() || form.new_password.is_some(),
        form.new_password.is_some(),
    );
    let (again, _, answer) = form.split();
    let caller = visitor.caller(request);
    let done = async { Ok::<_, Problem>(pages.verification.verify(answer?, claim, &caller).await?) };
    let done = done.await.map(|()| Done::Verified);
    if anew && done.is_ok() {
        browser::remember(&pages, &mut visitor);
    }
    let again = Before {
        passwords: done.as_ref().is_err_and(|problem| {
            problem.code() == Code::PasswordRequired || (tried && problem.code() != Code::InvalidProof)
        }),
        ..again
    };
    conclude(&pages, visitor, done, Mailed::Verify, again).await
}

pub(super) async fn change_email(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Result<Response, Problem> {
    let Some(user) = visitor.user() else {
        return Ok(sign_in_first(&visitor, form.token.as_deref()));
    };
    let (again, _, answer) = form.split();
    let caller = visitor.caller(request);
    let done = async { Ok(pages.verification.change(user, answer?, &caller).await?) };
    let done = done.await.map(|()| Done::ChangedEmail);
    conclude(&pages, visitor, done, Mailed::ChangeEmail, again).await
}

pub(super) async fn recover(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Result<Response, Problem> {
    let (again, password, answer) = form.split();
    let handle = Some(visitor.handle());
    let caller = visitor.anyone(request);
    let done = async { Ok(pages.recovery.recover(answer?, handle, password, &caller).await?) };
    let done = done.await.map(|()| Done::Recovered);
    if done.is_ok() {
        browser::remember(&pages, &mut visitor);
    }
    conclude(&pages, visitor, done, Mailed::Recover, again).await
}

/// Leads to what was done, also by a link that had done it before; or the page again, with what was wrong.
async fn conclude(
    pages: &Pages,
    mut visitor: Visitor,
    done: Result<Done, Problem>,
    what: Mailed,
    again: Before,
) -> Result<Response, Problem> {
    let problem = match done {
        Ok(done) => return Ok(lead(pages, &mut visitor, done)),
        Err(problem) => problem,
    };
    if let (Code::InvalidProof, Some(token), Some(used)) = (problem.code(), &again.token, what.used())
        && is_used(pages, what, token).await?
    {
        return Ok(lead(pages, &mut visitor, used));
    }
    let view = View::new(pages, &visitor).refused(&problem, field_of(&problem, &again));
    Ok(try_again(&visitor, view, what, again))
}

pub(super) async fn sign_in(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Result<Response, Problem> {
    let (again, _, answer) = form.split();
    let handle = Some(visitor.handle());
    let caller = visitor.anyone(request.clone());
    let signed_in = async {
        Ok(pages
            .auth
            .sign_in_browser_by_email(answer?, handle, &Scopes::default(), &caller)
            .await?)
    };
    match signed_in.await {
        Ok(session) => {
            browser::sign_in(&pages, &mut visitor, session.id, request).await?;
            Ok(see_other(&visitor, "/account"))
        }
        Err(problem) => {
            let view = View::new(&pages, &visitor).refused(&problem, field_of(&problem, &again));
            Ok(try_again(&visitor, view, Mailed::SignIn, again))
        }
    }
}

/// What it takes to show the page again.
#[derive(Default)]
struct Before {
    token: Option<String>,
    email: Typed,
    /// The code that was right, where only a password is missing.
    code: String,
    passwords: bool,
}

impl AnswerForm {
    /// What it takes to show the page again, the new password, and the answer itself.
    fn split(self) -> (Before, Password, Result<Answer, Problem>) {
        let before = Before {
            token: self.token.clone(),
            email: self.email.clone().unwrap_or_default(),
            code: self.code.clone().unwrap_or_default(),
            passwords: false,
        };
        let password = self.new_password.unwrap_or_else(|| Password::from(String::new()));
        let email = self.email.map(Typed::into_text);
        let answer = MailAnswerBody::new(self.token, email, self.code).try_into();
        (before, password, answer)
    }
}

/// A wrong code can be typed again. A link that is not valid any more can only be asked for anew.
fn try_again(visitor: &Visitor, v: View, what: Mailed, before: Before) -> Response {
    if before.passwords {
        return ask_for_password(visitor, v, before);
    }
    match before.token {
        None => await_code(visitor, v, what, before.email),
        Some(_) if v.wrong("").is_some() => ask_page(visitor, v, what, Typed::default()),
        Some(token) => open_link(visitor, v, what, token),
    }
}

/// Where a problem belongs that names no field: a code that was not taken stands beside its field, a link has none.
fn field_of(problem: &Problem, before: &Before) -> &'static str {
    match problem.code() {
        Code::InvalidProof if before.token.is_none() => "code",
        Code::InvalidCredentials if before.passwords => "password",
        _ => "",
    }
}
