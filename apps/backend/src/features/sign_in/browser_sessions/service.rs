//! The session of a browser: its cookie, and its access tokens.

use std::time::Duration;

use countersign_store::{StoreError, Tx};
use http::{HeaderMap, HeaderValue};

use super::browser::Browser;
use super::secret::CookieSecret;
use super::store::{self, New};
use crate::core::cookie::HostCookie;
use crate::core::ids::{SessionId, SessionRef};
use crate::core::layers::note_account;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::CookieTokenOutcome;
use crate::core::platform::Platform;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, Account};
use crate::features::operations::keys::IssueError;
use crate::features::sign_in::sessions::{self, AccessToken, Session, Sessions};
use crate::settings::{ApplicationUrl, Origin};

/// The cookie that stands for a session at the issuer.
const SESSION: HostCookie = HostCookie("countersign");
/// The cookie that stands for a session at the host of an application, and is valid for that application only.
const APP_SESSION: HostCookie = HostCookie("countersign-app");
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
    pub(crate) sessions: Sessions,
}

impl AsRef<Platform> for BrowserSessions {
    fn as_ref(&self) -> &Platform {
        &self.platform
    }
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

/// An access token of a browser's session, its account, and the cookies to set. No `Debug`.
pub struct BrowserTokens {
    pub access: AccessToken,
    pub account: Account,
    pub cookies: Vec<HeaderValue>,
}

/// Why a browser gets no access token.
#[derive(Debug, thiserror::Error)]
pub enum CookieError {
    /// There is no cookie, or its session has ended.
    #[error("the browser is not signed in")]
    SignedOut,
    /// Too many access tokens for this session, or too many unknown cookies from this network.
    #[error("too many access tokens")]
    Limited(Exceeded),
    /// The access token could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CookieError {
    fn outcome(&self) -> CookieTokenOutcome {
        match self {
            Self::SignedOut => CookieTokenOutcome::SignedOut,
            Self::Limited(_) => CookieTokenOutcome::Limited,
            Self::Issue(_) | Self::Store(_) => CookieTokenOutcome::Failed,
        }
    }
}

impl BrowserSessions {
    /// Returns an access token of the browser's session.
    ///
    /// # Errors
    /// [`CookieError`]. A cookie of an ended session is not removed from the browser: another tab may have replaced it
    /// meanwhile.
    pub async fn token(&self, browser: &Browser, request: &RequestInfo) -> Result<BrowserTokens, CookieError> {
        let result = self.token_of_cookie(browser, request).await;
        let outcome = result
            .as_ref()
            .map_or_else(CookieError::outcome, |_| CookieTokenOutcome::Success);
        self.platform.metrics.cookie_token(outcome);
        result
    }

    async fn token_of_cookie(&self, browser: &Browser, request: &RequestInfo) -> Result<BrowserTokens, CookieError> {
        // Pages ask whether anyone is signed in. Without a cookie, the answer costs nothing and does not count.
        if !self.has_cookie(browser.cookies()) && self.app_secret(browser).is_none() {
            return Err(CookieError::SignedOut);
        }
        let Some(Found { who, extended }) = self.find_in(browser).await? else {
            self.count_unknown(request).await?;
            return Err(CookieError::SignedOut);
        };
        let mut reserved = self.platform.limits.reserve();
        let key = Key::of(Policy::CookieTokensPerSession).session(who.session.id.0);
        let rate = key.rate(&self.platform.settings.limits);
        reserved.spend(key, rate).await.map_err(CookieError::Limited)?;
        let tokens = self.tokens(who, extended.into_iter().collect()).await;
        match &tokens {
            Ok(_) => reserved.count(),
            Err(_) => reserved.give_back().await,
        }
        Ok(tokens?)
    }

    /// Counts a cookie without an active session against the network, as an unknown refresh token is. Cookies of others on
    /// the same network are not affected.
    async fn count_unknown(&self, request: &RequestInfo) -> Result<(), CookieError> {
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = request.prefix() {
            let key = Key::of(Policy::RefreshPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            reserved.spend(key, rate).await.map_err(CookieError::Limited)?;
        }
        reserved.count();
        Ok(())
    }

    /// Returns the user of the browser's cookie: of this host, or of the application's own host, whose proxy passes the
    /// request on.
    async fn find_in(&self, browser: &Browser) -> Result<Option<Found>, StoreError> {
        let Some((secret, origin)) = self.app_secret(browser).filter(|_| !self.has_cookie(browser.cookies())) else {
            return self.find(browser.cookies()).await;
        };
        let found = self.look_up(&secret, &origin).await?;
        Ok(found.map(|(who, _)| Found { who, extended: None }))
    }

    /// Returns the cookie of the page's own host, if the page is an application's.
    fn app_secret(&self, browser: &Browser) -> Option<(CookieSecret, Origin)> {
        let root = ApplicationUrl::read(&format!("{}/", browser.origin))?;
        let origin = root.origin();
        let secret = APP_SESSION.read(origin, browser.cookies())?.parse().ok()?;
        Some((secret, origin.clone()))
    }

    /// Returns the cookies and the first access token of a session that was just opened in this browser.
    ///
    /// # Errors
    /// If signing or the database failed, or the account was deleted meanwhile (`None`).
    pub async fn begin(&self, browser: &Browser, session: Session) -> Result<Option<BrowserTokens>, IssueError> {
        let Some(account) = accounts::find(&self.platform.db, session.account_id).await? else {
            return Ok(None);
        };
        let cookies = vec![
            self.issue(session.id).await?,
            browser.remembered(&self.platform.settings.issuer),
        ];
        self.tokens(SignedIn { account, session }, cookies).await.map(Some)
    }

    async fn tokens(&self, who: SignedIn, cookies: Vec<HeaderValue>) -> Result<BrowserTokens, IssueError> {
        let SignedIn { account, session } = who;
        let session = self.sessions.narrowed(session).await?;
        let ttl = self.platform.settings.tokens.of_cookies();
        Ok(BrowserTokens {
            access: self.sessions.issue_access(&session, ttl).await?,
            account,
            cookies,
        })
    }

    /// Returns whether a request has a well-formed session cookie.
    pub fn has_cookie(&self, headers: &HeaderMap) -> bool {
        self.secret(headers).is_some()
    }

    /// Creates a cookie that stands for a session, and returns its header. It is always new, so that a cookie set before
    /// sign-in is never valid.
    pub async fn issue(&self, session: SessionId) -> Result<HeaderValue, StoreError> {
        let (secret, now) = (CookieSecret::generate(self.platform.random), self.platform.clock.now());
        let expires_at = now + self.lifetime();
        let new = New {
            hash: secret.hash(),
            session,
            origin: &self.platform.settings.issuer,
            now,
            expires_at,
        };
        store::insert(&self.platform.db, &new).await?;
        Ok(self.header(&secret))
    }

    /// Replaces the cookies that stand for a session at the issuer, because its user was authenticated again: returns the
    /// header of a new one. The former ones are no longer valid.
    pub async fn renew(&self, tx: &mut Tx<'_>, session: SessionId) -> Result<HeaderValue, StoreError> {
        let (secret, now) = (CookieSecret::generate(self.platform.random), self.platform.clock.now());
        let origin: &Origin = &self.platform.settings.issuer;
        store::remove_of(tx, session, origin).await?;
        let new = New {
            hash: secret.hash(),
            session,
            origin,
            now,
            expires_at: now + self.lifetime(),
        };
        store::insert(tx, &new).await?;
        Ok(self.header(&secret))
    }

    /// Returns the header that removes the cookie.
    pub fn clear(&self) -> HeaderValue {
        SESSION.clear(&self.platform.settings.issuer)
    }

    /// Creates a cookie for the host of an application. A proxy asks about each request but cannot extend cookies, so the
    /// browser keeps it as long as the session can last; the server ends it earlier if it is not used.
    pub async fn issue_at(
        &self,
        tx: &mut Tx<'_>,
        origin: &Origin,
        session: &Session,
    ) -> Result<HeaderValue, StoreError> {
        let (secret, now) = (CookieSecret::generate(self.platform.random), self.platform.clock.now());
        let new = New {
            hash: secret.hash(),
            session: session.id,
            origin,
            now,
            expires_at: now + self.lifetime(),
        };
        store::insert(tx, &new).await?;
        let rest = self.platform.settings.tokens.refresh_absolute_ttl;
        Ok(APP_SESSION.set(origin, &secret.reveal(), Some(rest)))
    }

    /// Returns the header that removes the cookie at an origin.
    pub fn clear_at(&self, origin: &Origin) -> HeaderValue {
        self.cookie_at(origin).clear(origin)
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

    fn cookie_at(&self, origin: &Origin) -> HostCookie {
        match *origin == *self.platform.settings.issuer {
            true => SESSION,
            false => APP_SESSION,
        }
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

    /// Returns the user of a cookie, and whether its lifetime was extended.
    async fn look_up(&self, secret: &CookieSecret, origin: &Origin) -> Result<Option<(SignedIn, bool)>, StoreError> {
        let now = self.platform.clock.now();
        let Some(found) = store::find(&self.platform.db, secret.hash(), origin, now).await? else {
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
        SESSION.set(&self.platform.settings.issuer, &secret.reveal(), Some(self.kept_for()))
    }

    /// How long the browser keeps a cookie: as long as a session can last. Its session ends earlier if it is not used.
    /// Servers that render pages use the cookie without being able to renew it in the browser.
    fn kept_for(&self) -> Duration {
        self.platform.settings.tokens.refresh_absolute_ttl
    }

    /// How long a cookie is valid unless it is used.
    fn lifetime(&self) -> Duration {
        self.platform.settings.tokens.refresh_idle_ttl
    }
}
