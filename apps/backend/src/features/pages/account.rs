//! One's own account: the password, the address, the devices, the data.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use uuid::Uuid;

use super::browser;
use super::done::{Done, Notice, lead};
use super::form::{Again, Nothing, OwnForm};
use super::mailed::{self, Mailed};
use super::reply::{page, see_other};
use super::service::SignedIn;
use super::typed::Typed;
use super::view::View;
use super::visitor::{Asks, Visitor};
use crate::Context;
use crate::core::device_name::DeviceName;
use crate::core::ids::SessionId;
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::features::sessions::{self, Session};
use crate::features::{auth, verification};

/// Where somebody signs in first, and comes back from.
const SIGN_IN: &str = "/signin?return_to=/account";

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountPage {
    v: View,
    email: String,
    verified: bool,
    since: String,
    new_email: String,
    devices: Vec<Device>,
}

struct Device {
    id: SessionId,
    name: String,
    address: String,
    seen: String,
    current: bool,
    end_label: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    current_password: Password,
    new_password: Password,
}

#[derive(Deserialize)]
pub(super) struct EmailForm {
    #[serde(default)]
    email: Typed,
    email_password: Password,
}

#[derive(Deserialize)]
pub(super) struct SessionForm {
    session: Option<Uuid>,
}

#[derive(Deserialize)]
pub(super) struct DeleteForm {
    delete_password: Password,
}

impl Again for PasswordForm {
    async fn again(self, context: &Context, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(context, visitor, view, Typed::default()).await
    }
}

impl Again for EmailForm {
    async fn again(self, context: &Context, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(context, visitor, view, self.email).await
    }
}

impl Again for SessionForm {
    async fn again(self, context: &Context, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(context, visitor, view, Typed::default()).await
    }
}

impl Again for DeleteForm {
    async fn again(self, context: &Context, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show_again(context, visitor, view, Typed::default()).await
    }
}

pub(super) async fn account_page(
    State(context): State<Context>,
    Asks(notice): Asks<Notice>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let view = notice.on(&visitor, View::new(&context, &visitor));
    show(&context, &visitor, view, Typed::default()).await
}

/// The page once more, for a form of it that proves nothing of where it comes from. Who is not signed in has seen no such
/// form.
pub(super) async fn show_again(
    context: &Context,
    visitor: &Visitor,
    v: View,
    new_email: Typed,
) -> Result<Response, Problem> {
    match visitor.signed_in {
        Some(_) => show(context, visitor, v, new_email).await,
        None => Err(Problem::new(Code::ForeignForm)),
    }
}

/// The page, wherever a form of it was sent to.
pub(super) async fn show(context: &Context, visitor: &Visitor, v: View, new_email: Typed) -> Result<Response, Problem> {
    let Some(SignedIn { account, session }) = &visitor.signed_in else {
        return Ok(see_other(visitor, SIGN_IN));
    };
    let v = v.at("/account");
    let listed = sessions::list(context, account.id).await?;
    let devices = listed
        .into_iter()
        .map(|one| device(context, &v, session.id, one))
        .collect();
    let account = AccountPage {
        email: account.email.clone(),
        verified: account.email_verified_at.is_some(),
        since: context.texts.date_time(visitor.language, account.created_at),
        new_email: new_email.into_text(),
        devices,
        v,
    };
    Ok(page(visitor, &account.v, &account))
}

fn device(context: &Context, v: &View, current: SessionId, session: Session) -> Device {
    let name = DeviceName::of(session.user_agent.as_deref()).shown(&context.texts, v.language);
    let seen = context.texts.date_time(v.language, session.last_seen_at);
    Device {
        end_label: v.t1("account-device-end", "device", &name),
        seen: v.t1("account-device-seen", "when", &seen),
        address: session.address.unwrap_or_default(),
        current: session.id == current,
        id: session.id,
        name,
    }
}

pub(super) async fn change_password(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<PasswordForm>,
) -> Result<Response, Problem> {
    let Some(SignedIn { account, session }) = &visitor.signed_in else {
        return Ok(see_other(&visitor, SIGN_IN));
    };
    let passwords = (form.current_password, form.new_password);
    match auth::change_password(&context, (account.id, session.id), passwords, &origin).await {
        Ok(()) => {
            browser::remember(&context, &mut visitor);
            Ok(lead(&context, &mut visitor, Done::ChangedPassword))
        }
        Err(error) => {
            let view = refused(&context, &visitor, &error.into(), "current_password");
            show(&context, &visitor, view, Typed::default()).await
        }
    }
}

/// The page with a problem; a wrong password stands beside its field.
fn refused(context: &Context, visitor: &Visitor, problem: &Problem, password: &'static str) -> View {
    let field = match problem.code() {
        Code::InvalidCredentials => password,
        Code::SameEmail => "email",
        _ => "",
    };
    View::new(context, visitor).refused(problem, field)
}

pub(super) async fn change_email(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<EmailForm>,
) -> Result<Response, Problem> {
    let Some(SignedIn { account, session }) = &visitor.signed_in else {
        return Ok(see_other(&visitor, SIGN_IN));
    };
    let email = match form.email.new_email() {
        Ok(email) => email,
        Err(wrong) => {
            let view = View::new(&context, &visitor).marked(wrong);
            return show(&context, &visitor, view, form.email).await;
        }
    };
    let origin = visitor.speaking(origin);
    let change = (&email, form.email_password, visitor.handle());
    match verification::ask_to_change(&context, (account.id, session.id), change, &origin).await {
        Ok(()) => Ok(mailed::asked(
            &context,
            &mut visitor,
            (Mailed::ChangeEmail, &form.email),
        )),
        Err(error) => {
            let view = refused(&context, &visitor, &error.into(), "email_password");
            show(&context, &visitor, view, form.email).await
        }
    }
}

pub(super) async fn end_sessions(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<SessionForm>,
) -> Result<Response, Problem> {
    let Some(SignedIn { account, .. }) = &visitor.signed_in else {
        return Ok(see_other(&visitor, SIGN_IN));
    };
    match form.session {
        Some(id) => {
            sessions::revoke(&context, SessionId(id), Some(account.id), &origin).await?;
            Ok(see_other(&visitor, "/account"))
        }
        None => {
            auth::logout_all(&context, account.id, &origin).await?;
            browser::sign_out(&context, &mut visitor, &origin).await?;
            Ok(lead(&context, &mut visitor, Done::SignedOut))
        }
    }
}

pub(super) async fn export(
    State(context): State<Context>,
    visitor: Visitor,
    origin: Origin,
    OwnForm(Nothing {}): OwnForm<Nothing>,
) -> Result<Response, Problem> {
    let Some(SignedIn { account, session }) = &visitor.signed_in else {
        return Ok(see_other(&visitor, SIGN_IN));
    };
    let Some(export) = auth::export(&context, (account.id, session.id), &origin).await? else {
        return Ok(see_other(&visitor, SIGN_IN));
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
    visitor.bake(response.headers_mut());
    Ok(response)
}

pub(super) async fn delete(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<DeleteForm>,
) -> Result<Response, Problem> {
    let Some(SignedIn { account, session }) = &visitor.signed_in else {
        return Ok(see_other(&visitor, SIGN_IN));
    };
    let whose = (account.id, session.id);
    let deleted = auth::delete(&context, whose, form.delete_password, &origin).await;
    match deleted {
        Ok(()) => {
            visitor.signed_in = None;
            browser::sign_out(&context, &mut visitor, &origin).await?;
            Ok(lead(&context, &mut visitor, Done::Deleted))
        }
        Err(error) => {
            let view = refused(&context, &visitor, &error.into(), "delete_password");
            show(&context, &visitor, view, Typed::default()).await
        }
    }
}
