//! The access tokens of a browser.

use countersign_store::StoreError;
use http::HeaderValue;

use super::{BrowserSessions, Found, SignedIn};
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::CookieTokenOutcome;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, Account};
use crate::features::operations::keys::IssueError;
use crate::features::sign_in::browser_sessions::browser::Browser;
use crate::features::sign_in::sessions::{AccessToken, Session};

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
        if let Some(prefix) = request.prefix() {
            let key = Key::of(Policy::RefreshPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            let spent = self.platform.limits.spend(key, rate).await;
            spent.map_err(CookieError::Limited)?;
        }
        Ok(())
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

    /// Returns an access token for a user's session, with the scopes that the account still has.
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
}
