//! Finding the session of a browser.

use std::time::Duration;

use countersign_store::StoreError;
use http::{HeaderMap, HeaderValue};

use super::secret::CookieSecret;
use super::store;
use crate::core::cookie::HostCookie;
use crate::core::ids::{SessionId, SessionRef};
use crate::core::layers::note_account;
use crate::core::platform::Platform;
use crate::features::accounts::{self, Account};
use crate::features::sessions::{self, Session};

/// The cookie that stands for a session.
const SESSION: HostCookie = HostCookie("countersign");
/// The minimum time between extensions of a cookie in use, and the maximum number of them in its lifetime. The shorter
/// interval applies.
const EXTEND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const EXTENDED_IN_A_LIFETIME: u32 = 10;
/// How often expired cookies are removed, and how many per statement.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 500;

/// The sessions of browsers. Cheap to clone.
#[derive(Clone)]
pub struct BrowserSessions {
    pub(crate) platform: Platform,
}

/// The user that a cookie stands for.
pub struct Found {
    pub who: SignedIn,
    /// The header that extends the cookie in the browser, if its lifetime was extended.
    pub extended: Option<HeaderValue>,
}

/// A user who is signed in with a browser.
#[derive(Clone)]
pub struct SignedIn {
    pub account: Account,
    pub session: Session,
}

impl SignedIn {
    pub fn session_ref(&self) -> SessionRef {
        SessionRef {
            account: self.account.id,
            session: self.session.id,
        }
    }
}

impl BrowserSessions {
    /// Creates a cookie that stands for a session, and returns its header. It is always new, so that a cookie set before
    /// sign-in is never valid.
    pub async fn issue(&self, session: SessionId) -> Result<HeaderValue, StoreError> {
        let (secret, now) = (CookieSecret::generate(self.platform.random), self.platform.clock.now());
        let expires_at = now + self.lifetime();
        store::insert(&self.platform.db, secret.hash(), session, now, expires_at).await?;
        Ok(self.header(&secret))
    }

    /// Returns the header that removes the cookie.
    pub fn clear(&self) -> HeaderValue {
        SESSION.clear(&self.platform.settings.issuer)
    }

    /// Returns the user that the cookie of a request stands for, if its session is active.
    pub async fn find(&self, headers: &HeaderMap) -> Result<Option<Found>, StoreError> {
        let Some(secret) = self.secret(headers) else {
            return Ok(None);
        };
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
        let expires_at = now + self.lifetime();
        let rest = EXTEND_AFTER.min(self.lifetime() / EXTENDED_IN_A_LIFETIME);
        let mut extended = expires_at > found.expires_at + rest;
        if extended && let Err(error) = store::extend(&self.platform.db, secret.hash(), expires_at).await {
            // The session stays valid until its previous expiry, so users remain signed in if the database is read-only.
            tracing::warn!(%error, "failed to extend a browser session; will retry at the next request");
            extended = false;
        }
        Ok(Some(Found {
            who: SignedIn { account, session },
            extended: extended.then(|| self.header(&secret)),
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

    fn secret(&self, headers: &HeaderMap) -> Option<CookieSecret> {
        SESSION.read(&self.platform.settings.issuer, headers)?.parse().ok()
    }

    fn header(&self, secret: &CookieSecret) -> HeaderValue {
        SESSION.set(&self.platform.settings.issuer, &secret.reveal(), Some(self.lifetime()))
    }

    /// How long a cookie is valid unless it is used.
    fn lifetime(&self) -> Duration {
        self.platform.settings.tokens.refresh_idle_ttl
    }
}
