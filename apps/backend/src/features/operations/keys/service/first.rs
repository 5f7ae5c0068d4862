//! The first key of an algorithm, which is created only if there never was one.

use countersign_jose::{RsaSigningKey, SigningAlg};
use countersign_store::{Db, StoreError};

use super::KeyOptions;
use super::reading::{Reading, blocking};
use crate::core::clock::Timestamp;
use crate::features::operations::keys::folder::KeyPair;
use crate::features::operations::keys::store::KeyName;
use crate::features::operations::keys::{KeysError, store};

/// Creates the first key of its kind under the folder's lock. Returns whether this process created it.
///
/// The files are written before the database records them. After a crash in between, the next start finds and uses an
/// unrecorded key, whereas a recorded key without files could not be recovered.
pub(super) async fn make_first_key<K: KeyPair>(
    options: &KeyOptions,
    db: &Db,
    now: Timestamp,
) -> Result<bool, KeysError> {
    if let Some(known) = known(db, K::ALG).await? {
        // Files come first: if another server has just created the key, they exist by now.
        return match Reading::of(options).await?.snapshot.has::<K>() {
            true => Ok(false),
            false => Err(lost(options, K::ALG, known)),
        };
    }
    let locked = options.lock().await?;
    let folder = options.folder();
    let (locked, made) = blocking(move || {
        if folder.snapshot()?.has::<K>() {
            return Ok((locked, None));
        }
        let path = folder.dir().to_owned();
        let key = K::generate().map_err(|source| KeysError::Unusable { path, source })?;
        locked.write_first(&key)?;
        Ok((locked, Some(key.id().to_owned())))
    })
    .await?;
    let Some(kid) = &made else { return Ok(false) };
    let key = KeyName { kid, alg: K::ALG };
    let begun: Result<_, StoreError> = db
        .transact(|tx| Box::pin(async move { store::begin_history(tx, key, now).await }))
        .await;
    match begun {
        Ok(None) => Ok(true),
        // Another server on this database, with another folder, was faster.
        Ok(Some(known)) => {
            blocking(move || locked.remove_first::<K>()).await?;
            Err(lost(options, K::ALG, known))
        }
        Err(error) => Err(error.into()),
    }
}

/// Creates the first RSA key, in a folder that has an ES256 key.
pub(super) async fn make_first_rsa_key(options: &KeyOptions, db: &Db, now: Timestamp) -> Result<bool, KeysError> {
    make_first_key::<RsaSigningKey>(options, db, now)
        .await
        .map_err(|error| match error {
            KeysError::File { source, .. } => KeysError::RsaUnwritable {
                dir: options.folder().rsa(),
                source,
            },
            other => other,
        })
}

/// Returns the most recently seen key of this algorithm.
pub(super) async fn known(db: &Db, alg: SigningAlg) -> Result<Option<String>, StoreError> {
    let mut known = store::all(db).await?;
    known.retain(|known| known.alg == alg.as_str());
    Ok(known.pop().map(|known| known.kid))
}

/// Returns why a folder without a key is refused that the database has seen.
pub(super) fn lost(options: &KeyOptions, alg: SigningAlg, kid: String) -> KeysError {
    match alg {
        SigningAlg::Es256 => KeysError::Lost {
            dir: options.dir.clone(),
            kid,
        },
        SigningAlg::Rs256 => KeysError::RsaLost {
            dir: options.folder().rsa(),
            kid,
        },
    }
}
