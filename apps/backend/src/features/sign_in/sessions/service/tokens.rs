//! The tokens of a session: an access token (RFC 9068) and a refresh token.

use std::time::Duration;

use countersign_guard::AccessTokenClaims;
use countersign_jose::{Audience, RequiredClaims, SignError, Subject};
use countersign_store::StoreError;

use super::Sessions;
use crate::core::ids::{AccountId, uuid_v7};
use crate::core::layers::note_account;
use crate::features::identity::accounts;
use crate::features::operations::keys::IssueError;
use crate::features::sign_in::sessions::refresh_token::RefreshToken;
use crate::features::sign_in::sessions::store::Session;
use crate::settings::UserClaim;

/// The two tokens of a session, with the fields of RFC 6749 §5.1. No `Debug`.
pub struct Tokens {
    /// A signed JWT of type `at+jwt`.
    pub access_token: String,
    /// The lifetime of the access token in seconds.
    pub expires_in: i64,
    /// Can be used once, for the next pair of tokens.
    pub refresh_token: RefreshToken,
    /// The scopes of the session, separated by spaces; empty if it has none.
    pub scope: String,
}

/// An access token. No `Debug`.
pub struct AccessToken {
    /// A signed JWT of type `at+jwt`.
    pub token: String,
    /// Its lifetime in seconds.
    pub expires_in: i64,
    /// The scopes of the session, separated by spaces; empty if it has none.
    pub scope: String,
}

impl Sessions {
    /// Signs an access token that is valid for `ttl`, but not longer than the session, and returns it with `refresh_token`.
    ///
    /// # Errors
    /// [`IssueError`] if the key or the database failed.
    pub async fn issue(
        &self,
        session: &Session,
        refresh_token: RefreshToken,
        ttl: Duration,
    ) -> Result<Tokens, IssueError> {
        let access = self.issue_access(session, ttl).await?;
        Ok(Tokens {
            access_token: access.token,
            expires_in: access.expires_in,
            refresh_token,
            scope: access.scope,
        })
    }

    /// Signs an access token that is valid for `ttl`, but not longer than the session.
    ///
    /// # Errors
    /// [`IssueError`] if the key or the database failed.
    pub async fn issue_access(&self, session: &Session, ttl: Duration) -> Result<AccessToken, IssueError> {
        note_account(session.account_id);
        let mut claims = self.claims(session, ttl).await?;
        Ok(AccessToken {
            token: self.sign(&mut claims).await?,
            expires_in: claims.exp - claims.iat,
            scope: session.scope.clone(),
        })
    }

    /// Signs an access token. Claims about the user are left out if the token would be too long: a long name must not keep
    /// its owner from signing in.
    ///
    /// # Errors
    /// [`IssueError`] if the key or the database failed, or the token is too long without them.
    pub async fn sign(&self, claims: &mut AccessTokenClaims) -> Result<String, IssueError> {
        loop {
            match self.keys.issue(claims, self.platform.clock.now()).await {
                Err(IssueError::Sign(SignError::TooLong)) if claims.name.is_some() => claims.name = None,
                Err(IssueError::Sign(SignError::TooLong)) if claims.email.is_some() => {
                    claims.email = None;
                    claims.email_verified = None;
                }
                signed => return signed,
            }
        }
    }

    /// The claims of an access token that is valid for `ttl`, but not longer than the session. Those about the user are read
    /// each time, so that a change is in the next token.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn claims(&self, session: &Session, ttl: Duration) -> Result<AccessTokenClaims, StoreError> {
        let now = self.platform.clock.now();
        let expires_at = (now + ttl).min(session.expires_at);
        let required = RequiredClaims {
            iss: self.platform.settings.issuer.as_str().to_owned(),
            sub: Subject::Account(session.account_id.0),
            aud: Audience::from(self.platform.settings.tokens.audience.clone()),
            exp: expires_at.seconds(),
            iat: now.seconds(),
            jti: uuid_v7(now, self.platform.random),
            client_id: session.client_id.clone(),
        };
        let mut claims = AccessTokenClaims::from(required);
        claims.sid = Some(session.id.0);
        claims.scope = Some(session.scope.clone()).filter(|scope| !scope.is_empty());
        claims.auth_time = Some(session.auth_time.seconds());
        claims.amr = Some(session.amr.split_ascii_whitespace().map(str::to_owned).collect());
        claims.status = Some(self.revocations.reference(session.bit()));
        self.add_user(&mut claims, session.account_id).await?;
        Ok(claims)
    }

    /// Adds the claims of the setting `tokens.claims`.
    async fn add_user(&self, claims: &mut AccessTokenClaims, account: AccountId) -> Result<(), StoreError> {
        let wanted = &self.platform.settings.tokens.claims;
        if wanted.is_empty() {
            return Ok(());
        }
        // Without an account, the session has just ended.
        let Some(account) = accounts::find(&self.platform.db, account).await? else {
            return Ok(());
        };
        for claim in wanted {
            match claim {
                UserClaim::Email => claims.email = Some(account.email.clone()),
                UserClaim::EmailVerified => claims.email_verified = Some(account.email_verified_at.is_some()),
                UserClaim::Name => claims.name = account.name.as_ref().map(ToString::to_string),
            }
        }
        Ok(())
    }
}
