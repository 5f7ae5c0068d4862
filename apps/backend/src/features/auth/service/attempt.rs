//! What trying a password takes from the limits, and where it waits to be hashed: one place for all doors that ask for one.

use countersign_store::StoreError;
use uuid::Uuid;

use super::Auth;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::core::password::{Asker, Lane};
use crate::core::platform::Platform;
use crate::core::request_info::RequestInfo;
use crate::features::devices;

/// A password that is about to be tried. It counts as wrong or as right when it has been judged, and not at all when
/// nobody judged it.
pub(super) struct Attempt {
    wrong: Reserved,
    right: Reserved,
}

impl Attempt {
    /// Reserves a try at an account's password: one of its right ones, and one of each of `limits`, which hold for wrong
    /// ones. `subject` is the account's address in its folded form, whether or not there is such an account: an account
    /// that is deleted and made anew is the same subject.
    ///
    /// # Errors
    /// A limit is exceeded, and nothing is spent.
    pub(super) async fn reserve(
        platform: &Platform,
        subject: &str,
        request: &RequestInfo,
        limits: &[Key],
    ) -> Result<Self, Exceeded> {
        let mut wrong = platform.limits.reserve();
        for &key in limits {
            wrong.spend(key, key.rate(&platform.settings.limits)).await?;
        }
        let mut right = Reserved::beside(&wrong);
        if let Some(prefix) = request.prefix() {
            // By network, too: whoever has stolen a password cannot use up the owner's sign-ins.
            let key = Key::of(Policy::SignInsPerAccount).identifier(subject).address(prefix);
            right.spend(key, key.rate(&platform.settings.limits)).await?;
        }
        Ok(Self { wrong, right })
    }

    /// The password is right. Gives the try that it used, which counts unless it is given back.
    pub(super) async fn was_right(self) -> Reserved {
        self.wrong.give_back().await;
        self.right
    }

    /// The password is wrong, or may not be used.
    pub(super) async fn was_wrong(self) {
        self.wrong.count();
        self.right.give_back().await;
    }

    /// Nobody was told anything: the server was overloaded, or the database failed.
    pub(super) async fn was_not_judged(self) {
        self.wrong.give_back().await;
        self.right.give_back().await;
    }

    pub(super) fn asker(&self, lane: Lane) -> Asker {
        Asker {
            lane,
            began: Some(self.wrong.began()),
        }
    }
}

/// By what an address is counted.
pub(super) fn subject_of(email: &str) -> String {
    email
        .parse::<Email>()
        .map_or_else(|_| email.to_owned(), |email| email.key().to_owned())
}

impl Auth {
    /// Where somebody waits who says to be this account: with the known, if the account signed in from their network lately, or
    /// with their browser. For no account it makes the same steps.
    pub(super) async fn lane(&self, account: Option<AccountId>, request: &RequestInfo) -> Result<Lane, StoreError> {
        let Some(prefix) = request.prefix() else {
            return Ok(Lane::Others);
        };
        let asked = account.unwrap_or(AccountId(Uuid::nil()));
        let by_network = self.sessions.signed_in_lately(asked, prefix).await?;
        let by_device = devices::is_known(&self.platform.db, asked, request, self.platform.clock.now()).await?;
        Ok(if by_network || by_device {
            Lane::Known(asked.0)
        } else {
            Lane::Others
        })
    }
}
