//! Issuing a token for any user. Its session is opened as at a sign-in, so that all endpoints treat it the same.

use std::time::Duration;

use countersign_guard::{AccessTokenClaims, Scopes};
use countersign_jose::Audience;
use countersign_store::StoreError;

use super::Dev;
use crate::core::caller::Caller;
use crate::core::email::NewEmail;
use crate::core::ids::{AccountId, SessionId};
use crate::features::identity::accounts::{self, AccountError};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::operations::keys::IssueError;
use crate::features::sign_in::sessions::{NewSession, RefreshToken, Session};

/// How many seconds before its expiry an expired token was issued.
const EXPIRED_TOKEN_LIVED: i64 = 60;

/// The properties of a requested token.
pub(crate) struct Wanted {
    pub(crate) user: User,
    /// Exactly these scopes, whether or not the account has them; `None` for all of its scopes.
    pub(crate) scopes: Option<Scopes>,
    /// `None` for the lifetime that a sign-in gives.
    pub(crate) lifetime: Option<Lifetime>,
    /// `None` for the configured audience.
    pub(crate) audience: Option<String>,
}

/// The user of a token.
pub(crate) enum User {
    /// An existing account.
    Known(AccountId),
    /// An account that is created if necessary.
    Address(NewEmail),
}

/// When a token expires.
pub(crate) enum Lifetime {
    /// After this duration, but not later than its session.
    Left(Duration),
    /// This duration ago. Its session is active.
    Over(Duration),
}

/// A token and its session.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_in: i64,
    pub(crate) refresh_token: RefreshToken,
    pub(crate) session: Session,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// No account has the requested id.
    #[error("no account has this ID")]
    UnknownUser,
    /// Disabled accounts get no sessions, not even here.
    #[error("the account is disabled")]
    Disabled,
    /// The account could not be created.
    #[error(transparent)]
    Register(#[from] AccountError),
    /// The token could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Dev {
    /// Opens a session and issues its token.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(crate) async fn issue(&self, wanted: Wanted, caller: &Caller) -> Result<Issued, TokenError> {
        let account = match wanted.user {
            User::Address(email) => self.find_or_make(email).await?.id,
            User::Known(id) => accounts::find(&self.platform.db, id)
                .await?
                .map(|found| found.id)
                .ok_or(TokenError::UnknownUser)?,
        };
        let refresh_token = self.sessions.first_token();
        let session = self
            .open(account, wanted.scopes.as_ref(), &refresh_token, caller)
            .await?
            .ok_or(TokenError::Disabled)?;
        let mut claims = match wanted.lifetime {
            Some(Lifetime::Left(ttl)) => self.sessions.claims(&session, ttl).await?,
            Some(Lifetime::Over(ago)) => self.expired(&session, ago).await?,
            None => {
                let ttl = self.platform.settings.tokens.access_ttl;
                self.sessions.claims(&session, ttl).await?
            }
        };
        if let Some(audience) = wanted.audience {
            claims.aud = Audience::from(vec![audience]);
        }
        let now = self.platform.clock.now();
        Ok(Issued {
            access_token: self.sessions.sign(&mut claims).await?,
            expires_in: claims.exp.saturating_sub(now.seconds()),
            refresh_token,
            session,
        })
    }

    /// Ends a session of any account. Returns whether it had not ended.
    pub(crate) async fn end_session(&self, session: SessionId, caller: &Caller) -> Result<bool, StoreError> {
        self.sessions.revoke(session, None, caller).await
    }

    /// Opens a session. `scopes` apply to the session only, so that one test does not affect the next.
    async fn open(
        &self,
        account: AccountId,
        scopes: Option<&Scopes>,
        refresh_token: &RefreshToken,
        caller: &Caller,
    ) -> Result<Option<Session>, StoreError> {
        let now = self.platform.clock.now();
        // The event is recorded as if the account had signed in.
        let caller = &caller.proven(account);
        let bit = self.revocations.allocate().await?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(versions) = accounts::may_sign_in(&mut *tx, account).await? else {
                        return Ok::<_, StoreError>(None);
                    };
                    accounts::sign_in(tx, account, now, None).await?;
                    let owned = accounts::scopes(&mut *tx, account).await?;
                    let new = NewSession {
                        account,
                        versions,
                        amr: "pwd",
                        scopes: scopes.unwrap_or(&owned),
                        caller,
                        bit,
                        refresh_token: Some(refresh_token),
                    };
                    let session = self.sessions.open(tx, &new).await?;
                    self.audit
                        .record(tx, Event::new(EventKind::SignIn, account, caller).session(session.id))
                        .await?;
                    Ok(Some(session))
                })
            })
            .await
    }

    /// Returns the claims of an expired token. It was issued, and its user signed in, before it expired, so it differs from
    /// others only in age.
    async fn expired(&self, session: &Session, ago: Duration) -> Result<AccessTokenClaims, StoreError> {
        let exp = (self.platform.clock.now() - ago).seconds();
        let iat = exp.saturating_sub(EXPIRED_TOKEN_LIVED);
        let mut claims = self.sessions.claims(session, Duration::ZERO).await?;
        claims.exp = exp;
        claims.iat = iat;
        claims.auth_time = Some(iat);
        Ok(claims)
    }
}
