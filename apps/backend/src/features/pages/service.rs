//! Which person sits before a browser.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use countersign_store::StoreError;

use super::assets::Assets;
use super::secret::CookieSecret;
use super::store;
use crate::core::ids::{SessionId, SessionRef};
use crate::core::layers::note_account;
use crate::core::platform::Platform;
use crate::features::accounts::{self, Account};
use crate::features::auth::Auth;
use crate::features::email_challenges::EmailChallenges;
use crate::features::recovery::Recovery;
use crate::features::sessions::{self, Session, Sessions};
use crate::features::verification::Verification;

/// A cookie that is in use is written anew at most this often, and at most so often in its lifetime.
const EXTEND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const EXTENDED_IN_A_LIFETIME: u32 = 10;
/// How often cookies that have ended are removed, and how many rows go in one statement.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 500;

/// What the pages are made of and what they call. Cloning it is cheap.
#[derive(Clone)]
pub struct Pages(Arc<Parts>);

/// The parts of [`Pages`].
pub struct Parts {
    pub(crate) platform: Platform,
    /// The style sheet and the script.
    pub(crate) assets: Assets,
    pub(crate) sessions: Sessions,
    pub(crate) challenges: EmailChallenges,
    pub(crate) auth: Auth,
    pub(crate) verification: Verification,
    pub(crate) recovery: Recovery,
}

impl Pages {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Pages {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Who a cookie stands for.
pub(super) struct Found {
    pub who: SignedIn,
    /// For how long the cookie lives from now on, if that has changed: the browser is to be told.
    pub extended: Option<Duration>,
}

/// Somebody who is signed in to the pages.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub account: Account,
    pub session: Session,
}

impl SignedIn {
    pub(super) fn session_ref(&self) -> SessionRef {
        SessionRef {
            account: self.account.id,
            session: self.session.id,
        }
    }
}

impl Pages {
    /// Gives a browser a cookie that stands for a session: a new one for each, so that none that was there before counts.
    pub(super) async fn issue_cookie(&self, session: SessionId) -> Result<CookieSecret, StoreError> {
        let (secret, now) = (CookieSecret::generate(self.platform.random), self.platform.clock.now());
        let expires_at = now + self.platform.settings.tokens.refresh_idle_ttl;
        store::insert(&self.platform.db, secret.hash(), session, now, expires_at).await?;
        Ok(secret)
    }

    /// Who a cookie stands for, if its session lives.
    pub(super) async fn find(&self, secret: &CookieSecret) -> Result<Option<Found>, StoreError> {
        let now = self.platform.clock.now();
        let Some(found) = store::find(&self.platform.db, secret.hash(), now).await? else {
            return Ok(None);
        };
        let Some(session) = sessions::find_living(&self.platform.db, found.session_id, now).await? else {
            return Ok(None);
        };
        let Some(account) = accounts::find(&self.platform.db, session.account_id).await? else {
            return Ok(None);
        };
        note_account(account.id);
        let lifetime = self.platform.settings.tokens.refresh_idle_ttl;
        let expires_at = now + lifetime;
        let rest = EXTEND_AFTER.min(lifetime / EXTENDED_IN_A_LIFETIME);
        let mut extended = expires_at > found.expires_at + rest;
        if extended && let Err(error) = store::extend(&self.platform.db, secret.hash(), expires_at).await {
            // The session is good for as long as it was: on a database that is read-only, people stay signed in.
            tracing::warn!(%error, "failed to extend a browser session; will retry on the next page");
            extended = false;
        }
        Ok(Some(Found {
            who: SignedIn { account, session },
            extended: extended.then_some(lifetime),
        }))
    }

    /// Removes cookies that have ended, until the process ends. Nothing relies on it.
    pub async fn sweep_forever(self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            match store::remove_ended(&self.platform.db, self.platform.clock.now(), BATCH).await {
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "failed to remove expired browser sessions; will retry"),
            }
        }
    }
}
