//! Signing: access tokens, status lists, and the tokens of clients with either algorithm.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::{
    AccessTokenClaims, Claims, ClientClaims, RsaSigningKey, SignError, SigningAlg, SigningKey, StatusListClaims,
    TokenType,
};
use countersign_store::StoreError;
use serde::Serialize;

use super::Keys;
use super::lane::{Full, Place};
use super::options::HINT_AGE;
use super::ring::Ring;
use crate::core::clock::Timestamp;
use crate::features::operations::keys::folder::Stored;
use crate::features::operations::keys::store::{self, KeyName};

/// How far ahead the recorded expiry of a key's last token is moved, so that the database is written once an hour instead
/// of for each token.
pub(super) const AHEAD: Duration = Duration::from_secs(60 * 60);

/// How long the key of a document without an expiry, a signed answer of the userinfo endpoint, is needed.
const UNSTATED: Duration = Duration::from_secs(60 * 60);

/// What [`Keys::reserve`] has made sure of: the keys exist, the database records how long they are needed, and with RS256, a
/// place is reserved.
pub struct Reserved {
    alg: Option<SigningAlg>,
    place: Option<Place>,
}

/// Why a token could not be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The key was revoked, and the folder contains no other one yet.
    #[error("the signing key was revoked, and there is no other key yet")]
    Revoked,
    /// The folder contains no RSA key.
    #[error("there is no RSA key; create one with `countersign keys generate --rsa`, and mount it on every node")]
    NoRsaKey,
    /// Too many RSA signatures are waiting.
    #[error("too many RSA signatures are waiting")]
    Busy,
    /// The token could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keys {
    /// Signs an access token. Do not call it inside a transaction: it sometimes writes to the database, which records until
    /// when each key's tokens are valid.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn issue(&self, claims: &AccessTokenClaims, now: Timestamp) -> Result<String, IssueError> {
        let ring = self.ring();
        let key: &Arc<SigningKey> = self.signing_key_until(&ring, seconds(claims.exp), now).await?;
        Ok(key.sign(TokenType::ACCESS_TOKEN, claims)?)
    }

    /// Signs a status list, like [`issue`](Self::issue).
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn issue_list(&self, claims: &StatusListClaims, now: Timestamp) -> Result<String, IssueError> {
        let ring = self.ring();
        let key: &Arc<SigningKey> = self.signing_key_until(&ring, seconds(claims.exp), now).await?;
        Ok(key.sign(TokenType::STATUS_LIST, claims)?)
    }

    /// Signs a document that does not expire, such as a checkpoint of the audit log. The key is not kept for it; verifiers
    /// keep the public keys themselves.
    ///
    /// # Errors
    /// [`IssueError`], except those of the database.
    pub fn issue_lasting<C: Claims + Serialize>(&self, claims: &C) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = ring.signing_key::<SigningKey>().ok_or(IssueError::Revoked)?;
        Ok(key.sign(C::TYPE, claims)?)
    }

    /// Signs a token for a client, like [`issue`](Self::issue). An RSA signature is made on a separate thread.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn sign_for_client<C: ClientClaims>(
        &self,
        alg: SigningAlg,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        let place = match alg {
            SigningAlg::Es256 => None,
            SigningAlg::Rs256 => Some(self.reserve_place()?),
        };
        self.sign(place, claims, now).await
    }

    /// Makes sure that an access token, and an ID token with this algorithm, can be signed with this lifetime. Call it before
    /// anything is spent for them, such as a code, so that a failure costs no grant; and not inside a transaction.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn reserve(
        &self,
        alg: Option<SigningAlg>,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Reserved, IssueError> {
        let ring = self.ring();
        let _: &Arc<SigningKey> = self.signing_key_until(&ring, now + ttl, now).await?;
        let until = now + ttl + HINT_AGE;
        let place = match alg {
            None => None,
            Some(SigningAlg::Es256) => {
                let _: &Arc<SigningKey> = self.signing_key_until(&ring, until, now).await?;
                None
            }
            Some(SigningAlg::Rs256) => {
                let ring = self.ring_with_rsa().await?;
                let _: &Arc<RsaSigningKey> = self.signing_key_until(&ring, until, now).await?;
                Some(self.reserve_place()?)
            }
        };
        Ok(Reserved { alg, place })
    }

    /// Signs a token for a client, like [`sign_for_client`](Self::sign_for_client), at the place that was reserved for it.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn sign_reserved<C: ClientClaims>(
        &self,
        reserved: Reserved,
        alg: SigningAlg,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        match reserved.place {
            Some(place) if reserved.alg == Some(alg) => self.sign(Some(place), claims, now).await,
            // The client was changed meanwhile.
            _ => self.sign_for_client(alg, claims, now).await,
        }
    }

    fn reserve_place(&self) -> Result<Place, IssueError> {
        self.0.rsa_lane.reserve().map_err(|Full| IssueError::Busy)
    }

    /// Signs with RS256 at a place in the lane; without one, with ES256.
    async fn sign<C: ClientClaims>(
        &self,
        place: Option<Place>,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        let exp = claims.expires_at().map_or(now + UNSTATED, seconds);
        let until = if C::IS_HINT { exp + HINT_AGE } else { exp };
        match place {
            None => {
                let ring = self.ring();
                let key: &Arc<SigningKey> = self.signing_key_until(&ring, until, now).await?;
                Ok(key.sign(C::TYPE, claims)?)
            }
            Some(place) => {
                let ring = self.ring_with_rsa().await?;
                let key: &Arc<RsaSigningKey> = self.signing_key_until(&ring, until, now).await?;
                let (key, claims) = (key.clone(), claims.clone());
                let signed = self.0.rsa_lane.run(place, move || key.sign(&claims)).await;
                Ok(signed.map_err(|Full| IssueError::Busy)??)
            }
        }
    }

    /// Returns the keys, with an RSA key. Another process may have created it since the folder was last read.
    async fn ring_with_rsa(&self) -> Result<Arc<Ring>, IssueError> {
        let ring = self.ring();
        if ring.keys.rsa.is_some() {
            return Ok(ring);
        }
        self.refresh().await;
        let ring = self.ring();
        match ring.keys.rsa {
            Some(_) => Ok(ring),
            None => Err(IssueError::NoRsaKey),
        }
    }

    /// Returns the signing key, after recording that it is needed until `until`.
    async fn signing_key_until<'r, K: Stored>(
        &self,
        ring: &'r Ring,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<&'r Arc<K>, IssueError> {
        let key = ring.signing_key::<K>().ok_or(IssueError::Revoked)?;
        if !ring.may_sign_until(K::ALG, until) {
            // One task writes; the others wait for it and then need not write.
            let _extending = self.0.extending.lock().await;
            if !ring.may_sign_until(K::ALG, until) {
                let name = KeyName {
                    kid: key.id(),
                    alg: K::ALG,
                };
                store::extend(&self.0.db, name, now, until + AHEAD).await?;
                ring.extend_until(K::ALG, until + AHEAD);
            }
        }
        Ok(key)
    }
}

fn seconds(at: i64) -> Timestamp {
    Timestamp(at.saturating_mul(1000))
}
