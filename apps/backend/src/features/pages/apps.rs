//! `/account/apps`: the applications with access to the account, and removing it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::done::{Done, Notice, redirect_to};
use super::form::{Again, OwnForm, require_signed_in};
use super::permissions::{ShownPermission, in_words};
use super::reply::{page, see_other};
use super::service::Pages;
use super::view::{SaidTime, View};
use super::visitor::{LenientQuery, Visitor};
use crate::core::applications::with_return_to;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;

/// The path of the page.
pub(super) const PATH: &str = "/account/apps";

#[derive(Template)]
#[template(path = "pages/apps.html")]
struct AppsPage {
    v: View,
    apps: Vec<App>,
}

struct App {
    client_id: String,
    name: String,
    permissions: Vec<ShownPermission>,
    since: SaidTime,
    used: Option<SaidTime>,
    withdraw_label: String,
}

#[derive(Deserialize)]
pub(super) struct WithdrawForm {
    client: String,
}

impl Again for WithdrawForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        require_signed_in(visitor)?;
        show(pages, visitor, view).await
    }
}

pub(super) async fn apps_page(
    State(pages): State<Pages>,
    LenientQuery(notice): LenientQuery<Notice>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let view = notice.on(&visitor, View::new(&pages, &visitor));
    show(&pages, &visitor, view).await
}

async fn show(pages: &Pages, visitor: &Visitor, v: View) -> Result<Response, Problem> {
    let Some(user) = visitor.user() else {
        return Ok(sign_in_first(visitor));
    };
    let v = v.at(PATH);
    let connected = pages.authorization.connected(user.account).await?;
    let apps = connected.iter().map(|app| {
        let name = v.client_name(&app.client);
        App {
            client_id: app.client.client_id.clone(),
            permissions: in_words(&v, app.permissions(visitor.language)),
            since: v.when("apps-since", app.since),
            used: app.used.map(|used| v.when("apps-used", used)),
            withdraw_label: v.t1("apps-withdraw-of", "application", &name),
            name,
        }
    });
    let shown = AppsPage {
        apps: apps.collect(),
        v,
    };
    Ok(page(visitor, &shown.v, &shown))
}

/// Removes the access of an application.
pub(super) async fn withdraw(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<WithdrawForm>,
) -> Result<Response, Problem> {
    let Some(user) = visitor.user() else {
        return Ok(sign_in_first(&visitor));
    };
    // No client is called this, and PostgreSQL refuses to look for it.
    if form.client.contains('\0') {
        return Err(Problem::new(Code::BadRequest).detail("A client ID cannot contain U+0000."));
    }
    let caller = visitor.caller(request);
    let ended = pages
        .authorization
        .withdraw(user.account, &form.client, &caller)
        .await?;
    Ok(match ended {
        true => redirect_to(&pages, &mut visitor, Done::Withdrew),
        false => see_other(&visitor, &visitor.onward(PATH)),
    })
}

fn sign_in_first(visitor: &Visitor) -> Response {
    see_other(visitor, &with_return_to("/signin", &visitor.onward(PATH)))
}
