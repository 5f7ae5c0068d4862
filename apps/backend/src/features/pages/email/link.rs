//! The page opened by an emailed link.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::destination::Destination;
use super::super::done::show;
use super::super::reply::{go_on, see_other};
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::{LenientQuery, Visitor};
use super::forms::{Filled, Opened, link_form, password_form};
use super::request;
use super::steps::{action_at, steps};
use crate::core::applications::with_return_to;
use crate::core::email::Email;
use crate::core::problem::{Code, Problem};
use crate::features::identity::email_challenges::{Answer, ChallengeError, LinkSecret};
use crate::features::identity::verification::Claim;
use crate::features::messaging::outbox::{Action, Purpose};

#[derive(Default, Deserialize)]
pub(super) struct Link {
    token: Option<String>,
}

/// Shows the page of a link or, without a link, the page for requesting one.
pub(super) async fn link_page(
    State(pages): State<Pages>,
    LenientQuery(link): LenientQuery<Link>,
    mut visitor: Visitor,
) -> Result<Response, Problem> {
    let action = action_at(&visitor.path)?;
    let Some(token) = link.token else {
        let view = View::new(&pages, &visitor);
        return Ok(request::show(&visitor, view, action, request::email_of(&visitor)));
    };
    if visitor.destination.is_none() {
        visitor.destination = stored_destination(&pages, action, &token).await?;
    }
    let view = View::new(&pages, &visitor);
    if is_used(&pages, action, &token).await? {
        return Ok(used_page(&visitor, view, action));
    }
    if is_void(&pages, &visitor, action, &token).await? {
        let view = view.refused(&Problem::new(Code::InvalidAnswer), "");
        return Ok(request::show(&visitor, view, action, request::email_of(&visitor)));
    }
    match (action, &visitor.signed_in) {
        // Changing the email address requires being signed in to the account. The user returns here afterwards.
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

/// Returns where the user was going when the email of this link was requested, perhaps in another browser.
async fn stored_destination(pages: &Pages, action: Action, token: &str) -> Result<Option<Destination>, Problem> {
    let Ok(link) = token.parse::<LinkSecret>() else {
        return Ok(None);
    };
    let stored = pages.challenges.return_to(action, &link).await?;
    Ok(stored.and_then(|stored| Destination::read(&pages.platform, &stored)))
}

fn used_page(visitor: &Visitor, view: View, action: Action) -> Response {
    match steps(action).used {
        Some(used) => show(visitor, view.fixed(), used),
        None if visitor.signed_in.is_some() => go_on(visitor),
        None => {
            let view = view.refused(&Problem::new(Code::InvalidAnswer), "");
            request::show(visitor, view, action, request::email_of(visitor))
        }
    }
}

/// Returns what is known of a link that sets a password; nothing if the link is invalid.
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

/// Returns whether a link that sets a password was sent with an invitation.
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

/// Returns whether the purpose of a link is already done; `false` for an unknown or expired link.
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

/// Returns whether the form of a link would be refused: the link was cut off on its way, has expired or was replaced, or the
/// account has changed since.
async fn is_void(pages: &Pages, visitor: &Visitor, action: Action, token: &str) -> Result<bool, Problem> {
    let is_redeemable = match (action, visitor.user(), token.parse::<LinkSecret>()) {
        // The user signs in first.
        (Action::ChangeEmail, None, _) => true,
        (_, _, Err(_)) => false,
        (Action::ChangeEmail, Some(user), Ok(link)) => pages.verification.may_change(user, &link).await?,
        (_, _, Ok(link)) => pages.challenges.is_redeemable(action, &link).await?,
    };
    Ok(!is_redeemable)
}

/// Returns whether a link needs a password: not in the browser that signed up or is signed in to the account, where a
/// button is enough.
async fn needs_password(pages: &Pages, visitor: &Visitor, token: &str) -> Result<bool, Problem> {
    match token.parse() {
        Ok(link) => Ok(pages
            .verification
            .needs_password(&Answer::Link(link), &claim(visitor))
            .await?),
        Err(_) => Ok(false),
    }
}

/// Returns what shows that an account belongs to the user of this browser.
pub(super) fn claim(visitor: &Visitor) -> Claim {
    Claim {
        handle: Some(visitor.handle()),
        user: visitor.user(),
        ..Claim::default()
    }
}

pub(super) fn sign_in_first(visitor: &Visitor, token: Option<&str>) -> Response {
    let back = match token {
        Some(token) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("token", token);
            format!("{}?{}", Action::ChangeEmail.page(), query.finish())
        }
        None => steps(Action::ChangeEmail).code_page.to_owned(),
    };
    see_other(visitor, &with_return_to("/signin", &visitor.onward(&back)))
}
