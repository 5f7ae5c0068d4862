//! The user's side: entering the code, and deciding (RFC 8628 §3.3).

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_oauth::UserCode;
use countersign_store::{StoreError, Tx};

use super::stored::{audiences, written, written_ids};
use super::{DeviceAuthorization, hash_of};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, DeviceRequestId, SessionRef};
use crate::core::language::Language;
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::features::identity::accounts;
use crate::features::oauth::apis;
use crate::features::oauth::authorization::{GrantableAccess, Permission, union};
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents;
use crate::features::oauth::device_authorization::store::{self, Allowed, Request};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions;

/// A request of a device, for its page.
pub struct DeviceRequest {
    pub id: DeviceRequestId,
    pub client: Client,
    /// Who is signed in.
    account: AccountId,
    asked: GrantableAccess,
    /// Where the request came from.
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub created_at: Timestamp,
}

impl DeviceRequest {
    /// Returns what it asks of the user, in this language. `openid` alone is nothing: it says who signs in.
    pub fn permissions(&self, language: Language) -> Vec<Permission<'_>> {
        self.asked.permissions(language)
    }

    /// Returns what identifies the contents of the page. If any of it changes, the page is shown again.
    pub fn digest(&self) -> String {
        self.asked.digest(self.account, &self.client)
    }
}

/// What a claimed request needs next.
pub enum Claimed {
    /// The user decides.
    Decide(Box<DeviceRequest>),
    /// The user proves again who they are, because the client asks for that (`default_max_age`).
    Reauthenticate,
}

/// The user's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To agree to what was shown, identified by its digest.
    Allow(String),
    Cancel,
}

/// What became of a code that a user entered.
pub enum Entered {
    /// It belongs to this account and browser now, and the page of its request asks the user.
    Claimed(DeviceRequestId),
    /// The account can give nothing of what the device asks for, so the request is denied.
    Denied,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    Canceled,
    /// The user allowed it, and can give nothing of what the device asks for any more.
    Denied,
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

/// Why a decision is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The request has expired, was decided, or belongs to another user or browser; or the user or the client is disabled, or
    /// an API was removed.
    #[error("the device request has ended")]
    Ended,
    /// The user must prove again who they are first.
    #[error("the user must sign in again")]
    Reauthenticate,
    /// The request asks for something else than the user was shown, because an operator has changed the client, an API or the
    /// scopes of the account since.
    #[error("the device request has changed since it was shown")]
    Changed,
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
                    self.deny(tx, &request, user, caller).await
                })
            })
            .await
    }

    /// Denies a request. Returns whether it was not decided before.
    async fn deny(
        &self,
        tx: &mut Tx<'_>,
        request: &Request,
        user: SessionRef,
        caller: &Caller,
    ) -> Result<bool, StoreError> {
        if !store::deny(tx, request.id, self.platform.clock.now()).await? {
            return Ok(false);
        }
        let event = Event::new(EventKind::DeviceAllowed, user.account, caller).refused();
        let event = event.session(user.session).detail(&*request.client_id);
        self.audit.record(tx, event).await?;
        Ok(true)
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

    /// Returns what a request that this browser has claimed needs next. `None` if it was decided, or its client or one of its
    /// APIs is gone.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn claimed(&self, id: DeviceRequestId, browser: Browser) -> Result<Option<Claimed>, StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let user = browser.user;
        let request = store::find(db, id, user.account, browser.handle, now).await?;
        let Some(request) = request.filter(|request| request.decision.is_none()) else {
            return Ok(None);
        };
        let client = clients::may_use(db, &request.client_id).await?;
        let session = sessions::find_active(db, user.session, now).await?;
        let (Some(client), Some(session)) = (client, session) else {
            return Ok(None);
        };
        if is_too_old(&client, &request, session.auth_time, now) {
            return Ok(Some(Claimed::Reauthenticate));
        }
        let (known, held) = (apis::all(db).await?, accounts::scopes(db, user.account).await?);
        let asked = self.asked(&request, &client, &known, &held)?;
        Ok((!asked.is_gone).then(|| {
            Claimed::Decide(Box::new(DeviceRequest {
                id,
                client,
                account: user.account,
                asked,
                user_agent: request.user_agent,
                address: request.address,
                created_at: request.created_at,
            }))
        }))
    }

    /// Stores the user's decision. Allowing a request is consent to its scopes, even for a trusted client, but only to those
    /// that were shown.
    ///
    /// # Errors
    /// [`DecideError`].
    pub async fn decide(
        &self,
        id: DeviceRequestId,
        browser: Browser,
        decision: &Decision,
        caller: &Caller,
    ) -> Result<Outcome, DecideError> {
        let (user, now) = (browser.user, self.platform.clock.now());
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let Some(session) = sessions::lock_active(tx, user.session, now).await? else {
                        return Err(DecideError::Ended);
                    };
                    let versions = accounts::may_sign_in(&mut *tx, user.account).await?;
                    let request = store::find(&mut *tx, id, user.account, browser.handle, now).await?;
                    let (Some(versions), Some(request)) = (versions, request) else {
                        return Err(DecideError::Ended);
                    };
                    let Decision::Allow(shown) = decision else {
                        return self.cancel(tx, &request, user, caller).await;
                    };
                    let Some(client) = clients::may_use(&mut *tx, &request.client_id).await? else {
                        return Err(DecideError::Ended);
                    };
                    if is_too_old(&client, &request, session.auth_time, now) {
                        return Err(DecideError::Reauthenticate);
                    }
                    let known = apis::all(&mut *tx).await?;
                    let held = accounts::scopes(&mut *tx, user.account).await?;
                    let asked = self.asked(&request, &client, &known, &held)?;
                    if asked.is_gone {
                        return Err(DecideError::Ended);
                    }
                    if asked.is_nothing(&wanted_scopes(&request)?) {
                        self.deny(tx, &request, user, caller).await?;
                        return Ok(Outcome::Denied);
                    }
                    if asked.digest(user.account, &client) != *shown {
                        return Err(DecideError::Changed);
                    }
                    self.consent(tx, &asked, &client, user.account, now).await?;
                    let given = consents::find(&mut *tx, user.account, &client.client_id).await?;
                    let allowed = Allowed {
                        id,
                        account: user.account,
                        browser: browser.handle,
                        audiences: written(&asked.audiences)?,
                        epoch: versions.session_epoch,
                        auth_time: session.auth_time,
                        amr: &session.amr,
                        client_epoch: client.epoch,
                        consent_ids: written_ids(&given),
                        now,
                    };
                    if !store::allow(tx, &allowed).await? {
                        return Err(DecideError::Ended);
                    }
                    let event = Event::new(EventKind::DeviceAllowed, user.account, caller).session(user.session);
                    self.audit.record(tx, event.detail(&*client.client_id)).await?;
                    Ok(Outcome::Allowed)
                })
            })
            .await
    }
}

impl DeviceAuthorization {
    /// Cancels a request, also if its client or an API is gone meanwhile.
    async fn cancel(
        &self,
        tx: &mut Tx<'_>,
        request: &Request,
        user: SessionRef,
        caller: &Caller,
    ) -> Result<Outcome, DecideError> {
        if !store::deny(tx, request.id, self.platform.clock.now()).await? {
            return Err(DecideError::Ended);
        }
        let event = Event::new(EventKind::DeviceCanceled, user.account, caller).session(user.session);
        self.audit.record(tx, event.detail(&*request.client_id)).await?;
        Ok(Outcome::Canceled)
    }
}

/// Returns all scopes that a device asks for.
fn wanted_scopes(request: &Request) -> Result<Scopes, StoreError> {
    let audiences = audiences(&request.audiences)?;
    Ok(union(audiences.iter().map(|audience| &audience.scopes.0)))
}

/// Returns whether the user's authentication is older than the client accepts (OpenID Connect Dynamic Client Registration §2,
/// `default_max_age`). One since the device's request is recent enough, however long the user takes to decide.
fn is_too_old(client: &Client, request: &Request, auth_time: Timestamp, now: Timestamp) -> bool {
    let max_age = client.metadata.default_max_age;
    let expired = |max_age: u32| auth_time + Duration::from_secs(max_age.into()) < now;
    auth_time < request.created_at && max_age.is_some_and(expired)
}
