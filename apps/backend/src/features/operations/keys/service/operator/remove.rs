//! `keys retire`, after the last token has expired, and `keys revoke`, at once.

use countersign_jose::SigningKey;
use serde::Serialize;

use super::list::state_of;
use super::{KeyOperator, KeyState, OperatorError, Start};
use crate::features::operations::keys::folder::{FolderKeys, Locked, Old};
use crate::features::operations::keys::service::reading::blocking;
use crate::features::operations::keys::service::ring::{History, LEEWAY, is_revoked};
use crate::features::operations::keys::{KeysError, store};

/// A revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevokedKey {
    /// The revoked key.
    pub kid: String,
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
        let until = match history.get(kid) {
            Some(record) => record.last_expires_at + LEEWAY,
            // It is unknown what the key signed, so it counts as needed for the maximum lifetime of a token.
            None => {
                let until = now + self.options.access_ttl;
                store::remember(&self.db, kid, now, until)
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
        Ok(blocking(move || locked.remove_retired(&kid)).await?)
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
        if was == KeyState::Gone && is_revoked(&history, kid) {
            return Ok(RevokedKey {
                kid: kid.to_owned(),
                was,
                changed: false,
                replaced_by: None,
            });
        }
        let mut replaced_by = None;
        let gone = kid.to_owned();
        match was {
            KeyState::Current => {
                let new = self.new_key()?;
                let next_is_revoked = keys.next.as_ref().is_some_and(|next| is_revoked(&history, next.kid()));
                replaced_by = Some(blocking(move || replace_current(&locked, &keys, next_is_revoked, &new)).await?);
            }
            KeyState::Next => blocking(move || locked.remove_next()).await?,
            KeyState::Retired => blocking(move || locked.remove_retired(&gone)).await?,
            KeyState::Revoked | KeyState::Gone => {}
        }
        // Revoked last: servers that saw the revocation before the folder had another key could not sign in between.
        store::revoke(&self.db, kid, now).await.map_err(KeysError::from)?;
        Ok(RevokedKey {
            kid: kid.to_owned(),
            was,
            changed: true,
            replaced_by,
        })
    }
}

/// Replaces the current key with the next one, or with `new` if there is no usable next key.
fn replace_current(
    locked: &Locked,
    keys: &FolderKeys,
    next_is_revoked: bool,
    new: &SigningKey,
) -> Result<String, KeysError> {
    let usable = keys.next.as_ref().filter(|_| !next_is_revoked);
    let replacement = match usable {
        Some(next) => next.kid().to_owned(),
        None => {
            locked.remove_next()?;
            locked.write_next(new)?;
            new.kid().to_owned()
        }
    };
    locked.promote_next(keys.current.verifying_key(), Old::Discard)?;
    Ok(replacement)
}
