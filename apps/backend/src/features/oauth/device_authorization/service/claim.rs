//! Entering the code of a device (RFC 8628 §3.3). It gives the request to an account and its browser.

use countersign_oauth::UserCode;
use countersign_store::StoreError;

use super::wanted::wanted_scopes;
use super::{DeviceAuthorization, hash_of};
use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::ids::{DeviceRequestId, SessionRef};
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::features::identity::accounts;
use crate::features::oauth::apis;
use crate::features::oauth::clients;
use crate::features::oauth::device_authorization::store;
use crate::features::operations::audit::{Event, EventKind};

/// A browser that is signed in.
#[derive(Clone, Copy)]
pub struct Browser {
    pub user: SessionRef,
    /// Of its form cookie.
    pub handle: HandleHash,
}

/// What became of a code that a user entered.
pub enum Entered {
    /// It belongs to this account and browser now, and the page of its request asks the user.
    Claimed(DeviceRequestId),
    /// The account can give nothing of what the device asks for, so the request is denied.
    Denied,
}

/// Why a code is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The code is malformed, unknown, expired or decided, or another user or browser entered it first. Users cannot tell
    /// which.
    #[error("unknown device code")]
    Unknown,
    /// Too many wrong codes.
    #[error(transparent)]
    Limited(#[from] Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeviceAuthorization {
    /// Gives a request to the first account and browser that enter its code. Only wrong codes count against the limits, and a
    /// right one resets none. If the account can give nothing of what the device asks for, the request is denied at once, as at
    /// the authorization endpoint.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub async fn claim(&self, typed: &str, browser: Browser, caller: &Caller) -> Result<Entered, ClaimError> {
        let reserved = self.reserve(browser, caller).await?;
        let code: Option<UserCode> = typed.parse().ok();
        let Some(code) = code else {
            // It cannot have been a guess.
            reserved.give_back().await;
            return Err(ClaimError::Unknown);
        };
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        match store::claim(db, hash_of(&code), browser.user.account, browser.handle, now).await {
            Ok(Some(id)) => {
                reserved.give_back().await;
                Ok(match self.deny_if_nothing(id, browser, caller).await? {
                    true => Entered::Denied,
                    false => Entered::Claimed(id),
                })
            }
            Ok(None) => {
                reserved.count();
                Err(ClaimError::Unknown)
            }
            Err(error) => {
                reserved.give_back().await;
                Err(error.into())
            }
        }
    }

    /// Denies a request of which the account can give nothing. Returns whether it did.
    async fn deny_if_nothing(
        &self,
        id: DeviceRequestId,
        browser: Browser,
        caller: &Caller,
    ) -> Result<bool, StoreError> {
        let (user, now) = (browser.user, self.platform.clock.now());
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let Some(request) = store::find(&mut *tx, id, user.account, browser.handle, now).await? else {
                        return Ok(false);
                    };
                    let Some(client) = clients::may_use(&mut *tx, &request.client_id).await? else {
                        return Ok(false);
                    };
                    let known = apis::all(&mut *tx).await?;
                    let held = accounts::scopes(&mut *tx, user.account).await?;
                    let asked = self.asked(&request, &client, &known, &held)?;
                    if asked.is_gone || !asked.is_nothing(&wanted_scopes(&request)?) {
                        return Ok(false);
                    }
                    let event = Event::new(EventKind::DeviceAllowed, user.account, caller).refused();
                    self.deny(tx, &request, user, event).await
                })
            })
            .await
    }

    /// Reserves a guess, so that concurrent guesses cannot exceed the limits.
    async fn reserve(&self, browser: Browser, caller: &Caller) -> Result<Reserved, Exceeded> {
        let mut reserved = self.platform.limits.reserve();
        let of_account = Key::of(Policy::DeviceCodesPerAccount).account(browser.user.account.0);
        let prefix = caller.request.prefix();
        let of_address = prefix.map(|prefix| Key::of(Policy::DeviceCodesPerAddress).address(prefix));
        // Before the limit for everyone, which an attacker with a /48 would use up from its 65,536 prefixes otherwise.
        let of_network = prefix.map(|prefix| Key::of(Policy::DeviceCodesPerNetwork).site(prefix));
        let of_all = Key::of(Policy::DeviceCodesInAll);
        for key in [Some(of_account), of_address, of_network, Some(of_all)]
            .into_iter()
            .flatten()
        {
            reserved.spend(key, key.rate(&self.platform.settings.limits)).await?;
        }
        reserved.began().now();
        Ok(reserved)
    }
}
