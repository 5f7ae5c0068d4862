//! `keys retire`, after the last token has expired, and `keys revoke`, at once.

use countersign_jose::{RsaSigningKey, SigningAlg, SigningKey};
use serde::Serialize;

use super::list::state_of;
use super::{KeyOperator, KeyState, OperatorError, Start};
use crate::features::operations::keys::folder::{FolderKeys, Locked, Old, Stored};
use crate::features::operations::keys::service::options::HINT_AGE;
use crate::features::operations::keys::service::reading::blocking;
use crate::features::operations::keys::service::ring::{History, LEEWAY, is_revoked};
use crate::features::operations::keys::store::KeyName;
use crate::features::operations::keys::{KeysError, store};

/// A revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevokedKey {
    /// The revoked key.
    pub kid: String,
    /// What it signed with.
    pub alg: SigningAlg,
    /// What it was used for.
    pub was: KeyState,
    /// Whether this changed anything; not if it was already revoked.
    pub changed: bool,
    /// The new signing key, if it was the current one.
    pub replaced_by: Option<String>,
}

impl KeyOperator {
    /// Removes a retired key whose last token has expired.
    ///
    /// # Errors
    /// [`OperatorError::Needed`], [`OperatorError::InUse`] and [`OperatorError::Unknown`], or if the folder or the database
    /// cannot be used.
    pub async fn retire(&self, kid: &str) -> Result<(), OperatorError> {
        let Start {
            locked,
            keys,
            history,
            now,
        } = self.start().await?;
        match state_of(kid, Some(&keys), &History::new()) {
            KeyState::Retired => {}
            KeyState::Current | KeyState::Next => return Err(OperatorError::InUse(kid.to_owned())),
            KeyState::Revoked | KeyState::Gone => return Err(OperatorError::Unknown(kid.to_owned())),
        }
        let alg = alg_of(kid, &keys, &history);
        let until = match history.get(kid) {
            Some(record) => record.last_expires_at + LEEWAY,
            // It is unknown what the key signed, so it counts as needed for the maximum lifetime of a token.
            None => {
                let until = match alg {
                    SigningAlg::Es256 => now + self.options.access_ttl,
                    SigningAlg::Rs256 => now + HINT_AGE,
                };
                store::remember(&self.db, KeyName { kid, alg }, now, until)
                    .await
                    .map_err(KeysError::from)?;
                until
            }
        };
        if now <= until && !is_revoked(&history, kid) {
            return Err(OperatorError::Needed {
                kid: kid.to_owned(),
                until,
            });
        }
        let kid = kid.to_owned();
        Ok(blocking(move || remove_retired(&locked, alg, &kid)).await?)
    }

    /// Revokes a key immediately and permanently, on every server of this database. The current key is replaced by the next
    /// one, or by a new one. If the key was already revoked, it reports this and changes nothing.
    ///
    /// # Errors
    /// [`OperatorError::Unknown`], or if the folder or the database cannot be used.
    pub async fn revoke(&self, kid: &str) -> Result<RevokedKey, OperatorError> {
        let Start {
            locked,
            keys,
            history,
            now,
        } = self.start().await?;
        let was = state_of(kid, Some(&keys), &History::new());
        if was == KeyState::Gone && !history.contains_key(kid) {
            return Err(OperatorError::Unknown(kid.to_owned()));
        }
        let alg = alg_of(kid, &keys, &history);
        if was == KeyState::Gone && is_revoked(&history, kid) {
            return Ok(RevokedKey {
                kid: kid.to_owned(),
                alg,
                was,
                changed: false,
                replaced_by: None,
            });
        }
        let gone = kid.to_owned();
        let replaced_by = match (was, alg) {
            (KeyState::Current, SigningAlg::Es256) => {
                Some(self.replace_current::<SigningKey>(locked, &keys, &history).await?)
            }
            (KeyState::Current, SigningAlg::Rs256) => {
                Some(self.replace_current::<RsaSigningKey>(locked, &keys, &history).await?)
            }
            (KeyState::Next, alg) => {
                blocking(move || remove_next(&locked, alg)).await?;
                None
            }
            (KeyState::Retired, alg) => {
                blocking(move || remove_retired(&locked, alg, &gone)).await?;
                None
            }
            (KeyState::Revoked | KeyState::Gone, _) => None,
        };
        // Revoked last: servers that saw the revocation before the folder had another key could not sign in between.
        store::revoke(&self.db, KeyName { kid, alg }, now)
            .await
            .map_err(KeysError::from)?;
        Ok(RevokedKey {
            kid: kid.to_owned(),
            alg,
            was,
            changed: true,
            replaced_by,
        })
    }

    /// Replaces the current key with the next one, or with a new one if there is no usable next key. Returns the id of the key
    /// that signs from then on.
    async fn replace_current<K: Stored>(
        &self,
        locked: Locked,
        keys: &FolderKeys,
        history: &History,
    ) -> Result<String, OperatorError> {
        let keys = self.set::<K>(keys)?.clone();
        let new = self.new_key::<K>().await?;
        let usable = keys.next.as_ref().filter(|next| !is_revoked(history, next.id()));
        let usable = usable.map(|next| next.id().to_owned());
        blocking(move || {
            let replacement = match usable {
                Some(next) => next,
                None => {
                    locked.remove_next::<K>()?;
                    locked.write_next(&new)?;
                    new.id().to_owned()
                }
            };
            locked.promote_next::<K>(keys.current.public(), Old::Discard)?;
            Ok(replacement)
        })
        .await
        .map_err(OperatorError::from)
    }
}

/// Returns what a key signs with, according to the folder or, if it is not there, the database.
fn alg_of(kid: &str, keys: &FolderKeys, history: &History) -> SigningAlg {
    let in_folder = keys.rsa.as_ref().is_some_and(|rsa| rsa.find(kid).is_some());
    let recorded = history
        .get(kid)
        .is_some_and(|record| record.alg == SigningAlg::Rs256.as_str());
    match in_folder || recorded {
        true => SigningAlg::Rs256,
        false => SigningAlg::Es256,
    }
}

fn remove_next(locked: &Locked, alg: SigningAlg) -> Result<(), KeysError> {
    match alg {
        SigningAlg::Es256 => locked.remove_next::<SigningKey>(),
        SigningAlg::Rs256 => locked.remove_next::<RsaSigningKey>(),
    }
}

fn remove_retired(locked: &Locked, alg: SigningAlg, kid: &str) -> Result<(), KeysError> {
    match alg {
        SigningAlg::Es256 => locked.remove_retired::<SigningKey>(kid),
        SigningAlg::Rs256 => locked.remove_retired::<RsaSigningKey>(kid),
    }
}
