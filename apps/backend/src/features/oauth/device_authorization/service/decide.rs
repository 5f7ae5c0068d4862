//! The user's side: entering the code, and deciding (RFC 8628 §3.3).

use countersign_guard::Scopes;
use countersign_oauth::UserCode;
use countersign_store::StoreError;

use super::{ALLOWED, CANCELED, DeviceAuthorization, hash_of};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::{DeviceRequestId, SessionRef};
use crate::core::language::Language;
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::features::identity::accounts;
use crate::features::oauth::apis::{self, Api};
use crate::features::oauth::authorization::Permission;
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::device_authorization::store::{self, Decided};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions;

/// A request of a device, for its page.
pub struct DeviceRequest {
    pub id: DeviceRequestId,
    pub client: Client,
    /// What it asks for, by audience: the identifier of an API, or the URL of the userinfo endpoint.
    pub scopes: Vec<(String, Scopes)>,
    /// The registered APIs, whose scopes may be among these.
    apis: Vec<Api>,
    /// Where the request came from.
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub created_at: Timestamp,
}

impl DeviceRequest {
    /// Returns what the device asks for, in this language.
    pub fn permissions(&self, language: Language) -> Vec<Permission<'_>> {
        let of_audience = |(audience, scopes)| Permission::at(audience, Scopes::iter(scopes), &self.apis, language);
        let scopes = self.scopes.iter().map(|(audience, scopes)| (audience.as_str(), scopes));
        scopes.flat_map(of_audience).collect()
    }
}

/// The user's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow,
    Cancel,
}

/// A browser that is signed in.
#[derive(Clone, Copy)]
pub struct Browser {
    pub user: SessionRef,
    /// Of its form cookie.
    pub handle: HandleHash,
}

/// Why a code is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The code is malformed, unknown, expired or decided, or another user or browser entered it first. Users cannot tell which.
    #[error("unknown device code")]
    Unknown,
    /// Too many wrong codes.
    #[error(transparent)]
    Limited(#[from] Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a decision is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The request has expired, was decided, or belongs to another user or browser; or the user is disabled or the client may not be used.
    #[error("the device request has ended")]
    Ended,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeviceAuthorization {
    /// Gives a request to the first account and browser that enter its code. Only wrong codes count against the limits, and a
    /// right one resets none.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub async fn claim(&self, typed: &str, browser: Browser, caller: &Caller) -> Result<DeviceRequestId, ClaimError> {
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
                Ok(id)
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

    /// Reserves a guess, so that concurrent guesses cannot exceed the limits.
    async fn reserve(&self, browser: Browser, caller: &Caller) -> Result<Reserved, Exceeded> {
        let mut reserved = self.platform.limits.reserve();
        let of_account = Key::of(Policy::DeviceCodesPerAccount).account(browser.user.account.0);
        let of_network = caller.request.prefix();
        let of_network = of_network.map(|network| Key::of(Policy::DeviceCodesPerAddress).address(network));
        let of_all = Key::of(Policy::DeviceCodesInAll);
        for key in [Some(of_account), of_network, Some(of_all)].into_iter().flatten() {
            reserved.spend(key, key.rate(&self.platform.settings.limits)).await?;
        }
        reserved.began().now();
        Ok(reserved)
    }

    /// Returns a request that this browser has claimed, until it is decided. `None` also if its client may not be used.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn claimed(&self, id: DeviceRequestId, browser: Browser) -> Result<Option<DeviceRequest>, StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let asked = store::find(db, id, browser.user.account, browser.handle, now).await?;
        let Some(asked) = asked.filter(|asked| asked.decision.is_none()) else {
            return Ok(None);
        };
        let client = clients::may_use(db, &asked.client_id).await?;
        let scopes = self.by_audience(db, &asked).await?;
        let apis = apis::all(db).await?;
        Ok(client.map(|client| DeviceRequest {
            id,
            client,
            scopes,
            apis,
            user_agent: asked.user_agent,
            address: asked.address,
            created_at: asked.created_at,
        }))
    }

    /// Stores the user's decision. Allowing a request is consent to its scopes, also for a trusted client.
    ///
    /// # Errors
    /// [`DecideError`].
    pub async fn decide(
        &self,
        id: DeviceRequestId,
        browser: Browser,
        decision: Decision,
        caller: &Caller,
    ) -> Result<(), DecideError> {
        let (user, now) = (browser.user, self.platform.clock.now());
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let Some(session) = sessions::lock_living(tx, user.session, now).await? else {
                        return Err(DecideError::Ended);
                    };
                    let versions = accounts::may_sign_in(&mut *tx, user.account).await?;
                    let asked = store::find(&mut *tx, id, user.account, browser.handle, now).await?;
                    let (Some(versions), Some(asked)) = (versions, asked) else {
                        return Err(DecideError::Ended);
                    };
                    if clients::may_use(&mut *tx, &asked.client_id).await?.is_none() {
                        return Err(DecideError::Ended);
                    }
                    let decided = Decided {
                        id,
                        account: user.account,
                        browser: browser.handle,
                        decision: match decision {
                            Decision::Allow => ALLOWED,
                            Decision::Cancel => CANCELED,
                        },
                        epoch: versions.session_epoch,
                        auth_time: session.auth_time,
                        amr: &session.amr,
                        now,
                    };
                    if !store::decide(tx, &decided).await? {
                        return Err(DecideError::Ended);
                    }
                    let kind = match decision {
                        Decision::Allow => EventKind::DeviceAllowed,
                        Decision::Cancel => EventKind::DeviceCanceled,
                    };
                    if decision == Decision::Allow {
                        self.consent(tx, &asked, user.account, now).await?;
                    }
                    let event = Event::new(kind, user.account, caller).session(user.session);
                    self.audit.record(tx, event.detail(&*asked.client_id)).await?;
                    Ok(())
                })
            })
            .await
    }
}
