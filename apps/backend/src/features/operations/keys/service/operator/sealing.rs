//! `keys sealing rotate`, `list` and `retire`.

use std::time::Duration;

use serde::Serialize;

use super::{KeyOperator, OperatorError, Start};
use crate::core::clock::Timestamp;
use crate::features::operations::keys::folder::FolderKeys;
use crate::features::operations::keys::service::reading::{Reading, blocking};
use crate::features::operations::keys::service::sealing::{Order, SealingHistory, WAIT, history};
use crate::features::operations::keys::{KeysError, store};

/// A new sealing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewSealingKey {
    pub id: String,
    /// When it becomes active.
    pub active_at: Timestamp,
    /// The key that is active until then; `None` if there was none.
    pub replaces: Option<String>,
    /// When that key can be retired.
    pub retirable_at: Option<Timestamp>,
}

/// A listed sealing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedSealingKey {
    pub id: String,
    /// Its use.
    pub state: SealingState,
    /// When it was created or first seen by a server; `None` if no server has seen it.
    pub since: Option<Timestamp>,
    /// When it becomes active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_at: Option<Timestamp>,
    /// When it can be retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retirable_at: Option<Timestamp>,
}

/// The use of a sealing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealingState {
    /// For new values.
    Active,
    /// Becomes active once every server has read it.
    Waiting,
    /// Only for values from before it was replaced.
    Replaced,
    /// In the database but not in the folder.
    Missing,
    /// Retired.
    Retired,
}

impl SealingState {
    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Replaced => "replaced",
            Self::Missing => "missing",
            Self::Retired => "retired",
        }
    }
}

impl KeyOperator {
    /// Creates a sealing key, which becomes active a minute later, or at once if the folder has no other, whatever the database
    /// contains.
    ///
    /// # Errors
    /// [`KeysError`]
    pub async fn rotate_sealing(&self) -> Result<NewSealingKey, OperatorError> {
        let Start { locked, keys, now, .. } = self.start().await?;
        let known = history(&self.db).await.map_err(KeysError::from)?;
        let before = Order::of(&keys, &known, now);
        let replaces = before.and_then(|order| order.usable.last().map(|newest| newest.key.id().to_owned()));
        let passphrase = self.options.passphrase.clone();
        let made = blocking(move || locked.make_sealing(passphrase.as_ref(), now)).await?;
        store::remember_sealing(&self.db, &made.id, now)
            .await
            .map_err(KeysError::from)?;
        Ok(NewSealingKey {
            id: made.id,
            active_at: if replaces.is_some() { now + WAIT } else { now },
            retirable_at: replaces.as_ref().map(|_| now + WAIT + self.kept_when_replaced()),
            replaces,
        })
    }

    /// Returns all sealing keys in the folder or the database, newest first.
    ///
    /// # Errors
    /// [`KeysError`]
    pub async fn list_sealing(&self) -> Result<Vec<ListedSealingKey>, KeysError> {
        let reading = Reading::of(&self.options).await?;
        let keys = match reading.snapshot.signs() {
            true => Some(reading.keys().await?),
            false => None,
        };
        let known = history(&self.db).await?;
        let now = self.clock.now();
        let order = keys.as_ref().and_then(|keys| Order::of(keys, &known, now));
        let mut listed: Vec<_> = order.iter().flat_map(|order| self.in_order(order, &known)).collect();
        let gone = known
            .values()
            .filter(|record| listed.iter().all(|key| key.id != record.id));
        let gone: Vec<_> = gone
            .map(|record| ListedSealingKey {
                id: record.id.clone(),
                state: match record.retired_at {
                    Some(_) => SealingState::Retired,
                    None => SealingState::Missing,
                },
                since: Some(record.first_seen_at),
                active_at: None,
                retirable_at: None,
            })
            .collect();
        listed.extend(gone);
        listed.sort_by(|one, other| (other.since, &other.id).cmp(&(one.since, &one.id)));
        Ok(listed)
    }

    /// Retires a sealing key that was replaced long enough ago or is lost, and removes its file.
    ///
    /// # Errors
    /// [`OperatorError::SealingInUse`], [`OperatorError::SealingNeeded`], [`OperatorError::Unknown`], or an error of the folder
    /// or the database.
    pub async fn retire_sealing(&self, id: &str) -> Result<(), OperatorError> {
        let Start { locked, keys, now, .. } = self.start().await?;
        let known = history(&self.db).await.map_err(KeysError::from)?;
        let file = keys.sealing.get(id).map(|file| file.name.clone());
        let record = known.get(id);
        let retired = record.is_some_and(|record| record.retired_at.is_some());
        match (&file, record) {
            (None, None) => return Err(OperatorError::Unknown(id.to_owned())),
            (None, Some(_)) if retired => return Err(OperatorError::Unknown(id.to_owned())),
            _ => {}
        }
        if !retired {
            let since = record.map_or(now, |record| record.first_seen_at);
            match self.retirable_at(&keys, &known, (since, id), now) {
                None => return Err(OperatorError::SealingInUse(id.to_owned())),
                Some(until) if now < until => {
                    return Err(OperatorError::SealingNeeded {
                        id: id.to_owned(),
                        until,
                    });
                }
                Some(_) => {}
            }
        }
        // The database first: from then on, no server uses the key, even if a copy of its file remains.
        store::remember_sealing(&self.db, id, now)
            .await
            .map_err(KeysError::from)?;
        store::retire_sealing(&self.db, id, now)
            .await
            .map_err(KeysError::from)?;
        match file {
            Some(name) => Ok(blocking(move || locked.remove_sealing(&name)).await?),
            None => Ok(()),
        }
    }

    fn in_order<'o>(
        &self,
        order: &'o Order,
        known: &'o SealingHistory,
    ) -> impl Iterator<Item = ListedSealingKey> + use<'o> {
        let kept = self.kept_when_replaced();
        order.usable.iter().enumerate().map(move |(place, usable)| {
            let state = match place.cmp(&order.active) {
                std::cmp::Ordering::Less => SealingState::Replaced,
                std::cmp::Ordering::Equal => SealingState::Active,
                std::cmp::Ordering::Greater => SealingState::Waiting,
            };
            let newer = order.usable.get(place + 1);
            ListedSealingKey {
                id: usable.key.id().to_owned(),
                state,
                since: known.get(usable.key.id()).map(|record| record.first_seen_at),
                active_at: (state == SealingState::Waiting).then(|| usable.first_seen_at + WAIT),
                retirable_at: newer.map(|newer| newer.first_seen_at + WAIT + kept),
            }
        })
    }

    /// Returns when a key can be retired; `None` without a newer one.
    fn retirable_at(
        &self,
        keys: &FolderKeys,
        known: &SealingHistory,
        key: (Timestamp, &str),
        now: Timestamp,
    ) -> Option<Timestamp> {
        let order = Order::of(keys, known, now)?;
        let newer = order
            .usable
            .iter()
            .find(|usable| (usable.first_seen_at, usable.key.id()) > key)?;
        Some(newer.first_seen_at + WAIT + self.kept_when_replaced())
    }

    /// How long a key is kept after another became active: nodes notice this a few seconds apart, and a refresh answered with the
    /// old key may be repeated within the window.
    fn kept_when_replaced(&self) -> Duration {
        WAIT + self.options.replay_window
    }
}
