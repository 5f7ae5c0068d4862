//! `keys list`: all keys in the folder or the database.

use countersign_jose::SigningAlg;
use serde::Serialize;

use super::KeyOperator;
use crate::core::clock::Timestamp;
use crate::features::operations::keys::KeysError;
use crate::features::operations::keys::folder::{FolderKeys, KeyPair, KeySet};
use crate::features::operations::keys::service::reading::{Reading, history};
use crate::features::operations::keys::service::ring::{History, is_revoked};

/// A key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedKey {
    pub kid: String,
    /// What it signs with: `ES256`, or `RS256` for the ID tokens of clients that do not ask for ES256.
    pub alg: SigningAlg,
    /// Its use.
    pub state: KeyState,
    /// When servers began to publish it; `None` if none has.
    pub since: Option<Timestamp>,
    /// When the last token that it signed expires, to the hour; 30 days later if that is an ID token, which may come back until
    /// then. `None` if it signed none.
    pub needed_until: Option<Timestamp>,
    /// When the next key may be activated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
}

/// The use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    Current,
    /// Published, will sign next.
    Next,
    /// Only verifies what it signed.
    Retired,
    /// Revoked in an emergency.
    Revoked,
    /// In the database but not in the folder.
    Gone,
}

impl KeyState {
    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
            Self::Gone => "gone",
        }
    }
}

impl KeyOperator {
    /// Returns all keys in the folder or the database, those of the folder first.
    ///
    /// # Errors
    /// [`KeysError`]
    pub async fn list(&self) -> Result<Vec<ListedKey>, KeysError> {
        let reading = Reading::of(&self.options).await?;
        let keys = match reading.snapshot.signs() {
            true => Some(reading.keys().await?),
            false => None,
        };
        let history = history(&self.db).await?;
        let mut kids: Vec<String> = keys.iter().flat_map(FolderKeys::kids).map(str::to_owned).collect();
        let mut remembered: Vec<_> = history.values().filter(|record| !kids.contains(&record.kid)).collect();
        remembered.sort_by_key(|record| std::cmp::Reverse(record.first_seen_at));
        kids.extend(remembered.into_iter().map(|record| record.kid.clone()));
        Ok(kids
            .into_iter()
            .map(|kid| self.listed(kid, keys.as_ref(), &history))
            .collect())
    }

    fn listed(&self, kid: String, keys: Option<&FolderKeys>, history: &History) -> ListedKey {
        let (state, record) = (state_of(&kid, keys, history), history.get(&kid));
        let is_rsa = keys.is_some_and(|keys| keys.rsa.as_ref().is_some_and(|rsa| rsa.find(&kid).is_some()));
        let alg = if is_rsa { SigningAlg::Rs256 } else { SigningAlg::Es256 };
        ListedKey {
            alg: record.and_then(|record| record.alg.parse().ok()).unwrap_or(alg),
            state,
            since: record.map(|record| record.first_seen_at),
            // Recorded with the time when it was first seen, until it has signed something.
            needed_until: record
                .filter(|record| record.last_expires_at > record.first_seen_at)
                .map(|record| record.last_expires_at),
            ready_at: if state == KeyState::Next {
                self.ready_at(&kid, history)
            } else {
                None
            },
            kid,
        }
    }
}

pub(super) fn state_of(kid: &str, keys: Option<&FolderKeys>, history: &History) -> KeyState {
    if is_revoked(history, kid) {
        return KeyState::Revoked;
    }
    let Some(keys) = keys else { return KeyState::Gone };
    let rsa = || keys.rsa.as_ref().and_then(|rsa| place_of(kid, rsa));
    place_of(kid, &keys.ec).or_else(rsa).unwrap_or(KeyState::Gone)
}

fn place_of<K: KeyPair>(kid: &str, keys: &KeySet<K>) -> Option<KeyState> {
    if keys.current.id() == kid {
        return Some(KeyState::Current);
    }
    if keys.next.as_ref().is_some_and(|next| next.id() == kid) {
        return Some(KeyState::Next);
    }
    keys.retired.contains_key(kid).then_some(KeyState::Retired)
}
