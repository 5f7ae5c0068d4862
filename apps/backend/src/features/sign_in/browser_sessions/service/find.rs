//! The user that the cookie of a request stands for.

use std::time::Duration;

use countersign_store::StoreError;
use http::{HeaderMap, HeaderValue};

use super::BrowserSessions;
use super::cookies::{APP_SESSION, SESSION};
use crate::core::ids::{SessionId, SessionRef};
use crate::core::layers::note_account;
use crate::features::identity::accounts::Account;
use crate::features::sign_in::browser_sessions::browser::Browser;
use crate::features::sign_in::browser_sessions::secret::CookieSecret;
use crate::features::sign_in::browser_sessions::store;
use crate::features::sign_in::sessions::{self, Session};
use crate::settings::{ApplicationUrl, Origin};

/// The minimum time between extensions of a cookie in use, and the maximum number of them in its lifetime. The shorter
/// interval applies.
const EXTEND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const EXTENDED_IN_A_LIFETIME: u32 = 10;

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
    /// Returns the ids of the account and the session.
    pub fn session_ref(&self) -> SessionRef {
        SessionRef {
            account: self.account.id,
            session: self.session.id,
        }
    }
}

impl BrowserSessions {
    /// Returns whether a request has a well-formed session cookie.
    pub fn has_cookie(&self, headers: &HeaderMap) -> bool {
        self.secret(headers).is_some()
    }

    /// Returns the user that the cookie of a request stands for, if its session is active.
    pub async fn find(&self, headers: &HeaderMap) -> Result<Option<Found>, StoreError> {
        let Some(secret) = self.secret(headers) else {
            return Ok(None);
        };
        let found = self.look_up(&secret, &self.platform.settings.issuer).await?;
        Ok(found.map(|(who, extended)| Found {
            who,
            extended: extended.then(|| self.header(&secret)),
        }))
    }

    /// Returns the user that the cookie of a request to an origin stands for, if its session is active. A cookie of another
    /// origin stands for no one.
    pub async fn find_at(&self, origin: &Origin, headers: &HeaderMap) -> Result<Option<SignedIn>, StoreError> {
        let secret = self.cookie_at(origin).read(origin, headers);
        let Some(secret) = secret.and_then(|text| text.parse().ok()) else {
            return Ok(None);
        };
        Ok(self.look_up(&secret, origin).await?.map(|(who, _)| who))
    }

    /// Returns the user of the browser's cookie: of this host, or of the application's own host, whose proxy passes the
    /// request on.
    pub(super) async fn find_in(&self, browser: &Browser) -> Result<Option<Found>, StoreError> {
        let Some((secret, origin)) = self.app_secret(browser).filter(|_| !self.has_cookie(browser.cookies())) else {
            return self.find(browser.cookies()).await;
        };
        let found = self.look_up(&secret, &origin).await?;
        Ok(found.map(|(who, _)| Found { who, extended: None }))
    }

    /// Returns the cookie of the page's own host, if the page is an application's.
    pub(super) fn app_secret(&self, browser: &Browser) -> Option<(CookieSecret, Origin)> {
        let root = ApplicationUrl::read(&format!("{}/", browser.origin))?;
        let origin = root.origin();
        let secret = APP_SESSION.read(origin, browser.cookies())?.parse().ok()?;
        Some((secret, origin.clone()))
    }

    /// Returns the user of a cookie, and whether its lifetime was extended.
    async fn look_up(&self, secret: &CookieSecret, origin: &Origin) -> Result<Option<(SignedIn, bool)>, StoreError> {
        let now = self.platform.clock.now();
        let Some(found) = store::find(&self.platform.db, secret.hash(), origin, now).await? else {
            return Ok(None);
        };
        let store::Found {
            session,
            account,
            expires_at,
        } = found;
        note_account(account.id);
        let rest = EXTEND_AFTER.min(self.lifetime() / EXTENDED_IN_A_LIFETIME);
        let mut extended = now + self.lifetime() > expires_at + rest;
        if extended && let Err(error) = self.extend(secret, session.id).await {
            // The session stays valid until its previous expiry, so users remain signed in if the database is read-only.
            tracing::warn!(%error, "failed to extend a browser session; will retry at the next request");
            extended = false;
        }
        Ok(Some((SignedIn { account, session }, extended)))
    }

    /// Extends a cookie in use, and notes when its session was last seen.
    async fn extend(&self, secret: &CookieSecret, session: SessionId) -> Result<(), StoreError> {
        let now = self.platform.clock.now();
        store::extend(&self.platform.db, secret.hash(), now + self.lifetime()).await?;
        sessions::saw(&self.platform.db, session, now).await
    }

    /// Returns the cookie of a request, if it is well-formed.
    fn secret(&self, headers: &HeaderMap) -> Option<CookieSecret> {
        SESSION.read(&self.platform.settings.issuer, headers)?.parse().ok()
    }
}
