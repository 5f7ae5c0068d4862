//! Rate limits and queue lane of a password attempt, shared by all entry points.

use countersign_store::StoreError;
use uuid::Uuid;

use super::Auth;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::core::password::{Asker, Lane};
use crate::core::platform::Platform;
use crate::core::request_info::RequestInfo;
use crate::features::identity::devices;

/// A password attempt. It counts as wrong or correct once it has been checked, and not at all otherwise.
pub(super) struct Attempt {
    /// The folded email address.
    pub(super) subject: String,
    wrong: Reserved,
    right: Reserved,
}

impl Attempt {
    /// Reserves an attempt at an account's password: from the limit for correct ones, and from each of `limits` for wrong ones.
    /// `subject` is the folded email address, whether or not the account exists, so that deleting and recreating an account does
    /// not reset it.
    ///
    /// # Errors
    /// If a limit is exceeded; then nothing is spent.
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
        let mut right = Reserved::same_attempt(&wrong);
        if let Some(prefix) = request.prefix() {
            // Per network too, so that a thief with the password cannot use up the owner's sign-ins.
            let key = Key::of(Policy::SignInsPerAccount).identifier(subject).address(prefix);
            right.spend(key, key.rate(&platform.settings.limits)).await?;
        }
        Ok(Self {
            subject: subject.to_owned(),
            wrong,
            right,
        })
    }

    /// The password is correct. Returns the reservation, which counts unless it is given back.
    pub(super) async fn was_right(self) -> Reserved {
        self.wrong.give_back().await;
        self.right
    }

    /// The password is wrong or not allowed.
    pub(super) async fn was_wrong(self) {
        self.wrong.count();
        self.right.give_back().await;
    }

    /// There was no verdict: the server was overloaded or the database failed.
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

/// Returns the key for counting by email address.
pub(super) fn subject_of(email: &str) -> String {
    email
        .parse::<Email>()
        .map_or_else(|_| email.to_owned(), |email| email.key().to_owned())
}

impl Auth {
    /// Returns the queue lane of a client for this account: the known lane if the account has recently signed in from the
    /// client's network or with its browser. Takes the same steps for a nonexistent account.
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
