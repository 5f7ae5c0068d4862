//! Signing in and out with a session cookie, by the API. The pages use `sign_in_browser` and its like.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Auth;
use super::email_sign_in::ProvenAccount;
use super::login::{Credentials, LoginError};
use super::sign_up::{SignUp, SignUpError, SignedUp};
use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::ids::SessionId;
use crate::core::layers::note_account;
use crate::core::request_info::RequestInfo;
use crate::features::identity::email_challenges::Answer;
use crate::features::sign_in::browser_sessions::{Browser, BrowserTokens};
use crate::features::sign_in::sessions::Session;

impl Auth {
    /// Signs up in a browser and signs it in. Returns its cookies and its first access token, unless the sign-up continues with
    /// the email.
    ///
    /// # Errors
    /// [`SignUpError`].
    pub async fn register_browser(
        &self,
        sign_up: SignUp,
        browser: &Browser,
        request: RequestInfo,
    ) -> Result<SignedUp<BrowserTokens>, SignUpError> {
        let caller = Caller::anyone(browser.request(request));
        match self.sign_up_browser(sign_up, &caller).await? {
            SignedUp::Asked => Ok(SignedUp::Asked),
            SignedUp::Made(session) => {
                let tokens = self.replace(browser, session, caller.request).await;
                tokens.map(SignedUp::Made).map_err(SignUpError::SignIn)
            }
        }
    }

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

    /// Returns the browser, if its cookie stands for this session.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn browser_of(
        &self,
        session: SessionId,
        browser: Option<Browser>,
    ) -> Result<Option<Browser>, StoreError> {
        let Some(browser) = browser else {
            return Ok(None);
        };
        let found = self.browsers.find(browser.cookies()).await?;
        Ok(found.filter(|found| found.who.session.id == session).map(|_| browser))
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
