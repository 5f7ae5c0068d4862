//! `keys list`: all keys in the folder or the database.

use serde::Serialize;

use super::KeyOperator;
use crate::core::clock::Timestamp;
use crate::features::operations::keys::KeysError;
use crate::features::operations::keys::folder::FolderKeys;
use crate::features::operations::keys::service::reading::{Reading, history};
use crate::features::operations::keys::service::ring::{History, is_revoked};

/// A key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedKey {
    pub kid: String,
    /// Its use.
    pub state: KeyState,
    /// When servers began to publish it; `None` if none has.
    pub since: Option<Timestamp>,
    /// When the last token that it signed expires, to the hour; `None` if it signed none.
    pub last_token_expires_at: Option<Timestamp>,
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
        let in_folder = keys
            .iter()
            .flat_map(FolderKeys::verifying_keys)
            .map(|key| key.kid().to_owned());
        let mut kids: Vec<String> = in_folder.collect();
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
        ListedKey {
            state,
            since: record.map(|record| record.first_seen_at),
            // Recorded with the time when it was first seen, until it has signed something.
            last_token_expires_at: record
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
    match keys {
        Some(keys) if keys.current.kid() == kid => KeyState::Current,
        Some(keys) if keys.next.as_ref().is_some_and(|next| next.kid() == kid) => KeyState::Next,
        Some(keys) if keys.retired.contains_key(kid) => KeyState::Retired,
        _ => KeyState::Gone,
    }
}
