//! `/authorize/{id}`: the pages of an authorization request. Each of them, and each page that it leads to, ends here again,
//! until the client can be answered.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::super::form::{Again, OwnForm};
use super::super::permissions::{ShownPermission, in_words};
use super::super::reply::{message, page, see_other};
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::answer::answer;
use crate::core::applications::with_return_to;
use crate::core::extract::PathId;
use crate::core::ids::AuthorizationRequestId;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::authorization::{AnswerGoesTo, ConsentSummary, Decided, Decision, Next, NextError};
use crate::settings::Signup;

#[derive(Template)]
#[template(path = "pages/consent.html")]
struct ConsentPage {
    v: View,
    title: String,
    asks: String,
    permissions: Vec<ShownPermission>,
    signed_in_as: String,
    /// Where another account signs in.
    other: String,
    goes_to: String,
    policy: Option<Document>,
    terms: Option<Document>,
    /// What identifies the contents of the page.
    shown: String,
}

/// A document of a client.
struct Document {
    url: String,
    label: String,
}

/// The page before a native application is opened. Browsers open one only after a click.
#[derive(Template)]
#[template(path = "pages/to_native.html")]
struct ToNativePage {
    v: View,
    title: String,
    signed_in_as: String,
    other: String,
    goes_to: String,
    button: String,
    /// What identifies the contents of the page.
    shown: String,
}

#[derive(Template)]
#[template(path = "pages/choose_account.html")]
struct ChooseAccountPage {
    v: View,
    text: String,
    this: String,
    other: String,
    /// Where an account is created; `None` while sign-ups are closed.
    new: Option<String>,
    /// What identifies the contents of the page.
    shown: String,
}

/// What the user decided.
#[derive(Deserialize)]
pub(super) struct DecisionForm {
    decision: Choice,
    /// What the page has shown.
    shown: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Continue,
    Allow,
    Cancel,
}

impl Again for DecisionForm {
    /// Shows an error instead of the page: consent is never taken from a form whose origin is unknown.
    async fn again(self, _: &Pages, _: &Visitor, _: View) -> Result<Response, Problem> {
        Err(Problem::new(Code::ForeignForm))
    }
}

/// Returns the path of the pages of a request.
pub(super) fn path_of(id: AuthorizationRequestId) -> String {
    format!("/authorize/{id}")
}

/// Shows what a request needs next.
pub(super) async fn show(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    PathId(id): PathId<AuthorizationRequestId>,
) -> Result<Response, Problem> {
    let caller = visitor.caller(request);
    let next = match pages.authorization.step(id, &visitor.visit(&caller)).await {
        Ok(next) => next,
        Err(error) => return gone(&pages, &visitor, error),
    };
    let here = path_of(id);
    let lead_to = |path: &str| see_other(&visitor, &with_return_to(path, &here));
    Ok(match next {
        Next::SignIn => lead_to("/signin"),
        Next::SignUp => lead_to("/signup"),
        Next::SignInAsOther => lead_to("/signin/other"),
        Next::Reauthenticate => lead_to("/signin/again"),
        Next::ChooseAccount(shown) => choose_account(&pages, &visitor, &here, &shown),
        Next::Consent(shown) => consent(&pages, &visitor, &here, &shown),
        Next::Confirm(shown) => to_native(&pages, &visitor, &here, &shown),
        Next::Answer(response) => answer(&pages, &visitor, &response)?,
    })
}

/// Takes what the user decided on a page of the request.
pub(super) async fn decide(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    PathId(id): PathId<AuthorizationRequestId>,
    OwnForm(form): OwnForm<DecisionForm>,
) -> Result<Response, Problem> {
    let shown = form.shown.unwrap_or_default();
    let decision = match form.decision {
        Choice::Continue => Decision::Continue(shown),
        Choice::Allow => Decision::Allow(shown),
        Choice::Cancel => Decision::Cancel,
    };
    let caller = visitor.caller(request);
    match pages.authorization.decide(id, &decision, &visitor.visit(&caller)).await {
        Ok(Decided::Again) => Ok(see_other(&visitor, &path_of(id))),
        Ok(Decided::Answer(response)) => answer(&pages, &visitor, &response),
        Err(error) => gone(&pages, &visitor, error),
    }
}

/// Shows that a request cannot be continued in this browser: it expired, was answered before, or belongs to another one.
fn gone(pages: &Pages, visitor: &Visitor, error: NextError) -> Result<Response, Problem> {
    match error {
        NextError::Gone => {
            let view = View::new(pages, visitor).fixed();
            let texts = [view.t("gone-title"), view.t("gone-text"), String::new()];
            Ok(message(visitor, view, StatusCode::BAD_REQUEST, texts))
        }
        NextError::Store(error) => Err(error.into()),
    }
}

fn choose_account(pages: &Pages, visitor: &Visitor, here: &str, shown: &ConsentSummary) -> Response {
    let v = View::new(pages, visitor);
    let client = v.client_name(&shown.client);
    let is_open = pages.platform.settings.signup == Signup::Open;
    let chooses = ChooseAccountPage {
        text: v.t1("choose-text", "application", &client),
        this: v.t1("choose-this", "email", &email_of(visitor)),
        other: with_return_to("/signin/other", here),
        new: is_open.then(|| with_return_to("/signup", here)),
        shown: shown.digest(),
        v,
    };
    page(visitor, &chooses.v, &chooses)
}

fn consent(pages: &Pages, visitor: &Visitor, here: &str, shown: &ConsentSummary) -> Response {
    let v = View::new(pages, visitor);
    let client = v.client_name(&shown.client);
    let permissions = in_words(&v, shown.permissions(visitor.language));
    let (title, asks) = match permissions.is_empty() {
        true => ("consent-signs-in", "consent-asks-nothing"),
        false => ("consent-title", "consent-asks"),
    };
    let metadata = &shown.client.metadata;
    let document = |url: Option<&str>, label| {
        let url = url.filter(|url| url.starts_with("https://"))?;
        Some(Document {
            url: url.to_owned(),
            label: v.t1(label, "application", &client),
        })
    };
    let consent = ConsentPage {
        title: v.t1(title, "application", &client),
        asks: v.t1(asks, "application", &client),
        permissions,
        signed_in_as: v.t1("consent-as", "email", &email_of(visitor)),
        other: with_return_to("/signin/other", here),
        goes_to: goes_to(&v, &shown.goes_to),
        policy: document(metadata.policy_uri.as_deref(), "consent-policy"),
        terms: document(metadata.tos_uri.as_deref(), "consent-terms"),
        shown: shown.digest(),
        v,
    };
    page(visitor, &consent.v, &consent)
}

fn to_native(pages: &Pages, visitor: &Visitor, here: &str, shown: &ConsentSummary) -> Response {
    let v = View::new(pages, visitor);
    let client = v.client_name(&shown.client);
    let label = v.t1("page-continue-to", "application", &client);
    let confirm = ToNativePage {
        title: label.clone(),
        signed_in_as: v.t1("consent-as", "email", &email_of(visitor)),
        other: with_return_to("/signin/other", here),
        goes_to: goes_to(&v, &shown.goes_to),
        button: label,
        shown: shown.digest(),
        v,
    };
    page(visitor, &confirm.v, &confirm)
}

fn email_of(visitor: &Visitor) -> String {
    let signed_in = visitor.signed_in.as_ref();
    signed_in.map(|who| who.account.email.clone()).unwrap_or_default()
}

fn goes_to(v: &View, to: &AnswerGoesTo) -> String {
    match to {
        AnswerGoesTo::Host(host) => v.t1("consent-to-host", "host", host),
        AnswerGoesTo::ThisComputer => v.t("consent-to-computer"),
        AnswerGoesTo::App(scheme) => v.t1("consent-to-app", "scheme", scheme),
    }
}
