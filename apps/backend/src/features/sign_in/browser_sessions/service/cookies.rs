//! Issuing, replacing and removing the cookies that stand for sessions.

use std::time::Duration;

use countersign_store::{StoreError, Tx};
use http::HeaderValue;

use super::BrowserSessions;
use crate::core::cookie::HostCookie;
use crate::core::ids::SessionId;
use crate::features::sign_in::browser_sessions::secret::CookieSecret;
use crate::features::sign_in::browser_sessions::store::{self, New};
use crate::features::sign_in::sessions::Session;
use crate::settings::Origin;

/// The cookie that stands for a session at the issuer.
pub(super) const SESSION: HostCookie = HostCookie("countersign");
/// The cookie that stands for a session on an application's host, and is valid for that application only.
pub(super) const APP_SESSION: HostCookie = HostCookie("countersign-app");

impl BrowserSessions {
    /// Creates a cookie that stands for a session, and returns its header. It is always new, so that a cookie set before
    /// sign-in is never valid.
    pub async fn issue(&self, session: SessionId) -> Result<HeaderValue, StoreError> {
        let secret = CookieSecret::generate(self.platform.random);
        let new = self.new_row(&secret, session, &self.platform.settings.issuer);
        store::insert(&self.platform.db, &new).await?;
        Ok(self.header(&secret))
    }

    /// Replaces the cookies that stand for a session at the issuer, because its user was authenticated again: returns the
    /// header of a new one. The former ones are no longer valid.
    pub async fn renew(&self, tx: &mut Tx<'_>, session: SessionId) -> Result<HeaderValue, StoreError> {
        let secret = CookieSecret::generate(self.platform.random);
        let origin: &Origin = &self.platform.settings.issuer;
        store::remove_of(tx, session, origin).await?;
        store::insert(tx, &self.new_row(&secret, session, origin)).await?;
        Ok(self.header(&secret))
    }

    /// Creates a cookie for an application's host. A proxy asks about each request but cannot extend cookies, so the
    /// browser keeps it as long as the session can last; the server ends it earlier if it is not used.
    pub async fn issue_at(
        &self,
        tx: &mut Tx<'_>,
        origin: &Origin,
        session: &Session,
    ) -> Result<HeaderValue, StoreError> {
        let secret = CookieSecret::generate(self.platform.random);
        store::insert(tx, &self.new_row(&secret, session.id, origin)).await?;
        Ok(APP_SESSION.set(origin, &secret.reveal(), Some(self.kept_for())))
    }

    fn new_row<'o>(&self, secret: &CookieSecret, session: SessionId, origin: &'o Origin) -> New<'o> {
        let now = self.platform.clock.now();
        New {
            hash: secret.hash(),
            session,
            origin,
            now,
            expires_at: now + self.lifetime(),
        }
    }

    /// Returns the header that removes the cookie.
    pub fn clear(&self) -> HeaderValue {
        SESSION.clear(&self.platform.settings.issuer)
    }

    /// Returns the header that removes the cookie at an origin.
    pub fn clear_at(&self, origin: &Origin) -> HeaderValue {
        self.cookie_at(origin).clear(origin)
    }

    /// Returns the cookie that stands for a session at an origin.
    pub(super) fn cookie_at(&self, origin: &Origin) -> HostCookie {
        match *origin == *self.platform.settings.issuer {
            true => SESSION,
            false => APP_SESSION,
        }
    }

    /// Returns the header that sets the issuer's cookie.
    pub(super) fn header(&self, secret: &CookieSecret) -> HeaderValue {
        SESSION.set(&self.platform.settings.issuer, &secret.reveal(), Some(self.kept_for()))
    }

    /// How long the browser keeps a cookie: as long as a session can last. Its session ends earlier if it is not used.
    /// Servers that render pages use the cookie without being able to renew it in the browser.
    fn kept_for(&self) -> Duration {
        self.platform.settings.tokens.refresh_absolute_ttl
    }
}
