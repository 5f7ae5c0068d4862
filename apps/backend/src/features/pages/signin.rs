//! Signing in with a password, signing up, signing out.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use countersign_guard::Scopes;
use http::header::HeaderName;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::browser;
use super::form::{Nothing, OwnForm};
use super::landing::local;
use super::mailed::{self, Mailed};
use super::reply::{Done, page, see_other};
use super::view::View;
use super::visitor::Visitor;
use crate::Context;
use crate::core::email::Email;
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::core::problem::{Code, FieldError, Problem};
use crate::features::auth::{self, Credentials, LoginError, Registration, SignedUp};
use crate::settings::{EmailVerification, Signup};

/// Where somebody goes who came from nowhere.
const HOME: &str = "/account";

#[derive(Template)]
#[template(path = "pages/signin.html")]
struct SignIn {
    v: View,
    email: String,
    return_to: String,
    open: bool,
}

#[derive(Template)]
#[template(path = "pages/signup.html")]
struct SignUp {
    v: View,
    email: String,
    return_to: String,
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

#[derive(Deserialize)]
pub(super) struct Return {
    #[serde(default)]
    return_to: String,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    email: String,
    password: Password,
    #[serde(default)]
    return_to: String,
}

pub(super) async fn sign_in_page(
    State(context): State<Context>,
    Query(query): Query<Return>,
    visitor: Visitor,
) -> Response {
    let view = View::new(&context, &visitor);
    sign_in_again(&context, &visitor, view, (String::new(), query.return_to))
}

fn sign_in_again(context: &Context, visitor: &Visitor, v: View, (email, return_to): (String, String)) -> Response {
    let status = v.status();
    let open = context.settings.signup == Signup::Open;
    page(
        visitor,
        status,
        &SignIn {
            v,
            email,
            return_to,
            open,
        },
    )
}

pub(super) async fn sign_in(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let credentials = Credentials {
        email: sent.email.parse().ok(),
        password: sent.password,
        scopes: Scopes::default(),
    };
    match auth::enter(&context, credentials, &origin).await {
        Ok(session) => {
            browser::sign_in(&context, &mut visitor, session.id, &origin).await?;
            Ok(see_other(&visitor, local(&sent.return_to).unwrap_or(HOME)))
        }
        // The password was right: the mail is what is missing.
        Err(LoginError::Unverified) => {
            let problem = Problem::new(Code::EmailNotVerified);
            let view = View::new(&context, &visitor).refused(&problem, "");
            Ok(mailed::await_code(&visitor, view, (Mailed::Verify, sent.email)))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let view = View::new(&context, &visitor).refused(&problem, "");
            Ok(sign_in_again(&context, &visitor, view, (sent.email, sent.return_to)))
        }
    }
}

pub(super) async fn sign_up_page(
    State(context): State<Context>,
    Query(query): Query<Return>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    if context.settings.signup == Signup::Closed {
        return Err(Problem::new(Code::SignupClosed));
    }
    let view = View::new(&context, &visitor);
    Ok(sign_up_again(&visitor, view, (String::new(), query.return_to)))
}

fn sign_up_again(visitor: &Visitor, v: View, (email, return_to): (String, String)) -> Response {
    let status = v.status();
    page(visitor, status, &SignUp { v, email, return_to })
}

pub(super) async fn sign_up(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(sent): OwnForm<Sent>,
) -> Result<Response, Problem> {
    let refused = |visitor: &Visitor, problem: Problem, return_to: String| {
        let view = View::new(&context, visitor).refused(&problem, "");
        sign_up_again(visitor, view, (sent.email.clone(), return_to))
    };
    let Ok(email) = sent.email.parse::<Email>() else {
        let wrong = Problem::validation(vec![FieldError::new("email", Code::InvalidEmail)]);
        return Ok(refused(&visitor, wrong, sent.return_to));
    };
    let origin = visitor.speaking(origin);
    let registration = Registration {
        email: email.clone(),
        password: sent.password.clone(),
    };
    match auth::sign_up(&context, registration, &origin).await {
        Ok(SignedUp::Asked) => {
            let view = View::new(&context, &visitor);
            Ok(mailed::await_code(&visitor, view, (Mailed::Verify, sent.email)))
        }
        Ok(SignedUp::Made(_)) => {
            let credentials = Credentials {
                email: Some(email),
                password: sent.password,
                scopes: Scopes::default(),
            };
            let session = auth::enter(&context, credentials, &origin).await?;
            browser::sign_in(&context, &mut visitor, session.id, &origin).await?;
            let asked = context.settings.email_verification == EmailVerification::Optional;
            if asked && sent.return_to.is_empty() {
                let view = View::new(&context, &visitor);
                return Ok(mailed::await_code(&visitor, view, (Mailed::Verify, sent.email)));
            }
            Ok(see_other(&visitor, local(&sent.return_to).unwrap_or(HOME)))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let field = if problem.code() == Code::EmailTaken {
                "email"
            } else {
                ""
            };
            let view = View::new(&context, &visitor).refused(&problem, field);
            Ok(sign_up_again(&visitor, view, (sent.email, sent.return_to)))
        }
    }
}

/// A GET changes nothing: it asks.
pub(super) async fn sign_out_page(State(context): State<Context>, visitor: Visitor) -> Response {
    let v = View::new(&context, &visitor);
    let confirm = SignOut {
        title: v.t("signout-title"),
        text: v.t("signout-text"),
        button: v.t("signout-button"),
        action: "/signout",
        v,
    };
    page(&visitor, StatusCode::OK, &confirm)
}

pub(super) async fn sign_out(
    State(context): State<Context>,
    mut visitor: Visitor,
    origin: Origin,
    OwnForm(Nothing {}): OwnForm<Nothing>,
) -> Result<Response, Problem> {
    browser::sign_out(&context, &mut visitor, &origin).await?;
    let done = Done::new(
        View::new(&context, &visitor),
        "done-signed-out",
        ("/signin", "signin-title"),
    );
    let mut response = page(&visitor, StatusCode::OK, &done);
    // What is shown to who goes back is not what was there (ASVS 14.3.1). Our cookies are handled above.
    let clear = (
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response.headers_mut().insert(clear.0, clear.1);
    Ok(response)
}
