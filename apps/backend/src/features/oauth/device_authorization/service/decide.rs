//! The user's decision (RFC 8628 §3.3).

use std::time::Duration;

use countersign_store::{StoreError, Tx};

use super::DeviceAuthorization;
use super::claim::Browser;
use super::stored::{written, written_ids};
use super::wanted::wanted_scopes;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, DeviceRequestId, SessionRef};
use crate::core::language::Language;
use crate::features::identity::accounts;
use crate::features::oauth::apis;
use crate::features::oauth::authorization::{GrantableAccess, Permission};
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

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    Canceled,
    /// The user allowed it, and can give nothing of what the device asks for any more.
    Denied,
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
                        // Also if its client or an API is gone meanwhile.
                        let event = Event::new(EventKind::DeviceCanceled, user.account, caller);
                        let is_canceled = self.deny(tx, &request, user, event).await?;
                        return is_canceled.then_some(Outcome::Canceled).ok_or(DecideError::Ended);
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
                        let event = Event::new(EventKind::DeviceAllowed, user.account, caller).refused();
                        let is_denied = self.deny(tx, &request, user, event).await?;
                        return is_denied.then_some(Outcome::Denied).ok_or(DecideError::Ended);
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

    /// Denies a request, and records this event. Returns whether it was not decided before.
    pub(super) async fn deny(
        &self,
        tx: &mut Tx<'_>,
        request: &Request,
        user: SessionRef,
        event: Event<'_>,
    ) -> Result<bool, StoreError> {
        if !store::deny(tx, request.id, self.platform.clock.now()).await? {
            return Ok(false);
        }
        let event = event.session(user.session).detail(&*request.client_id);
        self.audit.record(tx, event).await?;
        Ok(true)
    }
}

/// Returns whether the user's authentication is older than the client accepts (OpenID Connect Dynamic Client Registration §2,
/// `default_max_age`). One since the device's request is recent enough, however long the user takes to decide.
fn is_too_old(client: &Client, request: &Request, auth_time: Timestamp, now: Timestamp) -> bool {
    let max_age = client.metadata.default_max_age;
    let expired = |max_age: u32| auth_time + Duration::from_secs(max_age.into()) < now;
    auth_time < request.created_at && max_age.is_some_and(expired)
}
