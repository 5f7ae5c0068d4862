//! Who is behind a verified token, and whether that is enough.

use countersign_guard::{Denied, Guard, Reason, Scopes, VerifiedUser};

use super::schemas::Demand;
use crate::core::ids::AccountId;
use crate::features::accounts::Profiles;

/// Who sent a request that a proxy holds. Cloning it is cheap.
#[derive(Clone)]
pub struct Forward {
    pub(crate) profiles: Profiles,
    pub(crate) guard: Guard,
}

/// Whom a request is from, as a proxy tells it to the service behind it.
pub struct Identity {
    pub account: AccountId,
    /// As its owner typed it; not proven to be theirs.
    pub email: String,
    pub scopes: Scopes,
}

impl Forward {
    /// Who the user is, if the token carries every scope that is demanded.
    pub(super) async fn identify(&self, user: &VerifiedUser, demand: &Demand) -> Result<Identity, Denied> {
        if let Some(missing) = demand.missing_from(&user.scopes) {
            return Err(self.guard.denied(Reason::MissingScope(missing)));
        }
        let account = self.profiles.of(AccountId(user.id)).await?;
        Ok(Identity {
            account: account.id,
            email: account.email,
            scopes: user.scopes.clone(),
        })
    }
}
