//! Signing in with an address and a password.
//! An unknown account, a wrong password and a disabled account are the same in answer and cost.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Auth;
use super::attempt::Attempt;
use super::opening::granted;
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::layers::note_account;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::LoginOutcome;
use crate::core::password::{Asker, HashError, Password, Verdict};
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{self, StoredCredentials};
use crate::features::audit::{self, Event, EventKind};
use crate::features::email_challenges::ChallengeError;
use crate::features::keys::IssueError;
use crate::features::sessions::{NewSession, RefreshToken, Session, Tokens};
use crate::settings::EmailVerification;

/// What somebody signs in with.
pub struct Credentials {
    /// The address; `None` if the text is none, which must look like an unknown one.
    pub email: Option<Email>,
    /// The password, as it was received.
    pub password: Password,
    /// The scopes asked for; empty asks for all that the account owns.
    pub scopes: Scopes,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown account, wrong password, disabled account: all the same.
    #[error("wrong email address or password")]
    Invalid,
    /// The password is right, and the address is not proven, which this server requires.
    #[error("the email address is not verified")]
    Unverified,
    /// The mailed link or code is not valid.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// Too many attempts.
    #[error("too many attempts")]
    Limited(Exceeded),
    /// The password could not be checked just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The access token could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// What it is counted as.
    fn outcome(&self) -> LoginOutcome {
        match self {
            Self::Invalid | Self::Challenge(ChallengeError::Invalid | ChallengeError::Unbound) => LoginOutcome::Invalid,
            Self::Unverified => LoginOutcome::Unverified,
            Self::Limited(_) | Self::Challenge(ChallengeError::Limited(_)) => LoginOutcome::Limited,
            Self::Hash(_) | Self::Challenge(ChallengeError::Hash(_)) => LoginOutcome::Overloaded,
            Self::Issue(_) | Self::Store(_) | Self::Challenge(ChallengeError::Store(_)) => LoginOutcome::Failed,
        }
    }
}

impl Auth {
    /// Signs in, and gives the tokens of the new session.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(&self, credentials: Credentials, caller: &Caller) -> Result<Tokens, LoginError> {
        let first = self.sessions.first_token();
        let opened = self.open_by_password(credentials, caller, Some(&first)).await;
        self.counted(self.issued(opened, first).await)
    }

    /// Signs in, for a browser that needs no tokens.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn sign_in_browser(&self, credentials: Credentials, caller: &Caller) -> Result<Session, LoginError> {
        self.counted(self.open_by_password(credentials, caller, None).await)
    }

    /// The tokens of a session that was just opened.
    pub(super) async fn issued(
        &self,
        opened: Result<Session, LoginError>,
        first: RefreshToken,
    ) -> Result<Tokens, LoginError> {
        let session = opened?;
        let ttl = self.platform.settings.tokens.access_ttl;
        Ok(self.sessions.issue(&session, first, ttl).await?)
    }

    /// Counts a sign-in by how it ended: every front end comes through here.
    pub(super) fn counted<T>(&self, ended: Result<T, LoginError>) -> Result<T, LoginError> {
        let outcome = ended
            .as_ref()
            .map_or_else(LoginError::outcome, |_| LoginOutcome::Success);
        self.platform.metrics.login(outcome);
        ended
    }

    /// Limits, account, password, session, in this order. Only a verdict counts.
    async fn open_by_password(
        &self,
        credentials: Credentials,
        caller: &Caller,
        refresh_token: Option<&RefreshToken>,
    ) -> Result<Session, LoginError> {
        let attempt = self.reserve_login(credentials.email.as_ref(), &caller.request).await?;
        let opened = self.open_if_right(&credentials, caller, &attempt, refresh_token).await;
        match &opened {
            Ok(_) => attempt.was_right().await.count(),
            Err(LoginError::Invalid | LoginError::Unverified) => attempt.was_wrong().await,
            Err(_) => attempt.was_not_judged().await,
        }
        opened
    }

    async fn open_if_right(
        &self,
        credentials: &Credentials,
        caller: &Caller,
        attempt: &Attempt,
        refresh_token: Option<&RefreshToken>,
    ) -> Result<Session, LoginError> {
        let stored = match &credentials.email {
            Some(email) => accounts::credentials_by_email(&self.platform.db, email).await?,
            None => None,
        };
        if let Some(stored) = &stored {
            note_account(stored.id);
        }
        let request = &caller.request;
        let lane = self.lane(stored.as_ref().map(|stored| stored.id), request).await?;
        // A hash that may not be tried any more from here is replaced by the dummy, which costs the same.
        let may_try = match &stored {
            Some(stored) => self.may_try_from(stored, request).await?,
            None => false,
        };
        let hash = stored
            .as_ref()
            .filter(|_| may_try)
            .map(|stored| stored.password_hash.as_str());
        let asker = attempt.asker(lane);
        let verdict = self
            .platform
            .hasher
            .verify_for(credentials.password.clone(), hash, asker.clone())
            .await?;
        let counts = self
            .still_may_try(stored.as_ref().map(|stored| stored.id), request)
            .await?;
        let (Some(stored), true) = (&stored, counts && verdict.is_right()) else {
            self.record_failure(EventKind::SignIn, stored.as_ref(), caller).await?;
            return Err(LoginError::Invalid);
        };
        if self.platform.settings.email_verification == EmailVerification::Required
            && stored.email_verified_at.is_none()
        {
            audit::record_alone(&self.platform.db, &self.platform.clock, refused(stored.id, caller)).await?;
            return Err(LoginError::Unverified);
        }
        let rehashed = self.rehash_if_outdated(&credentials.password, verdict, asker).await;
        fail::fail_point!("login::verified");
        let Some(session) = self
            .open_unless_changed(stored, rehashed.as_deref(), &credentials.scopes, caller, refresh_token)
            .await?
        else {
            self.record_failure(EventKind::SignIn, Some(stored), caller).await?;
            return Err(LoginError::Invalid);
        };
        Ok(session)
    }
}

/// The password was right, and yet nobody is let in.
fn refused(account: AccountId, caller: &Caller) -> Event<'_> {
    Event::new(EventKind::SignIn, account, caller)
        .refused()
        .detail("the email address is not verified")
}

impl Auth {
    /// Per network, and per address and network: whoever fails elsewhere cannot lock the owner out here.
    async fn reserve_login(&self, email: Option<&Email>, request: &RequestInfo) -> Result<Attempt, LoginError> {
        let subject = email.map_or("", Email::key);
        let limits = request.prefix().map(|prefix| {
            [
                Key::of(Policy::LoginPerAddress).address(prefix),
                Key::of(Policy::LoginPerAccount).identifier(subject).address(prefix),
            ]
        });
        let limits = limits.as_ref().map_or(&[][..], |limits| &limits[..]);
        Attempt::reserve(&self.platform, subject, request, limits)
            .await
            .map_err(LoginError::Limited)
    }

    /// The hash of current parameters, if the stored one is outdated and there is time for it.
    async fn rehash_if_outdated(&self, password: &Password, verdict: Verdict, asker: Asker) -> Option<String> {
        if verdict != Verdict::RightButOutdated {
            return None;
        }
        match self.platform.hasher.rehash_for(password.clone(), asker).await {
            Ok(hash) => Some(hash),
            Err(error) => {
                tracing::debug!(%error, "failed to rehash an outdated password; will retry at the next sign-in");
                None
            }
        }
    }

    /// Opens the session, unless the account was disabled, its password changed or all its sessions ended since it was read.
    async fn open_unless_changed(
        &self,
        stored: &StoredCredentials,
        rehashed: Option<&str>,
        asked: &Scopes,
        caller: &Caller,
        refresh_token: Option<&RefreshToken>,
    ) -> Result<Option<Session>, StoreError> {
        let now = self.platform.clock.now();
        let caller = &caller.proven(stored.id);
        let bit = self.revocations.allocate().await?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(versions) = accounts::may_sign_in(&mut *tx, stored.id).await? else {
                        return Ok(None);
                    };
                    let seen = (stored.credential_version, stored.session_epoch);
                    if (versions.credential_version, versions.session_epoch) != seen {
                        return Ok(None);
                    }
                    accounts::sign_in(tx, stored.id, now, rehashed).await?;
                    let new = NewSession {
                        account: stored.id,
                        versions,
                        amr: "pwd",
                        scopes: &granted(tx, stored.id, asked).await?,
                        caller,
                        bit,
                        refresh_token,
                    };
                    self.open_session(tx, &new).await.map(Some)
                })
            })
            .await
    }
}
