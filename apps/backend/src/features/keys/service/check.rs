//! What a folder holds, without opening it.

use rustix::fs::{Access, access};

use super::options::KeyOptions;
use super::reading::Reading;
use super::sealing;
use crate::features::keys::KeysError;

/// The key of the folder that signs, with all that is in the folder checked; none of an empty folder.
///
/// # Errors
/// [`KeysError`]
pub async fn current_kid(options: &KeyOptions) -> Result<Option<String>, KeysError> {
    let reading = Reading::of(options).await?;
    match reading.snapshot.signs() {
        true => Ok(Some(reading.keys().await?.current.kid().to_owned())),
        false => Ok(None),
    }
}

/// Whether the keys can be used, or could be made where there are none. It makes nothing.
///
/// # Errors
/// [`KeysError`]: what is there is no key, or there is no folder and none can be made.
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
