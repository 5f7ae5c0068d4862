//! The page on which a user enters the code of a device, and decides (RFC 8628 §3.3).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::done::{Done, redirect_to};
use super::form::{Again, OwnForm};
use super::permissions::{ShownPermission, in_words};
use super::reply::{page, see_other};
use super::service::Pages;
use super::view::{Mistake, SaidTime, View};
use super::visitor::{LenientQuery, Visitor};
use crate::core::applications::with_return_to;
use crate::core::device_name::DeviceName;
use crate::core::ids::DeviceRequestId;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::device_authorization::{
    Browser, ClaimError, Claimed, DecideError, Decision, DeviceRequest, Entered, Outcome,
};
use crate::features::sign_in::browser_sessions::SignedIn;

/// The maximum length of a code that is shown again as it was typed.
const LONGEST_CODE: usize = 32;
/// The page for the code (`verification_uri`). The pages of requests are under it.
pub(super) const PAGE: &str = "/device";

#[derive(Template)]
#[template(path = "pages/device.html")]
struct CodePage {
    v: View,
    /// As it was typed, or as the URL says.
    code: String,
    /// Whether the URL says it, so that the user compares it.
    given: bool,
}

#[derive(Template)]
#[template(path = "pages/device_confirm.html")]
struct ConfirmPage {
    v: View,
    title: String,
    who: String,
    /// What comes before the permissions, or says that there are none.
    asks: String,
    permissions: Vec<ShownPermission>,
    /// Where the request came from.
    place: String,
    asked: SaidTime,
    path: String,
    /// What identifies the contents of the page.
    shown: String,
}

/// The query of `verification_uri_complete` (RFC 8628 §3.3.1), and the form.
#[derive(Default, Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    user_code: String,
}

#[derive(Deserialize)]
pub(super) struct DecisionForm {
    #[serde(default)]
    decision: String,
    /// What the page has shown.
    #[serde(default)]
    shown: String,
}

impl Typed {
    /// Returns what was typed, for the page, if it could be a code.
    fn shown(self) -> String {
        let mut code = self.user_code;
        code.retain(|letter| !letter.is_control());
        match code.len() <= LONGEST_CODE {
            true => code,
            false => String::new(),
        }
    }

    /// Returns the URL of the page with this code.
    fn url(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("{PAGE}?{}", query.append_pair("user_code", &self.user_code).finish())
    }
}

impl Again for Typed {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(code_page_again(visitor, view, self, false))
    }
}

impl Again for DecisionForm {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        match id_of(visitor) {
            Some(id) => show(pages, visitor, view, id).await,
            None => Err(Problem::new(Code::ForeignForm)),
        }
    }
}

/// Shows the field for the code. The complete URL fills it in and does nothing else, because anyone can send a link.
pub(super) async fn code_page(
    State(pages): State<Pages>,
    LenientQuery(typed): LenientQuery<Typed>,
    visitor: Visitor,
) -> Response {
    if visitor.signed_in.is_none() {
        return sign_in_first(&visitor, &typed);
    }
    let given = !typed.user_code.is_empty();
    code_page_again(
        &visitor,
        View::new(&pages, &visitor).beginning("user_code"),
        typed,
        given,
    )
}

fn code_page_again(visitor: &Visitor, v: View, typed: Typed, given: bool) -> Response {
    let code = CodePage {
        v: v.at(PAGE),
        code: typed.shown(),
        given,
    };
    page(visitor, &code.v, &code)
}

/// Redirects to the sign-in page, which leads back here.
fn sign_in_first(visitor: &Visitor, typed: &Typed) -> Response {
    let back = match typed.user_code.is_empty() {
        true => PAGE.to_owned(),
        false => typed.url(),
    };
    see_other(visitor, &with_return_to("/signin", &back))
}

/// Handles a code that was entered.
pub(super) async fn enter_code(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(typed): OwnForm<Typed>,
) -> Result<Response, Problem> {
    let Some(browser) = browser(&visitor) else {
        return Ok(sign_in_first(&visitor, &typed));
    };
    let caller = visitor.caller(request);
    match pages
        .device_authorization
        .claim(&typed.user_code, browser, &caller)
        .await
    {
        Ok(Entered::Claimed(id)) => Ok(see_other(&visitor, &format!("{PAGE}/{id}"))),
        Ok(Entered::Denied) => Ok(redirect_to(&pages, &mut visitor, Done::DeviceDenied)),
        Err(ClaimError::Unknown) => Ok(unknown(&pages, &visitor, typed)),
        Err(ClaimError::Limited(exceeded)) => {
            let view = View::new(&pages, &visitor).refused(&exceeded.into(), "");
            Ok(code_page_again(&visitor, view, typed, false))
        }
        Err(ClaimError::Store(error)) => Err(error.into()),
    }
}

fn unknown(pages: &Pages, visitor: &Visitor, typed: Typed) -> Response {
    let view = View::new(pages, visitor).marked(Mistake::new("user_code", "error-device-code"));
    code_page_again(visitor, view, typed, false)
}

/// Shows what the device asks for.
pub(super) async fn decision_page(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    let id = id_of(&visitor).ok_or(Problem::new(Code::NotFound))?;
    show(&pages, &visitor, View::new(&pages, &visitor), id).await
}

async fn show(pages: &Pages, visitor: &Visitor, v: View, id: DeviceRequestId) -> Result<Response, Problem> {
    let (Some(browser), Some(SignedIn { account, .. })) = (browser(visitor), &visitor.signed_in) else {
        return Ok(see_other(visitor, &with_return_to("/signin", &format!("{PAGE}/{id}"))));
    };
    let asked = match pages.device_authorization.claimed(id, browser).await? {
        Some(Claimed::Decide(asked)) => asked,
        Some(Claimed::Reauthenticate) => return Ok(authenticate_again(visitor, id)),
        None => return Ok(unknown(pages, visitor, Typed::default())),
    };
    let application = v.client_name(&asked.client);
    let permissions = in_words(&v, asked.permissions(visitor.language));
    let asks = match permissions.is_empty() {
        true => "consent-asks-nothing",
        false => "device-scopes",
    };
    let confirm = ConfirmPage {
        title: v.t1("device-confirm-title", "application", &application),
        who: v.t1("device-confirm-who", "email", &account.email),
        place: place(pages, &v, &asked),
        asked: v.when("device-confirm-when", asked.created_at),
        path: format!("{PAGE}/{id}"),
        shown: asked.digest(),
        asks: v.t1(asks, "application", &application),
        permissions,
        v,
    };
    Ok(page(visitor, &confirm.v, &confirm))
}

/// Handles the decision.
pub(super) async fn decide(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(form): OwnForm<DecisionForm>,
) -> Result<Response, Problem> {
    let id = id_of(&visitor).ok_or(Problem::new(Code::NotFound))?;
    let Some(browser) = browser(&visitor) else {
        return Ok(see_other(&visitor, &with_return_to("/signin", &format!("{PAGE}/{id}"))));
    };
    let decision = match form.decision.as_str() {
        "allow" => Decision::Allow(form.shown),
        "cancel" => Decision::Cancel,
        // No button was pressed.
        _ => return show(&pages, &visitor, View::new(&pages, &visitor), id).await,
    };
    let caller = visitor.caller(request);
    match pages.device_authorization.decide(id, browser, &decision, &caller).await {
        Ok(outcome) => {
            let done = match outcome {
                Outcome::Allowed => Done::DeviceAllowed,
                Outcome::Canceled => Done::DeviceCanceled,
                Outcome::Denied => Done::DeviceDenied,
            };
            Ok(redirect_to(&pages, &mut visitor, done))
        }
        Err(DecideError::Ended) => Ok(unknown(&pages, &visitor, Typed::default())),
        Err(DecideError::Reauthenticate) => Ok(authenticate_again(&visitor, id)),
        Err(DecideError::Changed) => {
            let view = View::new(&pages, &visitor).marked(Mistake::new("", "error-device-changed"));
            show(&pages, &visitor, view, id).await
        }
        Err(DecideError::Store(error)) => Err(error.into()),
    }
}

/// Redirects to the page on which the user authenticates again, which leads back here.
fn authenticate_again(visitor: &Visitor, id: DeviceRequestId) -> Response {
    see_other(visitor, &with_return_to("/signin/again", &format!("{PAGE}/{id}")))
}

/// Returns the browser of a signed-in visitor.
fn browser(visitor: &Visitor) -> Option<Browser> {
    let user = visitor.user()?;
    let handle = visitor.handle();
    Some(Browser { user, handle })
}

/// Returns the request in the path of the page.
fn id_of(visitor: &Visitor) -> Option<DeviceRequestId> {
    let id = visitor.path.strip_prefix(PAGE)?.strip_prefix('/')?;
    id.parse().ok().map(DeviceRequestId)
}

/// Returns a sentence that says where the request of a device came from.
fn place(pages: &Pages, v: &View, asked: &DeviceRequest) -> String {
    let address = asked.address.clone().unwrap_or_default();
    let name = DeviceName::of(asked.user_agent.as_deref());
    v.t2(
        "device-confirm-where",
        ("device", &name.shown(&pages.platform.texts, v.language)),
        ("address", &address),
    )
}
