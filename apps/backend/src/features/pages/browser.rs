//! What happens to a browser when somebody signs in, or out.

use countersign_store::Error;

use super::cookies::Cookie;
use super::service;
use super::visitor::Visitor;
use crate::Context;
use crate::core::ids::SessionId;
use crate::core::origin::Origin;
use crate::features::{devices, sessions};

/// Signs a browser in: it gets a new cookie, and the session that it had before ends.
pub(super) async fn sign_in(
    context: &Context,
    visitor: &mut Visitor,
    session: SessionId,
    origin: &Origin,
) -> Result<(), Error> {
    if let Some(before) = visitor.signed_in.take() {
        sessions::revoke(context, before.session.id, None, origin).await?;
    }
    let secret = service::admit(context, session).await?;
    let lifetime = context.settings.tokens.refresh_idle_ttl;
    visitor.keep(context, Cookie::SignedIn, (&secret.reveal(), Some(lifetime)));
    remember(context, visitor);
    Ok(())
}

/// A browser with which somebody has just proven who they are gets the cookie by which it is known the next time.
/// Signing out leaves it: it signs nobody in.
pub(super) fn remember(context: &Context, visitor: &mut Visitor) {
    let secret = visitor.device.reveal();
    visitor.keep(context, Cookie::Device, (&secret, Some(devices::LIFETIME)));
}

/// Signs a browser out: its session ends, and nothing of it stays behind.
pub(super) async fn sign_out(context: &Context, visitor: &mut Visitor, origin: &Origin) -> Result<(), Error> {
    if let Some(before) = visitor.signed_in.take() {
        sessions::revoke(context, before.session.id, None, origin).await?;
    }
    visitor.forget(context, Cookie::SignedIn);
    visitor.forget(context, Cookie::Asked);
    Ok(())
}
