//! Finding the session of a browser.

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

/// The minimum time between extensions of a cookie in use, and the maximum number of them in its lifetime. The shorter
/// interval applies.
const EXTEND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const EXTENDED_IN_A_LIFETIME: u32 = 10;
/// How often expired cookies are removed, and how many per statement.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 500;

/// The dependencies of the pages. Cloning is cheap.
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

/// The user that a cookie stands for.
pub(super) struct Found {
    pub who: SignedIn,
    /// The new lifetime of the cookie, if it was extended; the browser must be told.
    pub extended: Option<Duration>,
}

/// A user who is signed in to the pages.
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
    /// Creates a cookie that stands for a session. It is always new, so that a cookie set before sign-in is never valid.
    pub(super) async fn issue_cookie(&self, session: SessionId) -> Result<CookieSecret, StoreError> {
        let (secret, now) = (CookieSecret::generate(self.platform.random), self.platform.clock.now());
        let expires_at = now + self.platform.settings.tokens.refresh_idle_ttl;
        store::insert(&self.platform.db, secret.hash(), session, now, expires_at).await?;
        Ok(secret)
    }

    /// Returns the user that a cookie stands for, if its session is active.
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
            // The session stays valid until its previous expiry, so users remain signed in if the database is read-only.
            tracing::warn!(%error, "failed to extend a browser session; will retry on the next page");
            extended = false;
        }
        Ok(Some(Found {
            who: SignedIn { account, session },
            extended: extended.then_some(lifetime),
        }))
    }

    /// Removes expired cookies until the process ends. Nothing depends on it.
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
