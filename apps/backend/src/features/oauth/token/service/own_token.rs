//! Access tokens that are presented as data, to be revoked or introspected.

use countersign_guard::AccessTokenClaims;
use countersign_jose::{AccessTokenExpectation, Present, decode_without_verifying, verify};
use countersign_store::StoreError;

use super::Tokens;
use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::core::ids::{AccountId, SessionId};
use crate::features::identity::accounts;
use crate::features::oauth::clients;
use crate::features::sign_in::sessions::find_active;

impl Tokens {
    /// Returns the claims of an access token of this server that is valid at this moment: its signature, its time, its bit, its
    /// session, its account and its client. Its audience is left to the caller.
    pub(super) async fn valid(&self, token: &str) -> Result<Option<AccessTokenClaims>, StoreError> {
        let Some(claims) = self.signed(token) else {
            return Ok(None);
        };
        let is_live = match &claims.status {
            Some(reference) => self.revocations.is_live(reference).await?,
            None => false,
        };
        if !is_live || !self.may_be_used(&claims).await? {
            return Ok(None);
        }
        Ok(Some(claims))
    }

    /// Returns the claims of an access token of this server that has not expired, whatever its audience.
    fn signed(&self, token: &str) -> Option<AccessTokenClaims> {
        // The audience is read first, because the verification compares it. It is trusted only after the signature has
        // been verified.
        let unverified = decode_without_verifying(token).ok()?;
        let audience = match unverified.claims.get("aud")? {
            serde_json::Value::String(one) => vec![one.clone()],
            serde_json::Value::Array(several) => several
                .iter()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect(),
            _ => return None,
        };
        let expect = AccessTokenExpectation {
            issuer: self.platform.settings.issuer.as_str(),
            audience: &audience,
            present: Present {
                now: self.platform.clock.now().seconds(),
                leeway: 0,
            },
        };
        verify(token, |kid| self.keys.verifying_key(kid), &expect).ok()
    }

    /// Checks what every endpoint checks: the client, and for a user's token, the session and the account.
    async fn may_be_used(&self, claims: &AccessTokenClaims) -> Result<bool, StoreError> {
        let db = &self.platform.db;
        if claims.client_id != FIRST_PARTY_CLIENT && clients::may_use(db, &claims.client_id).await?.is_none() {
            return Ok(false);
        }
        let Some(account) = claims.sub.account() else {
            return Ok(true);
        };
        if accounts::may_sign_in(db, AccountId(account)).await?.is_none() {
            return Ok(false);
        }
        let Some(sid) = claims.sid else {
            return Ok(false);
        };
        let session = find_active(db, SessionId(sid), self.platform.clock.now()).await?;
        let is_its_own = |session: &crate::features::sign_in::sessions::Session| {
            session.account_id.0 == account && session.client_id == claims.client_id
        };
        Ok(session.is_some_and(|session| is_its_own(&session)))
    }
}
