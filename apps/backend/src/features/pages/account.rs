//! One's own account: the password, the address, the devices, the data.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use super::browser;
use super::form::{Nothing, OwnForm};
use super::mailed::{self, Mailed};
use super::reply::{Done, page, see_other};
use super::service::SignedIn;
use super::view::View;
use super::visitor::Visitor;
use crate::Context;
use crate::core::email::Email;
use crate::core::ids::SessionId;
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::core::problem::{Code, FieldError, Problem};
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
    email: String,
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

pub(super) async fn account_page(State(context): State<Context>, visitor: Visitor) -> Result<Response, Problem> {
    let view = View::new(&context, &visitor);
    show(&context, &visitor, view, String::new()).await
}

async fn show(context: &Context, visitor: &Visitor, v: View, new_email: String) -> Result<Response, Problem> {
    let Some(SignedIn { account, session }) = &visitor.signed_in else {
        return Ok(see_other(visitor, SIGN_IN));
    };
    let status = v.status();
    let listed = sessions::list(context, account.id).await?;
    let devices = listed
        .into_iter()
        .map(|one| device(context, &v, session.id, one))
        .collect();
    let account = AccountPage {
        email: account.email.clone(),
        verified: account.email_verified_at.is_some(),
        since: context.texts.date_time(visitor.language, account.created_at),
        new_email,
        devices,
        v,
    };
    Ok(page(visitor, status, &account))
}

fn device(context: &Context, v: &View, current: SessionId, session: Session) -> Device {
    let name = session
        .user_agent
        .as_deref()
        .map_or_else(|| v.t("account-device-unknown"), short_name);
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

/// "Firefox, Linux" tells a person more than what browsers say of themselves.
fn short_name(user_agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(mark, _)| user_agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        _ => user_agent.chars().take(60).collect(),
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
    let changed = auth::change_password(&context, (account.id, session.id), passwords, &origin).await;
    if changed.is_ok() {
        browser::remember(&context, &mut visitor);
    }
    let view = View::new(&context, &visitor).at("/account");
    let view = match changed {
        Ok(()) => {
            let notice = view.t("account-password-changed");
            view.noting(notice)
        }
        Err(error) => {
            let problem = Problem::from(error);
            let field = if problem.code() == Code::InvalidCredentials {
                "current_password"
            } else {
                ""
            };
            view.refused(&problem, field)
        }
    };
    show(&context, &visitor, view, String::new()).await
}

pub(super) async fn change_email(
    State(context): State<Context>,
    visitor: Visitor,
    origin: Origin,
    OwnForm(form): OwnForm<EmailForm>,
) -> Result<Response, Problem> {
    let Some(SignedIn { account, .. }) = &visitor.signed_in else {
        return Ok(see_other(&visitor, SIGN_IN));
    };
    let view = View::new(&context, &visitor).at("/account");
    let Ok(email) = form.email.parse::<Email>() else {
        let wrong = Problem::validation(vec![FieldError::new("email", Code::InvalidEmail)]);
        return show(&context, &visitor, view.refused(&wrong, ""), form.email).await;
    };
    let origin = visitor.speaking(origin);
    let asked = verification::ask_to_change(&context, account.id, (&email, form.email_password), &origin).await;
    match asked {
        Ok(()) => Ok(mailed::await_code(&visitor, view, (Mailed::ChangeEmail, form.email))),
        Err(error) => {
            let problem = Problem::from(error);
            let field = if problem.code() == Code::InvalidCredentials {
                "email_password"
            } else {
                ""
            };
            show(&context, &visitor, view.refused(&problem, field), form.email).await
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
            let view = View::new(&context, &visitor);
            Ok(page(
                &visitor,
                StatusCode::OK,
                &Done::new(view.fixed(), "done-signed-out", ("/signin", "signin-title")),
            ))
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
    Ok((headers, text).into_response())
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
    let view = View::new(&context, &visitor).at("/account");
    match deleted {
        Ok(()) => {
            visitor.signed_in = None;
            browser::sign_out(&context, &mut visitor, &origin).await?;
            Ok(page(
                &visitor,
                StatusCode::OK,
                &Done::new(view.fixed(), "done-deleted", ("/", "page-home")),
            ))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let field = if problem.code() == Code::InvalidCredentials {
                "delete_password"
            } else {
                ""
            };
            show(&context, &visitor, view.refused(&problem, field), String::new()).await
        }
    }
}
