//! Signing in and out with a session cookie, by the API. The pages use `sign_in_browser` and its like.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Auth;
use super::email_sign_in::ProvenAccount;
use super::login::{Credentials, LoginError};
use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::layers::note_account;
use crate::core::request_info::RequestInfo;
use crate::features::identity::email_challenges::Answer;
use crate::features::sign_in::browser_sessions::{Browser, BrowserTokens};
use crate::features::sign_in::sessions::Session;

impl Auth {
    /// Signs in a browser with a password, and returns its cookies and its first access token.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login_browser(
        &self,
        credentials: Credentials,
        browser: &Browser,
        request: RequestInfo,
    ) -> Result<BrowserTokens, LoginError> {
        let caller = Caller::anyone(browser.request(request));
        let session = self.sign_in_browser(credentials, &caller).await?;
        self.replace(browser, session, caller.request).await
    }

    /// Signs in a browser with an emailed link or code, and returns its cookies and its first access token.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login_browser_by_email(
        &self,
        answer: Answer,
        handle: Option<HandleHash>,
        scopes: &Scopes,
        browser: &Browser,
        request: RequestInfo,
    ) -> Result<BrowserTokens, LoginError> {
        let caller = Caller::anyone(browser.request(request));
        let session = self.sign_in_browser_by_email(answer, handle, scopes, &caller).await?;
        self.replace(browser, session, caller.request).await
    }

    /// Signs in a browser that has just confirmed the account's email address and password, and returns its cookies and its
    /// first access token.
    ///
    /// # Errors
    /// [`LoginError::Invalid`] if the account may not sign in, or if its password was changed or its sessions were ended
    /// since. Or if signing or the database failed.
    pub async fn login_browser_after_confirmation(
        &self,
        account: ProvenAccount,
        browser: &Browser,
        request: RequestInfo,
    ) -> Result<BrowserTokens, LoginError> {
        let caller = Caller::anyone(browser.request(request));
        let session = self.sign_in_browser_after_confirmation(account, &caller).await?;
        self.replace(browser, session, caller.request).await
    }

    /// Ends the session of the browser's cookie. Succeeds too if it had already ended.
    ///
    /// # Errors
    /// If the database failed; the session may still be active then.
    pub async fn logout_browser(&self, browser: &Browser, request: RequestInfo) -> Result<(), StoreError> {
        let Some(found) = self.browsers.find(browser.cookies()).await? else {
            return Ok(());
        };
        let caller = Caller::account(found.who.account.id, request);
        self.logout(found.who.session_ref(), &caller).await
    }

    /// Ends the browser's previous session, and gives it the cookie of the new one. Grants that were bound to the previous
    /// one stay, if it is the same account.
    async fn replace(
        &self,
        browser: &Browser,
        session: Session,
        request: RequestInfo,
    ) -> Result<BrowserTokens, LoginError> {
        if let Some(found) = self.browsers.find(browser.cookies()).await? {
            let caller = Caller::account(found.who.account.id, request);
            self.replace_session(found.who.session_ref(), session.id, &caller)
                .await?;
        }
        // The request is the new account's.
        note_account(session.account_id);
        let tokens = self.browsers.begin(browser, session).await?;
        tokens.ok_or(LoginError::Invalid)
    }
}
