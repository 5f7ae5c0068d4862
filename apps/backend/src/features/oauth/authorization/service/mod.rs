//! Authorization requests from their arrival to the code, and the exchange of the code. One file per use case.

mod begin;
mod checks;
mod connected;
mod decide;
mod issue;
mod loaded;
mod next_step;
mod redeem;
mod response;
mod shown;
mod sweeper;
mod visit;

pub use self::begin::{BeginError, Begun};
#[cfg(feature = "testing")]
pub use self::checks::reference;
pub use self::decide::{Decided, Decision, Next, NextError};
pub use self::loaded::Interaction;
#[cfg(feature = "testing")]
pub use self::redeem::Redeemed;
pub use self::redeem::{RedeemError, Redemption};
pub use self::response::{AuthorizationResponse, Carried};
pub use self::shown::{AnswerGoesTo, ConsentSummary};
pub use self::visit::Visit;

use countersign_store::{Db, StoreError};

use super::store;
use crate::core::oauth_endpoints::userinfo_audience;
use crate::core::platform::Platform;
use crate::features::operations::audit::Audit;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;
use crate::features::sign_in::sessions::Sessions;

/// The authorization endpoint. Cloning is cheap.
#[derive(Clone)]
pub struct Authorization {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
    pub(crate) audit: Audit,
    pub(crate) revocations: Revocations,
    pub(crate) sessions: Sessions,
}

impl Authorization {
    /// Returns the identifier of the userinfo endpoint as an audience.
    pub(super) fn userinfo(&self) -> String {
        userinfo_audience(self.issuer())
    }

    fn issuer(&self) -> &str {
        self.platform.settings.issuer.as_str()
    }
}

/// Voids all requests and codes, for use after restoring a backup or after a compromise.
///
/// # Errors
/// If the database failed.
pub async fn void_all(db: &Db) -> Result<(), StoreError> {
    db.transact(|tx| Box::pin(async move { store::void_all(tx).await }))
        .await
}
