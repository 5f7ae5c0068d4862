//! The signed end of the log. The server continues from there, never from a column that an attacker with database access could
//! have written.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_jose::{VerifyingKey, decode_without_verifying, verify};
use countersign_store::StoreError;

use super::super::chain::{AuditCheckpointClaims, Hash};
use super::super::store::sealed;
use super::{Audit, SealError};
use crate::core::clock::Timestamp;
use crate::features::operations::keys::Keys;

/// The maximum number of checkpoints read one by one to find the last old one; beyond that, whole days are skipped.
const STEPS: usize = 500;

/// The public keys that this process has ever held, so that it accepts what it sealed before a rotation.
#[derive(Default)]
pub struct Witness {
    keys: Mutex<Vec<VerifyingKey>>,
    looked_at: Mutex<Option<Timestamp>>,
}

pub(super) struct End {
    pub(super) token: String,
    pub(super) claims: AuditCheckpointClaims,
    /// Whether a current or earlier key of this server signed it.
    pub(super) vouched: bool,
}

impl Witness {
    /// Returns the key with this id, if this process ever held it.
    fn key(&self, keys: &Keys, kid: &str) -> Option<VerifyingKey> {
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys.public_keys() {
            if known.iter().all(|known| known.kid() != key.kid()) {
                known.push(key);
            }
        }
        known.iter().find(|key| key.kid() == kid).cloned()
    }

    /// Returns whether it is time to look for old entries again, and schedules the next time.
    pub(super) fn is_time(&self, now: Timestamp, every: Duration) -> bool {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = looked_at.is_none_or(|looked_at| now >= looked_at + every || now < looked_at);
        if is_time {
            *looked_at = Some(now);
        }
        is_time
    }
}

impl Audit {
    /// Returns the newest checkpoint; `None` if nothing is sealed.
    ///
    /// # Errors
    /// [`SealError::Broken`] if it differs from what was signed.
    pub(super) async fn end(&self) -> Result<Option<End>, SealError> {
        let Some(newest) = sealed::newest_checkpoint(&self.platform.db).await? else {
            return Ok(None);
        };
        let broken = || SealError::Broken(newest.seq);
        let unverified = decode_without_verifying(&newest.token).map_err(|_| broken())?;
        let kid = unverified.header.get("kid").and_then(|kid| kid.as_str());
        let key = self.witness.key(&self.keys, kid.ok_or_else(broken)?);
        let (claims, vouched) = match key {
            Some(key) => {
                let verified = verify::<AuditCheckpointClaims>(&newest.token, |_| Some(key), &());
                (verified.map_err(|_| broken())?, true)
            }
            None => {
                let claims = serde_json::from_value(unverified.claims).map_err(|_| broken())?;
                (claims, false)
            }
        };
        match claims.last == newest.seq {
            true => Ok(Some(End {
                token: newest.token,
                claims,
                vouched,
            })),
            false => Err(broken()),
        }
    }

    /// Returns the position up to which the log is older than `audit.retention` by signed times; 0 if nothing is. Goes back from
    /// the newest checkpoint by days and then one by one, following the hashes that each later one has signed.
    pub(super) async fn old_through(&self, newest: &AuditCheckpointClaims, now: Timestamp) -> Result<i64, StoreError> {
        let Some(retention) = self.platform.settings.audit.retention() else {
            return Ok(0);
        };
        let before = (now - retention).seconds();
        if newest.iat < before {
            return Ok(newest.last);
        }
        let (mut young, mut old) = (newest.clone(), 0);
        while let Some(earlier) = young.day_before.clone() {
            match self.checkpoint(earlier.last, &earlier.hash).await? {
                Some(claims) if claims.iat < before => {
                    old = claims.last;
                    break;
                }
                Some(claims) => young = claims,
                None => break,
            }
        }
        for _ in 0..STEPS {
            let Some(previous) = young.previous.clone().filter(|_| !young.unvouched) else {
                break;
            };
            match self.checkpoint(young.first - 1, &previous).await? {
                Some(claims) if claims.iat < before => return Ok(claims.last),
                Some(claims) => young = claims,
                None => break,
            }
        }
        Ok(old)
    }

    /// Returns the claims of the checkpoint at a position, if it has this hash.
    async fn checkpoint(&self, seq: i64, hash: &str) -> Result<Option<AuditCheckpointClaims>, StoreError> {
        let token = sealed::checkpoint_at(&self.platform.db, seq).await?;
        let claims = token
            .filter(|token| Hash::of(token).to_string() == hash)
            .and_then(|token| decode_without_verifying(&token).ok())
            .and_then(|unverified| serde_json::from_value::<AuditCheckpointClaims>(unverified.claims).ok());
        Ok(claims.filter(|claims| claims.last == seq))
    }
}
