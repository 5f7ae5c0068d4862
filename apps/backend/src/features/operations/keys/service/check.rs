//! Checking a folder without opening its keys for use.

use rustix::fs::{Access, access};

use super::options::KeyOptions;
use super::reading::Reading;
use super::sealing;
use crate::features::operations::keys::KeysError;

/// Returns the id of the signing key, after checking the whole folder; `None` for an empty folder.
///
/// # Errors
/// [`KeysError`]
pub async fn current_kid(options: &KeyOptions) -> Result<Option<String>, KeysError> {
    let reading = Reading::of(options).await?;
    match reading.snapshot.signs() {
        true => Ok(Some(reading.keys().await?.ec.current.kid().to_owned())),
        false => Ok(None),
    }
}

/// Checks whether the keys are usable or, if there are none, could be created. Creates nothing.
///
/// # Errors
/// [`KeysError`] if a file is not a valid key, or if the folder does not exist and cannot be created.
pub async fn check_keys(options: &KeyOptions) -> Result<(), KeysError> {
    let reading = Reading::of(options).await?;
    if reading.snapshot.signs() {
        reading.keys().await?;
        return sealing::check(options, &reading.snapshot);
    }
    let mut place = std::path::absolute(&options.dir).unwrap_or_else(|_| options.dir.clone());
    while !place.exists() && place.pop() {}
    let unusable = |source: std::io::Error| KeysError::File {
        doing: "make",
        path: options.dir.clone(),
        source,
    };
    match place.is_dir() {
        true => access(&place, Access::WRITE_OK).map_err(|why| unusable(why.into())),
        false => Err(unusable(std::io::ErrorKind::NotADirectory.into())),
    }
}
