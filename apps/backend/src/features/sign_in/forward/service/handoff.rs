//! The hand-off: a browser that is signed in to the pages gets a separate cookie on an application's host.

use std::time::Duration;

use countersign_store::StoreError;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;

use super::Forward;
use crate::core::caller::Caller;
use crate::core::cleanup;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::HandoffOutcome;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::features::sign_in::forward::cookies;
use crate::features::sign_in::forward::place::{CALLBACK, Place};
use crate::features::sign_in::forward::secret::{HandoffCode, StateHash, StateSecret};
use crate::features::sign_in::forward::store::{self, Handoff};
use crate::features::sign_in::sessions;
use crate::settings::ApplicationUrl;

/// The lifetime of a code, which a browser uses at once.
const LIFETIME: Duration = Duration::from_secs(60);

/// Why no code was made.
#[derive(Debug, thiserror::Error)]
pub enum HandoffError {
    #[error(transparent)]
    Limited(#[from] Exceeded),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a browser was not signed in to an application.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// The code is unknown, expired, used, of another application or of another browser, or its session has ended.
    #[error("the code does not belong to this browser")]
    Invalid,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A browser that was signed in to an application.
pub struct Completed {
    pub cookie: HeaderValue,
    /// The page that it wanted.
    pub url: String,
}

impl Forward {
    /// Makes a code for a browser that is signed in, and returns the URL that uses it.
    ///
    /// # Errors
    /// [`HandoffError`].
    pub async fn hand_off(
        &self,
        who: &SignedIn,
        to: &ApplicationUrl,
        state: StateHash,
    ) -> Result<String, HandoffError> {
        let key = Key::of(Policy::HandoffsPerAccount).account(who.account.id.0);
        let spent = self
            .platform
            .limits
            .spend(key, key.rate(&self.platform.settings.limits))
            .await;
        if let Err(exceeded) = spent {
            self.platform.metrics.handoff(HandoffOutcome::Limited);
            return Err(exceeded.into());
        }
        let code = HandoffCode::generate(self.platform.random);
        let handoff = Handoff {
            session_id: who.session.id,
            origin: to.origin().as_str().to_owned(),
            state_hash: state,
            url: to.as_str().to_owned(),
            expires_at: self.platform.clock.now() + LIFETIME,
        };
        store::insert(&self.platform.db, code.hash(), &handoff).await?;
        Ok(format!("{}{CALLBACK}?code={}", handoff.origin, code.reveal()))
    }

    /// Signs a browser in to an application with a code. The code is used up in any case.
    ///
    /// # Errors
    /// [`CompleteError`].
    pub async fn complete(
        &self,
        place: &Place,
        code: &str,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<Completed, CompleteError> {
        let Ok(code) = code.parse::<HandoffCode>() else {
            return Err(CompleteError::Invalid);
        };
        if !store::exists(&self.platform.db, code.hash()).await? {
            self.platform.metrics.handoff(HandoffOutcome::Invalid);
            return Err(CompleteError::Invalid);
        }
        let (now, state) = (self.platform.clock.now(), cookies::state(&place.origin, headers));
        let state = state.as_ref().map(StateSecret::hash);
        let (code, origin) = (code.hash(), &place.origin);
        let completed = self
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let Some(handoff) = store::take(tx, code).await? else {
                        return Ok::<_, StoreError>(None);
                    };
                    let is_own = state.is_some_and(|state| state.0.ct_eq(&handoff.state_hash.0).into());
                    if !is_own || handoff.expires_at <= now || handoff.origin != origin.as_str() {
                        return Ok(None);
                    }
                    let Some(session) = sessions::lock_active(tx, handoff.session_id, now).await? else {
                        return Ok(None);
                    };
                    let cookie = self.browsers.issue_at(tx, origin, &session).await?;
                    let by = Caller::account(session.account_id, caller.request.clone());
                    let event = Event::new(EventKind::ApplicationEntered, session.account_id, &by);
                    let event = event.session(session.id).detail(origin.as_str());
                    self.audit.record(tx, event).await?;
                    let url = handoff.url;
                    Ok(Some(Completed { cookie, url }))
                })
            })
            .await?;
        let outcome = match completed {
            Some(_) => HandoffOutcome::Success,
            None => HandoffOutcome::Invalid,
        };
        self.platform.metrics.handoff(outcome);
        completed.ok_or(CompleteError::Invalid)
    }

    /// Removes expired codes until the process ends. Nothing depends on it.
    pub async fn sweep_forever(self) {
        cleanup::sweep_forever("expired hand-offs", LIFETIME, || self.sweep_once()).await;
    }

    /// Removes one batch. Returns the number of rows; the caller repeats it while there are more.
    pub async fn sweep_once(&self) -> Result<u64, StoreError> {
        store::remove_ended(&self.platform.db, self.platform.clock.now(), cleanup::BATCH).await
    }
}
