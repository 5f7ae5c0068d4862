//! The account page: name, password, email address, devices and data.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use uuid::Uuid;

use super::browser;
use super::done::{Done, Notice, redirect_to};
use super::email;
use super::email_input::EmailInput;
use super::form::{Again, OwnForm};
use super::mailed::{Certainty, Mailed};
use super::reply::{page, see_other};
use super::service::Pages;
use super::view::{HOME, Mistake, SaidTime, View};
use super::visitor::{LenientQuery, Visitor};
use crate::core::applications::with_return_to;
use crate::core::device_name::DeviceName;
use crate::core::ids::SessionId;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::profile::{Change, InvalidName, PersonName, ProfileChange};
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::ProfileError;
use crate::features::messaging::outbox::Action;
use crate::features::sign_in::auth::PasswordChange;
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::features::sign_in::sessions::Session;

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountPage {
    v: View,
    /// The name, empty if there is none.
    name: String,
    new_name: String,
    email: String,
    verified: bool,
    since: SaidTime,
    new_email: String,
    devices: Vec<Device>,
    /// The number of devices, as text.
    count: String,
    /// The expanded row.
    open: Row,
}

/// The rows of the page that can be expanded when it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    None,
    Name,
    Email,
    Password,
    Sessions,
    Data,
    Delete,
}

struct Device {
    id: SessionId,
    name: String,
    address: String,
    seen: SaidTime,
    current: bool,
    end_label: String,
}

#[derive(Deserialize)]
pub(super) struct NameForm {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    current_password: Password,
    new_password: Password,
}

#[derive(Deserialize)]
pub(super) struct EmailForm {
    #[serde(default)]
    email: EmailInput,
    email_password: Password,
}

#[derive(Deserialize)]
pub(super) struct SessionForm {
    session: Option<Uuid>,
}

/// A form that has only a button.
#[derive(Deserialize)]
pub(super) struct ExportForm {}

#[derive(Deserialize)]
pub(super) struct DeleteForm {
    delete_password: Password,
}

impl Again for NameForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        let typed = Typed {
            name: Some(self.name),
            ..Typed::default()
        };
        match visitor.signed_in {
            Some(_) => show_typed(pages, visitor, view, typed, Row::Name).await,
            None => Err(Problem::new(Code::ForeignForm)),
        }
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

pub(super) async fn account_page(
    State(pages): State<Pages>,
    LenientQuery(notice): LenientQuery<Notice>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let view = notice.on(&visitor, View::new(&pages, &visitor));
    show(&pages, &visitor, view, EmailInput::default(), Row::None).await
}

/// Shows the page again for a form whose origin could not be verified. Only a signed-in browser can have such a form.
async fn show_again(
    pages: &Pages,
    visitor: &Visitor,
    v: View,
    new_email: EmailInput,
    open: Row,
) -> Result<Response, Problem> {
    match visitor.signed_in {
        Some(_) => show(pages, visitor, v, new_email, open).await,
        None => Err(Problem::new(Code::ForeignForm)),
    }
}

/// Renders the account page, whichever of its forms was submitted.
pub(super) async fn show(
    pages: &Pages,
    visitor: &Visitor,
    v: View,
    new_email: EmailInput,
    open: Row,
) -> Result<Response, Problem> {
    let typed = Typed { name: None, new_email };
    show_typed(pages, visitor, v, typed, open).await
}

/// What was typed into the form that is shown again.
#[derive(Default)]
struct Typed {
    /// `None`: the name of the account.
    name: Option<String>,
    new_email: EmailInput,
}

async fn show_typed(pages: &Pages, visitor: &Visitor, v: View, typed: Typed, open: Row) -> Result<Response, Problem> {
    let Some(SignedIn { account, session }) = &visitor.signed_in else {
        return Ok(sign_in_first(visitor));
    };
    // The page has a row for the language.
    let v = v.at(HOME).fixed();
    let listed = pages.sessions.list(account.id).await?;
    let count = v.count("account-devices-count", listed.len());
    let devices = listed
        .into_iter()
        .map(|one| device(pages, &v, session.id, one))
        .collect();
    let name = account.name.as_ref().map(ToString::to_string).unwrap_or_default();
    let account = AccountPage {
        new_name: typed.name.unwrap_or_else(|| name.clone()),
        name,
        email: account.email.clone(),
        verified: account.email_verified_at.is_some(),
        since: v.when("account-since", account.created_at),
        new_email: typed.new_email.into_text(),
        devices,
        count,
        open,
        v,
    };
    Ok(page(visitor, &account.v, &account))
}

/// Redirects to the sign-in page, which leads back to the account page.
fn sign_in_first(visitor: &Visitor) -> Response {
    see_other(visitor, &with_return_to("/signin", &visitor.onward(HOME)))
}

fn device(pages: &Pages, v: &View, current: SessionId, session: Session) -> Device {
    let name = DeviceName::of(session.user_agent.as_deref()).shown(&pages.platform.texts, v.language);
    Device {
        end_label: v.t1("account-device-end", "device", &name),
        seen: v.when("account-device-seen", session.last_seen_at),
        address: session.address.unwrap_or_default(),
        current: session.id == current,
        id: session.id,
        name,
    }
}

pub(super) async fn change_name(
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

pub(super) async fn change_password(
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

pub(super) async fn change_email(
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

pub(super) async fn end_sessions(
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
            Ok(redirect_to(&pages, &mut visitor, Done::SignedOut))
        }
    }
}

pub(super) async fn export(
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

pub(super) async fn delete(
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
