//! Who is behind a verified token, and whether that is enough.

use countersign_guard::{Denied, Reason, Scopes, VerifiedUser};

use super::schemas::Demand;
use crate::Context;
use crate::core::ids::AccountId;
use crate::features::accounts;

/// Whom a request is from, as a proxy tells it to the service behind it.
pub struct Identity {
    pub account: AccountId,
    /// As its owner typed it; not proven to be theirs.
    pub email: String,
    pub scopes: Scopes,
}

/// Who the user is, if the token carries every scope that is demanded.
pub(super) async fn identify(context: &Context, user: &VerifiedUser, demand: &Demand) -> Result<Identity, Denied> {
    if let Some(missing) = demand.missing_from(&user.scopes) {
        return Err(context.guard.denied(Reason::MissingScope(missing)));
    }
    let account = accounts::profile(context, AccountId(user.id)).await?;
    Ok(Identity {
        account: account.id,
        email: account.email,
        scopes: user.scopes.clone(),
    })
}
