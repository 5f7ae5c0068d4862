//! The forms of the account page.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use uuid::Uuid;

use super::super::browser;
use super::super::done::{Done, redirect_to};
use super::super::email;
use super::super::email_input::EmailInput;
use super::super::form::{Again, OwnForm, require_signed_in};
use super::super::mailed::{Certainty, Mailed};
use super::super::reply::see_other;
use super::super::service::Pages;
use super::super::view::{HOME, Mistake, View};
use super::super::visitor::Visitor;
use super::{Row, Typed, show, show_typed, sign_in_first};
use crate::core::ids::SessionId;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::profile::{Change, InvalidName, PersonName, ProfileChange};
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::ProfileError;
use crate::features::messaging::outbox::Action;
use crate::features::sign_in::auth::PasswordChange;
use crate::features::sign_in::browser_sessions::SignedIn;

#[derive(Deserialize)]
pub(in super::super) struct NameForm {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
pub(in super::super) struct PasswordForm {
    current_password: Password,
    new_password: Password,
}

#[derive(Deserialize)]
pub(in super::super) struct EmailForm {
    #[serde(default)]
    email: EmailInput,
    email_password: Password,
}

#[derive(Deserialize)]
pub(in super::super) struct SessionForm {
    session: Option<Uuid>,
}

/// A form that has only a button.
#[derive(Deserialize)]
pub(in super::super) struct ExportForm {}

#[derive(Deserialize)]
pub(in super::super) struct DeleteForm {
    delete_password: Password,
}

impl Again for NameForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        let typed = Typed {
            name: Some(self.name),
            ..Typed::default()
        };
        require_signed_in(visitor)?;
        show_typed(pages, visitor, view, typed, Row::Name).await
    }
}

impl Again for PasswordForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(pages, visitor, view, EmailInput::default(), Row::Password).await
    }
}

impl Again for EmailForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(pages, visitor, view, self.email, Row::Email).await
    }
}

impl Again for SessionForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(pages, visitor, view, EmailInput::default(), Row::Sessions).await
    }
}

impl Again for ExportForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(pages, visitor, view, EmailInput::default(), Row::Data).await
    }
}

impl Again for DeleteForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(pages, visitor, view, EmailInput::default(), Row::Delete).await
    }
}

/// Shows the page again for a form whose origin could not be verified.
async fn show_again(
    pages: &Pages,
    visitor: &Visitor,
    v: View,
    new_email: EmailInput,
    open: Row,
) -> Result<Response, Problem> {
    require_signed_in(visitor)?;
    show(pages, visitor, v, new_email, open).await
}

pub(in super::super) async fn change_name(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<NameForm>,
) -> Result<Response, Problem> {
    let Some(by) = visitor.user() else {
        return Ok(sign_in_first(&visitor));
    };
    let name = match form.name.parse::<PersonName>() {
        Ok(name) => Change::Set(name),
        Err(InvalidName::Empty) => Change::Remove,
        Err(wrong) => {
            let message = match wrong {
                InvalidName::TooLong => "error-name-long",
                _ => "error-name",
            };
            let view = View::new(&pages, &visitor).marked(Mistake::new("name", message));
            return form.again(&pages, &visitor, view).await;
        }
    };
    let change = ProfileChange {
        name,
        metadata: Change::Keep,
    };
    let changed = pages
        .accounts
        .change_own_profile(by.account, &change, &visitor.caller(request))
        .await;
    match changed {
        Ok(_) => Ok(redirect_to(&pages, &mut visitor, Done::ChangedName)),
        Err(ProfileError::Gone) => Ok(sign_in_first(&visitor)),
        Err(error) => {
            let view = View::new(&pages, &visitor).refused(&error.into(), "name");
            form.again(&pages, &visitor, view).await
        }
    }
}

pub(in super::super) async fn change_password(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<PasswordForm>,
) -> Result<Response, Problem> {
    let Some(by) = visitor.user() else {
        return Ok(sign_in_first(&visitor));
    };
    let passwords = PasswordChange {
        current: form.current_password,
        new: form.new_password,
    };
    match pages
        .auth
        .change_password(by, passwords, &visitor.caller(request))
        .await
    {
        Ok(()) => {
            browser::remember(&pages, &mut visitor);
            Ok(redirect_to(&pages, &mut visitor, Done::ChangedPassword))
        }
        Err(error) => {
            let view = refused(&pages, &visitor, &error.into(), "current_password");
            show(&pages, &visitor, view, EmailInput::default(), Row::Password).await
        }
    }
}

/// Returns a view with a problem; a wrong password is reported at its field.
fn refused(pages: &Pages, visitor: &Visitor, problem: &Problem, password: &'static str) -> View {
    let field = match problem.code() {
        Code::InvalidCredentials => password,
        Code::SameEmail => "email",
        _ => "",
    };
    View::new(pages, visitor).refused(problem, field).about_own_password()
}

pub(in super::super) async fn change_email(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<EmailForm>,
) -> Result<Response, Problem> {
    let Some(by) = visitor.user() else {
        return Ok(sign_in_first(&visitor));
    };
    let email = match form.email.new_email() {
        Ok(email) => email,
        Err(wrong) => {
            let view = View::new(&pages, &visitor).marked(wrong);
            return show(&pages, &visitor, view, form.email, Row::Email).await;
        }
    };
    let caller = visitor.caller(request);
    let asked = pages
        .verification
        .ask_to_change(by, &email, form.email_password, visitor.handle(), &caller)
        .await;
    match asked {
        Ok(()) => {
            let mailed = Mailed::to(form.email, Certainty::Sent);
            Ok(email::redirect_to_code(
                &pages,
                &mut visitor,
                Action::ChangeEmail,
                &mailed,
            ))
        }
        Err(error) => {
            let view = refused(&pages, &visitor, &error.into(), "email_password");
            show(&pages, &visitor, view, form.email, Row::Email).await
        }
    }
}

pub(in super::super) async fn end_sessions(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<SessionForm>,
) -> Result<Response, Problem> {
    let Some(SignedIn { account, .. }) = &visitor.signed_in else {
        return Ok(sign_in_first(&visitor));
    };
    let caller = visitor.caller(request.clone());
    match form.session {
        Some(id) => {
            pages.sessions.revoke(SessionId(id), Some(account.id), &caller).await?;
            Ok(see_other(&visitor, &visitor.onward(HOME)))
        }
        None => {
            pages.auth.logout_all(account.id, &caller).await?;
            browser::sign_out(&pages, &mut visitor, request).await?;
            Ok(redirect_to(&pages, &mut visitor, Done::SignedOutEverywhere))
        }
    }
}

pub(in super::super) async fn export(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    OwnForm(ExportForm {}): OwnForm<ExportForm>,
) -> Result<Response, Problem> {
    let Some(by) = visitor.user() else {
        return Ok(sign_in_first(&visitor));
    };
    let Some(export) = pages.auth.export(by, &visitor.caller(request)).await? else {
        return Ok(sign_in_first(&visitor));
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"account.json\""),
        ),
    ];
    let text = serde_json::to_vec_pretty(&export).map_err(Problem::internal)?;
    let mut response = (headers, text).into_response();
    visitor.write_cookies(response.headers_mut());
    Ok(response)
}

pub(in super::super) async fn delete(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<DeleteForm>,
) -> Result<Response, Problem> {
    let Some(by) = visitor.user() else {
        return Ok(sign_in_first(&visitor));
    };
    let caller = visitor.caller(request.clone());
    let deleted = pages.auth.delete(by, form.delete_password, &caller).await;
    match deleted {
        Ok(()) => {
            visitor.signed_in = None;
            browser::sign_out(&pages, &mut visitor, request).await?;
            Ok(redirect_to(&pages, &mut visitor, Done::Deleted))
        }
        Err(error) => {
            let view = refused(&pages, &visitor, &error.into(), "delete_password");
            show(&pages, &visitor, view, EmailInput::default(), Row::Delete).await
        }
    }
}
