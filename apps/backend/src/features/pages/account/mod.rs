//! The account page: name, password, email address, devices and data.

mod forms;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

pub(super) use forms::{change_email, change_name, change_password, delete, end_sessions, export};

use super::done::Notice;
use super::email_input::EmailInput;
use super::reply::{page, see_other};
use super::service::Pages;
use super::view::{HOME, SaidTime, View};
use super::visitor::{LenientQuery, Visitor};
use crate::core::applications::with_return_to;
use crate::core::device_name::DeviceName;
use crate::core::ids::SessionId;
use crate::core::problem::Problem;
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

pub(super) async fn account_page(
    State(pages): State<Pages>,
    LenientQuery(notice): LenientQuery<Notice>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let view = notice.on(&visitor, View::new(&pages, &visitor));
    show(&pages, &visitor, view, EmailInput::default(), Row::None).await
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
    /// `None`: the account's name.
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
