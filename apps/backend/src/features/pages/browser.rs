//! Changes to a browser's cookies when a user signs in or out.

use countersign_store::StoreError;
use http::HeaderValue;

use super::cookies::Cookie;
use super::service::Pages;
use super::visitor::Visitor;
use crate::core::ids::SessionId;
use crate::core::problem::Problem;
use crate::core::request_info::RequestInfo;
use crate::features::identity::devices;

/// Signs a browser in: sets a new cookie and ends its previous session. Grants that were bound to the previous one stay, if it
/// is the same account.
pub(super) async fn sign_in(
    pages: &Pages,
    visitor: &mut Visitor,
    session: SessionId,
    request: RequestInfo,
) -> Result<(), StoreError> {
    let caller = visitor.caller(request);
    if let Some(before) = visitor.signed_in.take() {
        let before = before.session_ref();
        pages.auth.replace_session(before, session, &caller).await?;
    }
    visitor.set_session_cookie(pages.browsers.issue(session).await?);
    if visitor.typed().is_some() {
        visitor.clear_cookie(pages, Cookie::Typed);
    }
    remember(pages, visitor);
    Ok(())
}

/// Gives a browser a new cookie for the same session, after its user has proven again who they are.
pub(super) fn renew(pages: &Pages, visitor: &mut Visitor, cookie: HeaderValue) {
    visitor.set_session_cookie(cookie);
    remember(pages, visitor);
}

/// Sets the cookie that identifies a browser after a successful authentication, so that it is recognized at the next
/// sign-in. Signing out keeps the cookie, because it signs no one in.
pub(super) fn remember(pages: &Pages, visitor: &mut Visitor) {
    let secret = visitor.device.reveal();
    visitor.set_cookie(pages, Cookie::Device, &secret, Some(devices::LIFETIME));
}

/// Signs a browser out: ends its session, and clears the cookies of the session and of emailed codes.
pub(super) async fn sign_out(pages: &Pages, visitor: &mut Visitor, request: RequestInfo) -> Result<(), Problem> {
    visitor.require_lookup()?;
    let caller = visitor.caller(request);
    if let Some(before) = visitor.signed_in.take() {
        pages.auth.logout(before.session_ref(), &caller).await?;
    }
    visitor.set_session_cookie(pages.browsers.clear());
    visitor.clear_cookie(pages, Cookie::Codes);
    Ok(())
}
