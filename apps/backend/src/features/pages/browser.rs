//! What happens to a browser when somebody signs in, or out.

use countersign_store::StoreError;

use super::cookies::Cookie;
use super::service::Pages;
use super::visitor::Visitor;
use crate::core::ids::SessionId;
use crate::core::request_info::RequestInfo;
use crate::features::devices;

/// Signs a browser in: it gets a new cookie, and the session that it had before ends.
pub(super) async fn sign_in(
    pages: &Pages,
    visitor: &mut Visitor,
    session: SessionId,
    request: RequestInfo,
) -> Result<(), StoreError> {
    end_session(pages, visitor, request).await?;
    let secret = pages.issue_cookie(session).await?;
    let lifetime = pages.platform.settings.tokens.refresh_idle_ttl;
    visitor.set_cookie(pages, Cookie::SignedIn, &secret.reveal(), Some(lifetime));
    if visitor.typed().is_some() {
        visitor.clear_cookie(pages, Cookie::Typed);
    }
    remember(pages, visitor);
    Ok(())
}

/// A browser with which somebody has just proven who they are gets the cookie by which it is known the next time.
/// Signing out leaves it: it signs nobody in.
pub(super) fn remember(pages: &Pages, visitor: &mut Visitor) {
    let secret = visitor.device.reveal();
    visitor.set_cookie(pages, Cookie::Device, &secret, Some(devices::LIFETIME));
}

/// Signs a browser out: its session ends, and nothing of it stays behind.
pub(super) async fn sign_out(pages: &Pages, visitor: &mut Visitor, request: RequestInfo) -> Result<(), StoreError> {
    end_session(pages, visitor, request).await?;
    visitor.clear_cookie(pages, Cookie::SignedIn);
    visitor.clear_cookie(pages, Cookie::Codes);
    Ok(())
}

/// Ends the session of the browser, if it has one.
async fn end_session(pages: &Pages, visitor: &mut Visitor, request: RequestInfo) -> Result<(), StoreError> {
    let caller = visitor.caller(request);
    if let Some(before) = visitor.signed_in.take() {
        pages.auth.logout(before.session_ref(), &caller).await?;
    }
    Ok(())
}
