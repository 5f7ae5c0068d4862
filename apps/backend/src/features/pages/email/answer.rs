//! Handles the answer to an email: its link or its code.

use axum::extract::State;
use axum::response::Response;
use countersign_guard::Scopes;
use serde::Deserialize;

use super::super::browser;
use super::super::done::{Done, redirect_to};
use super::super::email_input::EmailInput;
use super::super::form::{Again, OwnForm};
use super::super::mailed::{Certainty, Mailed, remembered};
use super::super::reply::go_on;
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::forms::{Filled, code_form, code_form_with, link_form, password_form};
use super::link::{claim, is_invitation, is_used, opened, sign_in_first};
use super::request;
use super::steps::{action_at, steps};
use crate::core::ids::SessionId;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::identity::email_challenges::Answer;
use crate::features::identity::verification::Claim;
use crate::features::messaging::outbox::Action;
use crate::features::sign_in::auth::MailAnswerBody;

#[derive(Deserialize)]
pub(super) struct AnswerForm {
    token: Option<String>,
    email: Option<EmailInput>,
    code: Option<String>,
    password: Option<Password>,
    new_password: Option<Password>,
}

impl Again for AnswerForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        let action = action_at(&visitor.path)?;
        Ok(match self.token {
            Some(token) => link_form(visitor, view, action, opened(pages, action, token).await?),
            None => {
                let mailed = mailed(visitor, action, self.email.unwrap_or_default());
                code_form_with(visitor, view, action, mailed, self.code)
            }
        })
    }
}

/// The contents of an answer form.
struct Answered {
    answer: Result<Answer, Problem>,
    password: Option<Password>,
    new_password: Option<Password>,
}

/// The outcome of an answer.
enum Acted {
    Done(Done),
    SignedIn(SessionId),
    /// Both: the proof is at least as strong as that of a sign-in.
    DoneAndSignedIn(Done, SessionId),
}

/// Returns what this browser remembers of the email, if it went to this email address.
fn mailed(visitor: &Visitor, action: Action, email: EmailInput) -> Mailed {
    let remembered = remembered(visitor, action);
    match remembered.email.as_str() == email.as_str() {
        true => remembered,
        false => Mailed::to(email, Certainty::Unsaid),
    }
}

impl AnswerForm {
    fn split(self) -> (Filled, Answered) {
        let filled = Filled {
            token: self.token.clone(),
            email: self.email.clone().unwrap_or_default(),
            code: self.code.clone().unwrap_or_default(),
        };
        let email = self.email.map(EmailInput::into_text);
        let answered = Answered {
            answer: MailAnswerBody::new(self.token, email, self.code).try_into(),
            password: self.password,
            new_password: self.new_password,
        };
        (filled, answered)
    }
}

pub(super) async fn submit(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<AnswerForm>,
) -> Result<Response, Problem> {
    let action = action_at(&visitor.path)?;
    if action == Action::ChangeEmail && visitor.user().is_none() {
        return Ok(sign_in_first(&visitor, form.token.as_deref()));
    }
    let with_password = form.password.is_some() || form.new_password.is_some();
    let (filled, answered) = form.split();
    let problem = match act(&pages, &mut visitor, action, answered, request.clone()).await {
        Ok(Acted::Done(done)) => return Ok(redirect_to(&pages, &mut visitor, done)),
        Ok(Acted::DoneAndSignedIn(done, session)) => {
            browser::sign_in(&pages, &mut visitor, session, request).await?;
            return Ok(redirect_to(&pages, &mut visitor, done));
        }
        Ok(Acted::SignedIn(session)) => {
            browser::sign_in(&pages, &mut visitor, session, request).await?;
            return Ok(go_on(&visitor));
        }
        Err(problem) => problem,
    };
    // If the link was already used, show the same confirmation.
    if let (Code::InvalidAnswer, Some(token), Some(used)) = (problem.code(), &filled.token, steps(action).used)
        && is_used(&pages, action, token).await?
    {
        return Ok(redirect_to(&pages, &mut visitor, used));
    }
    let needs_password = problem.code() == Code::PasswordRequired
        || (action == Action::VerifyEmail && with_password && problem.code() != Code::InvalidAnswer);
    let view = View::new(&pages, &visitor);
    if needs_password {
        let field = match problem.code() {
            Code::InvalidCredentials => "password",
            _ => "",
        };
        let view = view.refused(&problem, field).about_own_password();
        return Ok(password_form(&visitor, view, filled));
    }
    try_again(&pages, &visitor, view, action, &problem, filled).await
}

/// Performs the action that the answer allows.
async fn act(
    pages: &Pages,
    visitor: &mut Visitor,
    action: Action,
    Answered {
        answer,
        password,
        new_password,
    }: Answered,
    request: RequestInfo,
) -> Result<Acted, Problem> {
    let (answer, handle) = (answer?, Some(visitor.handle()));
    match action {
        Action::VerifyEmail => {
            let sets_password = new_password.is_some();
            let claim = Claim {
                password,
                new_password,
                ..claim(visitor)
            };
            let caller = visitor.caller(request.clone());
            let account = pages.verification.verify(answer, claim, &caller).await?;
            if sets_password {
                browser::remember(pages, visitor);
            }
            // A new password proves only access to the mailbox. If an attacker forwarded a link to their own mailbox, it must
            // not sign the victim in to the attacker's account (login CSRF).
            if visitor.signed_in.is_some() || sets_password {
                return Ok(Acted::Done(Done::Verified));
            }
            let caller = visitor.anyone(request);
            match pages.auth.sign_in_browser_after_confirmation(account, &caller).await {
                Ok(session) => Ok(Acted::DoneAndSignedIn(Done::Verified, session.id)),
                Err(error) => {
                    // The email address is confirmed all the same.
                    tracing::warn!(%error, "failed to sign in the browser after the email address was confirmed");
                    Ok(Acted::Done(Done::Verified))
                }
            }
        }
        Action::SignIn => {
            let scopes = Scopes::default();
            let caller = visitor.anyone(request);
            let session = pages
                .auth
                .sign_in_browser_by_email(answer, handle, &scopes, &caller)
                .await?;
            Ok(Acted::SignedIn(session.id))
        }
        Action::SetPassword => {
            let password = new_password.unwrap_or_else(|| Password::from(String::new()));
            let invited = match &answer {
                Answer::Link(link) => is_invitation(pages, link).await?,
                Answer::Code(_) => false,
            };
            pages
                .recovery
                .recover(answer, handle, password, &visitor.anyone(request))
                .await?;
            browser::remember(pages, visitor);
            Ok(Acted::Done(if invited { Done::Invited } else { Done::Recovered }))
        }
        Action::ChangeEmail => {
            let user = visitor.user().ok_or_else(|| Problem::new(Code::InvalidAnswer))?;
            pages
                .verification
                .change(user, answer, &visitor.caller(request))
                .await?;
            Ok(Acted::Done(Done::ChangedEmail))
        }
    }
}

/// Shows the form again: a wrong code can be corrected in its field, while an invalid link must be requested again.
async fn try_again(
    pages: &Pages,
    visitor: &Visitor,
    view: View,
    action: Action,
    problem: &Problem,
    filled: Filled,
) -> Result<Response, Problem> {
    let field = match (problem.code(), &filled.token) {
        (Code::InvalidAnswer, None) => "code",
        _ => "",
    };
    let view = view.refused(problem, field).saying("code", "error-wrong-code");
    let view = match (action, problem.code()) {
        // The user is signed in already.
        (Action::ChangeEmail, Code::EmailTaken) => view.saying("", "error-new-email-taken"),
        _ => view,
    };
    Ok(match filled.token {
        None => code_form(visitor, view, action, mailed(visitor, action, filled.email)),
        Some(_) if view.is_wrong("") => request::show(visitor, view, action, request::email_of(visitor)),
        Some(token) => link_form(visitor, view, action, opened(pages, action, token).await?),
    })
}
