//! The first key of all. It is made only where there never was one.

use countersign_jose::SigningKey;
use countersign_store::{Db, StoreError};

use super::KeyOptions;
use super::reading::{Reading, blocking};
use crate::core::clock::Timestamp;
use crate::features::keys::{KeysError, store};

/// Makes the first key, under the folder's lock. Says whether it was this process that made it.
///
/// The files come before the database's memory of them: cut short in between, the next start finds a key that nobody
/// remembers and goes on with it, whereas a remembered key without files could never be mended.
pub(super) async fn make_first_key(options: &KeyOptions, db: &Db, now: Timestamp) -> Result<bool, KeysError> {
    let lost = |kid| KeysError::Lost {
        dir: options.dir.clone(),
        kid,
    };
    if let Some(known) = store::all(db).await?.pop() {
        // Files come first: if another server made the key a moment ago, they are there by now.
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
