//! The user of a verified token, and whether its scopes suffice.

use countersign_guard::{Denied, Guard, Reason, Scopes, VerifiedUser};

use super::schemas::Demand;
use crate::core::ids::AccountId;
use crate::features::accounts::Profiles;

/// Forward authentication. Cloning is cheap.
#[derive(Clone)]
pub struct Forward {
    pub(crate) profiles: Profiles,
    pub(crate) guard: Guard,
}

/// The user of a request, as passed by a proxy to the service.
pub struct Identity {
    pub account: AccountId,
    /// The email address as the user typed it; it may be unverified.
    pub email: String,
    pub scopes: Scopes,
}

impl Forward {
    /// Returns the user if the token has all required scopes.
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
