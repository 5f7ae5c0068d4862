//! `keys rotate`: publishes the next key first, and signs with it later.

use std::time::Duration;

use countersign_jose::{RsaSigningKey, SigningAlg, SigningKey};
use serde::Serialize;

use super::{KeyOperator, OperatorError, Start};
use crate::core::clock::Timestamp;
use crate::features::operations::keys::folder::{Old, PublicHalf, Stored};
use crate::features::operations::keys::service::options::HINT_AGE;
use crate::features::operations::keys::service::reading::blocking;
use crate::features::operations::keys::service::ring::{History, LEEWAY, is_revoked};
use crate::features::operations::keys::service::signing::AHEAD;
use crate::features::operations::keys::store::KeyName;
use crate::features::operations::keys::{KeysError, store};

/// The next key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextKey {
    pub kid: String,
    /// Whether it was just created.
    pub created: bool,
    /// When it may be activated; `None` until a server has published it.
    pub ready_at: Option<Timestamp>,
}

/// An activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Activated {
    /// The key that signs from now on.
    pub current: String,
    /// The previous signing key.
    pub retired: String,
    /// When the last token of that key expires.
    pub retirable_at: Timestamp,
}

impl KeyOperator {
    /// Puts the next key of an algorithm into the folder, from which every server publishes it. An existing next key is kept.
    ///
    /// # Errors
    /// [`KeysError`]
    pub async fn publish_next(&self, alg: SigningAlg) -> Result<NextKey, OperatorError> {
        match alg {
            SigningAlg::Es256 => self.publish_next_of::<SigningKey>().await,
            SigningAlg::Rs256 => self.publish_next_of::<RsaSigningKey>().await,
        }
    }

    async fn publish_next_of<K: Stored>(&self) -> Result<NextKey, OperatorError> {
        let Start {
            locked, keys, history, ..
        } = self.start().await?;
        if let Some(next) = &self.set::<K>(&keys)?.next {
            let ready_at = self.ready_at(next.id(), &history);
            return Ok(NextKey {
                kid: next.id().to_owned(),
                created: false,
                ready_at,
            });
        }
        let next = self.new_key::<K>().await?;
        let kid = next.id().to_owned();
        blocking(move || locked.write_next(&next)).await?;
        Ok(NextKey {
            kid,
            created: true,
            ready_at: None,
        })
    }

    /// Activates the next key of an algorithm. The current one continues to verify.
    ///
    /// # Errors
    /// [`OperatorError::NoNext`], [`OperatorError::Unpublished`], [`OperatorError::TooEarly`], or an error of the folder or
    /// the database.
    pub async fn activate(&self, alg: SigningAlg) -> Result<Activated, OperatorError> {
        match alg {
            SigningAlg::Es256 => self.activate_of::<SigningKey>(self.options.access_ttl).await,
            SigningAlg::Rs256 => self.activate_of::<RsaSigningKey>(HINT_AGE).await,
        }
    }

    /// Activates the next key of a kind whose tokens need it for at most `needed`, unless the database knows better.
    async fn activate_of<K: Stored>(&self, needed: Duration) -> Result<Activated, OperatorError> {
        let Start {
            locked,
            keys,
            history,
            now,
        } = self.start().await?;
        let keys = self.set::<K>(&keys)?;
        let current = keys.current.public().clone();
        let Some(next) = &keys.next else {
            return Err(OperatorError::NoNext {
                kid: current.id().to_owned(),
                alg: K::ALG,
            });
        };
        let kid = next.id().to_owned();
        if is_revoked(&history, &kid) {
            return Err(KeysError::Revoked(kid).into());
        }
        match self.ready_at(&kid, &history) {
            None => return Err(OperatorError::Unpublished(kid)),
            Some(ready_at) if now < ready_at => return Err(OperatorError::TooEarly { kid, ready_at }),
            Some(_) => {}
        }
        // Servers sign with the old key until they see the change, so record that in the database in advance.
        let retirable_at = self.last_expiry(current.id(), &history).max(now + needed + AHEAD);
        let name = KeyName {
            kid: current.id(),
            alg: K::ALG,
        };
        store::extend(&self.db, name, now, retirable_at)
            .await
            .map_err(KeysError::from)?;
        let retired = current.id().to_owned();
        blocking(move || locked.promote_next::<K>(&current, Old::Retire)).await?;
        Ok(Activated {
            current: kid,
            retired,
            retirable_at: retirable_at + LEEWAY,
        })
    }

    fn last_expiry(&self, kid: &str, history: &History) -> Timestamp {
        history.get(kid).map_or(Timestamp(0), |record| record.last_expires_at)
    }
}
