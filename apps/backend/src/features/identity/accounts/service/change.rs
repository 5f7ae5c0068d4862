//! Changing the name and metadata of an account.

use countersign_store::StoreError;

use super::super::store::{self, Account};
use super::Accounts;
use crate::core::caller::Caller;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::profile::{InvalidMetadata, Profile, ProfileChange};
use crate::features::operations::audit::{Event, EventKind};

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The account no longer exists.
    #[error("the account does not exist")]
    Gone,
    /// The metadata would become too large.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    /// Too many changes.
    #[error("too many changes")]
    Limited(Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Changes the name or metadata of an account. The API and the pages call it for the user, whose changes are limited.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn change_own_profile(
        &self,
        id: AccountId,
        change: &ProfileChange,
        caller: &Caller,
    ) -> Result<Account, ProfileError> {
        let mut reserved = self.platform.limits.reserve();
        let key = Key::of(Policy::ChangeProfilePerAccount).identifier(&id.to_string());
        let rate = key.rate(&self.platform.settings.limits);
        reserved.spend(key, rate).await.map_err(ProfileError::Limited)?;
        reserved.began().now();
        let changed = self.change_profile(id, change, caller).await;
        match &changed {
            Ok(_) => reserved.count(),
            Err(_) => reserved.give_back().await,
        }
        changed
    }

    /// Changes the name or metadata of an account. The command line calls it.
    ///
    /// # Errors
    /// [`ProfileError`], except [`ProfileError::Limited`].
    pub async fn change_profile(
        &self,
        id: AccountId,
        change: &ProfileChange,
        caller: &Caller,
    ) -> Result<Account, ProfileError> {
        let now = self.platform.clock.now();
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let account = store::find(&mut *tx, id).await?.ok_or(ProfileError::Gone)?;
                    let before = Profile::from(&account);
                    let after = before.changed(change)?;
                    let what = match (before.name != after.name, before.metadata != after.metadata) {
                        (false, false) => return Ok(account),
                        (true, false) => "name",
                        (false, true) => "metadata",
                        (true, true) => "name and metadata",
                    };
                    store::set_profile(tx, id, &after, now).await?;
                    let event = Event::new(EventKind::ProfileChanged, id, caller).detail(what);
                    self.audit.record(tx, event).await?;
                    store::find(tx, id).await?.ok_or(ProfileError::Gone)
                })
            })
            .await
    }
}

impl From<&Account> for Profile {
    fn from(account: &Account) -> Self {
        Self {
            name: account.name.clone(),
            metadata: account.metadata.clone(),
        }
    }
}
