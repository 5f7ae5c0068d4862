//! Signing in with a password, signing up, signing out.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use countersign_guard::Scopes;
use http::HeaderValue;
use http::header::HeaderName;
use serde::Deserialize;

use super::browser;
use super::done::{Done, lead};
use super::form::{Again, Nothing, OwnForm};
use super::mailed::{self, Mailed};
use super::place::Place;
use super::reply::{page, see_other};
use super::service::Pages;
use super::typed::Typed;
use super::view::View;
use super::visitor::{Asks, Visitor};
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::password::Password;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::accounts;
use crate::features::auth::{Credentials, LoginError, Registration, SignedUp};
use crate::features::sessions::Session;
use crate::settings::{EmailVerification, Signup};

/// Where somebody goes who came from nowhere.
const HOME: &str = "/account";
/// Who sends the same sign-up again within this time has sent it twice.
const TWICE_WITHIN: Duration = Duration::from_secs(2 * 60);

#[derive(Template)]
#[template(path = "pages/signin.html")]
struct SignIn {
    v: View,
    email: String,
    return_to: String,
    elsewhere: String,
    open: bool,
}

#[derive(Template)]
#[template(path = "pages/signup.html")]
struct SignUp {
    v: View,
    email: String,
    return_to: String,
    elsewhere: String,
}

#[derive(Template)]
#[template(path = "pages/confirm.html")]
struct SignOut {
    v: View,
    title: String,
    text: String,
    action: &'static str,
    button: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Return {
    #[serde(default)]
    return_to: String,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    email: Typed,
    password: Password,
    #[serde(default)]
    return_to: String,
}

impl Again for Sent {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        let place = self.return_to.parse().ok();
        Ok(match visitor.path.as_str() {
            "/signup" => sign_up_again(visitor, view, self.email, place),
            _ => sign_in_again(pages, visitor, view, self.email, place),
        })
    }
}

/// The address of a page that leads on to the same place.
fn leading_on(path: &str, place: Option<&Place>) -> String {
    match place {
        Some(place) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("return_to", place.as_str());
            format!("{path}?{}", query.finish())
        }
        None => path.to_owned(),
    }
}

fn text_of(place: Option<&Place>) -> String {
    place.map(|place| place.as_str().to_owned()).unwrap_or_default()
}

pub(super) async fn sign_in_page(State(pages): State<Pages>, Asks(asks): Asks<Return>, visitor: Visitor) -> Response {
    let view = View::new(&pages, &visitor);
    sign_in_again(&pages, &visitor, view, Typed::default(), asks.return_to.parse().ok())
}

fn sign_in_again(pages: &Pages, visitor: &Visitor, v: View, email: Typed, place: Option<Place>) -> Response {
    let sign_in = SignIn {
        email: email.into_text(),
        return_to: text_of(place.as_ref()),
        elsewhere: leading_on("/signup", place.as_ref()),
        open: pages.platform.settings.signup == Signup::Open,
        v: v.at(&leading_on("/signin", place.as_ref())),
    };
    page(visitor, &sign_in.v, &sign_in)
}

pub(super) async fn sign_in(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let place = sent.return_to.parse::<Place>().ok();
    let credentials = Credentials {
        email: sent.email.email().ok(),
        password: sent.password,
        scopes: Scopes::default(),
    };
    let caller = visitor.anyone(request.clone());
    match pages.auth.sign_in_browser(credentials, &caller).await {
        Ok(session) => {
            browser::sign_in(&pages, &mut visitor, session.id, request).await?;
            Ok(see_other(&visitor, place.as_ref().map_or(HOME, Place::as_str)))
        }
        // The password was right: the mail is what is missing.
        Err(LoginError::Unverified) => {
            let problem = Problem::new(Code::EmailNotVerified);
            let view = View::new(&pages, &visitor).refused(&problem, "");
            Ok(mailed::await_code(&visitor, view, Mailed::Verify, sent.email))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let view = View::new(&pages, &visitor).refused(&problem, "");
            Ok(sign_in_again(&pages, &visitor, view, sent.email, place))
        }
    }
}

pub(super) async fn sign_up_page(
    State(pages): State<Pages>,
    Asks(asks): Asks<Return>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    if pages.platform.settings.signup == Signup::Closed {
        return Err(Problem::new(Code::SignupClosed));
    }
    let view = View::new(&pages, &visitor);
    Ok(sign_up_again(
        &visitor,
        view,
        Typed::default(),
        asks.return_to.parse().ok(),
    ))
}

fn sign_up_again(visitor: &Visitor, v: View, email: Typed, place: Option<Place>) -> Response {
    let sign_up = SignUp {
        email: email.into_text(),
        return_to: text_of(place.as_ref()),
        elsewhere: leading_on("/signin", place.as_ref()),
        v: v.at(&leading_on("/signup", place.as_ref())),
    };
    page(visitor, &sign_up.v, &sign_up)
}

pub(super) async fn sign_up(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let place = sent.return_to.parse::<Place>().ok();
    let email = match sent.email.new_email() {
        Ok(email) => email,
        Err(wrong) => {
            let view = View::new(&pages, &visitor).marked(wrong);
            return Ok(sign_up_again(&visitor, view, sent.email, place));
        }
    };
    let caller = visitor.anyone(request.clone());
    let registration = Registration {
        email: email.clone(),
        password: sent.password.clone(),
        handle: visitor.handle(),
    };
    let email = Email::clone(&email);
    let session = match pages.auth.sign_up_browser(registration, &caller).await {
        Ok(SignedUp::Asked) => return Ok(mailed::asked(&pages, &mut visitor, Mailed::Verify, &sent.email)),
        Ok(SignedUp::Made(session)) => session,
        Err(error) => {
            let problem = Problem::from(error);
            let taken = problem.code() == Code::EmailTaken;
            let twice = match taken {
                true => sign_in_if_sent_twice(&pages, email, sent.password, &caller).await?,
                false => None,
            };
            let Some(session) = twice else {
                let field = if taken { "email" } else { "" };
                let view = View::new(&pages, &visitor).refused(&problem, field);
                return Ok(sign_up_again(&visitor, view, sent.email, place));
            };
            session
        }
    };
    browser::sign_in(&pages, &mut visitor, session.id, request).await?;
    let asked = pages.platform.settings.email_verification == EmailVerification::Optional;
    match place {
        None if asked => Ok(mailed::asked(&pages, &mut visitor, Mailed::Verify, &sent.email)),
        place => Ok(see_other(&visitor, place.as_ref().map_or(HOME, Place::as_str))),
    }
}

/// A sign-up that was sent twice has made its account the first time: with the same password, the second time signs in,
/// by the rules of every sign-in. An account that is older is somebody's who has forgotten it, or somebody else's.
async fn sign_in_if_sent_twice(
    pages: &Pages,
    email: Email,
    password: Password,
    caller: &Caller,
) -> Result<Option<Session>, Problem> {
    let found = accounts::find_by_email(&pages.platform.db, &email).await?;
    let is_new = |created_at| pages.platform.clock.now() <= created_at + TWICE_WITHIN;
    if !found.is_some_and(|account| is_new(account.created_at)) {
        return Ok(None);
    }
    let credentials = Credentials {
        email: Some(email),
        password,
        scopes: Scopes::default(),
    };
    match pages.auth.sign_in_browser(credentials, caller).await {
        Ok(session) => Ok(Some(session)),
        Err(LoginError::Invalid | LoginError::Unverified) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A GET changes nothing: it asks.
pub(super) async fn sign_out_page(State(pages): State<Pages>, visitor: Visitor) -> Response {
    ask_to_sign_out(&visitor, View::new(&pages, &visitor))
}

fn ask_to_sign_out(visitor: &Visitor, v: View) -> Response {
    let confirm = SignOut {
        title: v.t("signout-title"),
        text: v.t("signout-text"),
        button: v.t("signout-button"),
        action: "/signout",
        v,
    };
    page(visitor, &confirm.v, &confirm)
}

impl Again for Nothing {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        match visitor.path.as_str() {
            "/signout" => Ok(ask_to_sign_out(visitor, view)),
            _ => super::account::show_again(pages, visitor, view, Typed::default()).await,
        }
    }
}

pub(super) async fn sign_out(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(Nothing {}): OwnForm<Nothing>,
) -> Result<Response, Problem> {
    browser::sign_out(&pages, &mut visitor, request).await?;
    let mut response = lead(&pages, &mut visitor, Done::SignedOut);
    // What is shown to who goes back is not what was there (ASVS 14.3.1). Our cookies are handled above.
    let clear = (
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response.headers_mut().insert(clear.0, clear.1);
    Ok(response)
}
