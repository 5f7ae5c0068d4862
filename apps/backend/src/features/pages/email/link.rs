//! The page that a mailed link opens.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::done::show;
use super::super::reply::see_other;
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::{LenientQuery, Visitor};
use super::forms::{Filled, Opened, link_form, password_form};
use super::request;
use super::steps::{action_at, steps};
use crate::core::email::Email;
use crate::core::problem::{Code, Problem};
use crate::features::email_challenges::{Answer, ChallengeError, LinkSecret};
use crate::features::outbox::{Action, Purpose};
use crate::features::verification::Claim;

#[derive(Default, Deserialize)]
pub(super) struct Link {
    token: Option<String>,
    /// Where the person was going, if they come to ask for a mail.
    #[serde(default)]
    return_to: String,
}

/// Without a link, the email is requested here.
pub(super) async fn link_page(
    State(pages): State<Pages>,
    LenientQuery(link): LenientQuery<Link>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let action = action_at(&visitor.path)?;
    let view = View::new(&pages, &visitor);
    let Some(token) = link.token else {
        let (email, return_path) = (request::email_of(&visitor), link.return_to.parse().ok());
        return Ok(request::show(&visitor, view, action, email, return_path));
    };
    if is_used(&pages, action, &token).await? {
        return Ok(used_page(&visitor, view, action));
    }
    match (action, &visitor.signed_in) {
        // An address is changed by who is signed in to the account: they come back afterwards.
        (Action::ChangeEmail, None) => Ok(sign_in_first(&visitor, Some(&token))),
        (Action::VerifyEmail, _) if needs_password(&pages, &visitor, &token).await? => {
            let filled = Filled {
                token: Some(token),
                ..Filled::default()
            };
            Ok(password_form(&visitor, view, filled))
        }
        _ => {
            let opened = opened(&pages, action, token).await?;
            Ok(link_form(&visitor, view, action, opened))
        }
    }
}

fn used_page(visitor: &Visitor, view: View, action: Action) -> Response {
    match steps(action).used {
        Some(used) => show(visitor, view.fixed(), used),
        None if visitor.signed_in.is_some() => see_other(visitor, "/account"),
        None => {
            let view = view.refused(&Problem::new(Code::InvalidAnswer), "");
            request::show(visitor, view, action, request::email_of(visitor), None)
        }
    }
}

/// What is known of a link that sets a password. Of one that was made up, nothing is.
pub(super) async fn opened(pages: &Pages, action: Action, token: String) -> Result<Opened, Problem> {
    let link = token
        .parse::<LinkSecret>()
        .ok()
        .filter(|_| action == Action::SetPassword);
    let known = match &link {
        Some(link) => purpose_of(pages, link).await?,
        None => None,
    };
    Ok(Opened {
        token,
        invited: matches!(known, Some((Purpose::Invitation, _))),
        email: known.map(|(_, email)| email.typed().to_owned()).unwrap_or_default(),
    })
}

/// Whether a link that sets a password came with an invitation.
pub(super) async fn is_invitation(pages: &Pages, link: &LinkSecret) -> Result<bool, Problem> {
    Ok(matches!(purpose_of(pages, link).await?, Some((Purpose::Invitation, _))))
}

async fn purpose_of(pages: &Pages, link: &LinkSecret) -> Result<Option<(Purpose, Email)>, Problem> {
    match pages.challenges.purpose_of(Action::SetPassword, link).await {
        Ok(known) => Ok(Some(known)),
        Err(ChallengeError::Store(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Whether what a link is for is done. Of one that was made up, or has grown old, nothing is known.
pub(super) async fn is_used(pages: &Pages, action: Action, token: &str) -> Result<bool, Problem> {
    let Ok(link) = token.parse::<LinkSecret>() else {
        return Ok(false);
    };
    let leads_here = |purpose: &Purpose| purpose.page() == action.page();
    for purpose in Purpose::that_allow(action).filter(leads_here) {
        if pages.challenges.is_done(purpose, &link).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// In the browser that asked, a button is enough; elsewhere it takes a password.
async fn needs_password(pages: &Pages, visitor: &Visitor, token: &str) -> Result<bool, Problem> {
    match token.parse() {
        Ok(link) => Ok(pages
            .verification
            .needs_password(&Answer::Link(link), &claim(visitor))
            .await?),
        Err(_) => Ok(false),
    }
}

/// What says that an account is that of whoever sits before this browser.
pub(super) fn claim(visitor: &Visitor) -> Claim {
    Claim {
        handle: Some(visitor.handle()),
        user: visitor.user(),
        ..Claim::default()
    }
}

pub(super) fn sign_in_first(visitor: &Visitor, token: Option<&str>) -> Response {
    let query = |name: &str, value: &str| {
        form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value)
            .finish()
    };
    let back = match token {
        Some(token) => format!("{}?{}", Action::ChangeEmail.page(), query("token", token)),
        None => steps(Action::ChangeEmail).code_page.to_owned(),
    };
    see_other(visitor, &format!("/signin?{}", query("return_to", &back)))
}
