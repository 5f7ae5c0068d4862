//! `keys sealing rotate`, `list` and `retire`.

use std::time::Duration;

use serde::Serialize;

use super::{KeyOperator, OperatorError, Start};
use crate::core::clock::Timestamp;
use crate::features::keys::folder::FolderKeys;
use crate::features::keys::service::reading::{Reading, blocking};
use crate::features::keys::service::sealing::{Order, SealingHistory, WAIT, history};
use crate::features::keys::{KeysError, store};

/// A sealing key that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewSealingKey {
    pub id: String,
    /// From when on it is active.
    pub active_at: Timestamp,
    /// The key that is active until then; none if there was no other one.
    pub replaces: Option<String>,
    /// When that key can be retired.
    pub retirable_at: Option<Timestamp>,
}

/// A sealing key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedSealingKey {
    pub id: String,
    /// What it is used for.
    pub state: SealingState,
    /// When it was made, or first seen by a server; none if no server has seen it.
    pub since: Option<Timestamp>,
    /// From when on it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_at: Option<Timestamp>,
    /// From when on it can be retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retirable_at: Option<Timestamp>,
}

/// What a sealing key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealingState {
    /// For everything that is made now.
    Active,
    /// It will be active once every server has read it.
    Waiting,
    /// Only for what was made before it was replaced.
    Replaced,
    /// The database knows it; the folder does not hold it.
    Missing,
    /// It was taken out of use.
    Retired,
}

impl SealingState {
    /// Its name, as the command line shows it.
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
    /// Makes a sealing key, which is active a minute later; at once in a folder that holds no other one, whatever the
    /// database remembers.
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

    /// All sealing keys that the folder holds or the database remembers, the newest first.
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

    /// Takes a sealing key out of use: one that was replaced long enough ago, or one that is lost. Its file is removed.
    ///
    /// # Errors
    /// [`OperatorError::SealingInUse`], [`OperatorError::SealingNeeded`] and [`OperatorError::Unknown`]; else that the
    /// folder or the database cannot be used.
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
        // The database first: from then on no server uses the key, wherever a copy of its file is left.
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

    /// When a key can be retired; none as long as no newer one is there.
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

    /// How long a key is kept after another one has become active: nodes notice that some seconds apart, and a refresh
    /// that the old key answered may be repeated within the window.
    fn kept_when_replaced(&self) -> Duration {
        WAIT + self.options.replay_window
    }
}
