//! The first key, which is created only if there never was one.

use countersign_jose::SigningKey;
use countersign_store::{Db, StoreError};

use super::KeyOptions;
use super::reading::{Reading, blocking};
use crate::core::clock::Timestamp;
use crate::features::operations::keys::{KeysError, store};

/// Creates the first key under the folder's lock. Returns whether this process created it.
///
/// The files are written before the database records them. After a crash in between, the next start finds and uses an
/// unrecorded key, whereas a recorded key without files could not be recovered.
pub(super) async fn make_first_key(options: &KeyOptions, db: &Db, now: Timestamp) -> Result<bool, KeysError> {
    let lost = |kid| KeysError::Lost {
        dir: options.dir.clone(),
        kid,
    };
    if let Some(known) = store::all(db).await?.pop() {
        // Files come first: if another server has just created the key, they exist by now.
        return match Reading::of(options).await?.snapshot.signs() {
            true => Ok(false),
            false => Err(lost(known.kid)),
        };
    }
    let locked = options.lock().await?;
    let folder = options.folder();
    let (locked, made) = blocking(move || {
        if folder.snapshot()?.signs() {
            return Ok((locked, None));
        }
        let path = folder.dir().to_owned();
        let key = SigningKey::generate().map_err(|source| KeysError::Unusable { path, source })?;
        locked.write_first(&key)?;
        Ok((locked, Some(key.kid().to_owned())))
    })
    .await?;
    let Some(kid) = &made else { return Ok(false) };
    let begun: Result<_, StoreError> = db
        .transact(|tx| Box::pin(async move { store::begin_history(tx, kid, now).await }))
        .await;
    match begun {
        Ok(None) => Ok(true),
        // Another server on this database, with another folder, was faster.
        Ok(Some(known)) => {
            blocking(move || locked.remove_first()).await?;
            Err(lost(known))
        }
        Err(error) => Err(error.into()),
    }
}
