//! Signing in with an email address and a password.
//! The response and its timing are the same for an unknown account, a wrong password and a disabled account.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Auth;
use super::attempt::Attempt;
use super::failures::is_exempt;
use super::opening::granted;
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::layers::note_account;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::LoginOutcome;
use crate::core::password::{Asker, HashError, Password, Verdict};
use crate::core::request_info::RequestInfo;
use crate::core::versions::CredentialVersion;
use crate::features::identity::accounts::{self, StoredCredentials};
use crate::features::identity::email_challenges::ChallengeError;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::operations::keys::IssueError;
use crate::features::sign_in::sessions::{NewSession, RefreshToken, Session, Tokens};
use crate::settings::EmailVerification;

/// The credentials of a sign-in.
pub struct Credentials {
    /// The email address; `None` if it is malformed, which must look like an unknown one.
    pub email: Option<Email>,
    /// The password as received.
    pub password: Password,
    /// The requested scopes; empty requests all scopes of the account.
    pub scopes: Scopes,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown account, wrong password or disabled account, indistinguishably.
    #[error("wrong email address or password")]
    Invalid,
    /// The password, of this version, is right, but the email address is not verified, which this server requires.
    #[error("the email address is not verified")]
    Unverified(CredentialVersion),
    /// The emailed link or code is not valid.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// Too many attempts.
    #[error("too many attempts")]
    Limited(Exceeded),
    /// The password could not be checked at the moment.
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
    /// Returns the outcome for the metrics.
    fn outcome(&self) -> LoginOutcome {
        match self {
            Self::Invalid | Self::Challenge(ChallengeError::Invalid | ChallengeError::Unbound) => LoginOutcome::Invalid,
            Self::Unverified(_) => LoginOutcome::Unverified,
            Self::Limited(_) | Self::Challenge(ChallengeError::Limited(_)) => LoginOutcome::Limited,
            Self::Hash(_) | Self::Challenge(ChallengeError::Hash(_)) => LoginOutcome::Overloaded,
            Self::Issue(_) | Self::Store(_) | Self::Challenge(ChallengeError::Store(_)) => LoginOutcome::Failed,
        }
    }
}

impl Auth {
    /// Signs in and returns the tokens of the new session.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(&self, credentials: Credentials, caller: &Caller) -> Result<Tokens, LoginError> {
        let first = self.sessions.first_token();
        let opened = self.open_by_password(credentials, caller, Some(&first)).await;
        self.counted(self.issued(opened, first).await)
    }

    /// Signs in a browser, without tokens.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn sign_in_browser(&self, credentials: Credentials, caller: &Caller) -> Result<Session, LoginError> {
        self.counted(self.open_by_password(credentials, caller, None).await)
    }

    /// Issues the tokens of a session that was just opened.
    pub(super) async fn issued(
        &self,
        opened: Result<Session, LoginError>,
        first: RefreshToken,
    ) -> Result<Tokens, LoginError> {
        let session = opened?;
        let ttl = self.platform.settings.tokens.access_ttl;
        Ok(self.sessions.issue(&session, first, ttl).await?)
    }

    /// Counts a sign-in by its outcome, for all front ends.
    pub(super) fn counted<T>(&self, ended: Result<T, LoginError>) -> Result<T, LoginError> {
        let outcome = ended
            .as_ref()
            .map_or_else(LoginError::outcome, |_| LoginOutcome::Success);
        self.platform.metrics.login(outcome);
        ended
    }

    /// Checks the limits, the account and the password, then opens the session. An attempt counts only if the password was
    /// checked.
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
            Err(LoginError::Invalid | LoginError::Unverified(_)) => attempt.was_wrong().await,
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
        // A hash that this client may no longer try is replaced by a dummy, which costs the same.
        let exempt = is_exempt(lane, request);
        let hash = stored
            .as_ref()
            .filter(|stored| self.may_try(stored, exempt))
            .map(|stored| stored.password_hash.as_str());
        let asker = attempt.asker(lane);
        let verdict = self
            .platform
            .hasher
            .verify_for(credentials.password.clone(), hash, asker.clone())
            .await?;
        let _turn = self.turns.wait(attempt).await;
        let counts = self
            .still_may_try(stored.as_ref().map(|stored| stored.id), exempt)
            .await?;
        let (Some(stored), true) = (&stored, counts && verdict.is_right()) else {
            self.record_failure(EventKind::SignIn, stored.as_ref(), caller).await?;
            return Err(LoginError::Invalid);
        };
        let right = &Right { stored, exempt };
        let required = self.platform.settings.email_verification == EmailVerification::Required;
        let accepted = if required && stored.email_verified_at.is_none() {
            let unverified = LoginError::Unverified(stored.credential_version);
            self.refuse_unverified(right, caller).await?.then_some(Err(unverified))
        } else {
            let rehashed = self.rehash_if_outdated(&credentials.password, verdict, asker).await;
            fail::fail_point!("login::verified");
            self.open_unless_changed(right, rehashed.as_deref(), &credentials.scopes, caller, refresh_token)
                .await?
                .map(Ok)
        };
        let Some(accepted) = accepted else {
            self.record_failure(EventKind::SignIn, Some(stored), caller).await?;
            return Err(LoginError::Invalid);
        };
        accepted
    }
}

/// An account whose password is right, as far as was known before the transaction that accepts it.
struct Right<'a> {
    stored: &'a StoredCredentials,
    /// Whether failures from elsewhere have no effect on the client.
    exempt: bool,
}

/// Returns the event of a sign-in with the right password that is refused.
fn refused(account: AccountId, caller: &Caller) -> Event<'_> {
    Event::new(EventKind::SignIn, account, caller)
        .refused()
        .detail("the email address is not verified")
}

impl Auth {
    /// Reserves an attempt per network, and per email address and network, so that failures from elsewhere cannot lock out
    /// the owner.
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

    /// Rehashes the password with the current parameters if the stored hash is outdated and the server is not overloaded.
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

    /// Records that the right password was refused because the email address is not verified. Returns whether the password
    /// is accepted at all.
    async fn refuse_unverified(&self, right: &Right<'_>, caller: &Caller) -> Result<bool, StoreError> {
        fail::fail_point!("login::unverified");
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let accepted = self.accepts(tx, right.stored.id, right.exempt).await?;
                    if accepted {
                        self.audit.record(tx, refused(right.stored.id, caller)).await?;
                    }
                    Ok(accepted)
                })
            })
            .await
    }

    /// Opens the session, unless the account was disabled, its password changed, all its sessions ended or its failures
    /// reached the limit since it was read.
    async fn open_unless_changed(
        &self,
        right: &Right<'_>,
        rehashed: Option<&str>,
        asked: &Scopes,
        caller: &Caller,
        refresh_token: Option<&RefreshToken>,
    ) -> Result<Option<Session>, StoreError> {
        let Right { stored, exempt } = *right;
        let now = self.platform.clock.now();
        let caller = &caller.proven(stored.id);
        let bit = self.revocations.allocate().await?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    if !self.accepts(tx, stored.id, exempt).await? {
                        return Ok(None);
                    }
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
