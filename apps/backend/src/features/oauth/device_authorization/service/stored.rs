//! What a device requests, and the consents that the user gave for it, as they are stored.

use countersign_store::StoreError;
use uuid::Uuid;

use crate::features::oauth::authorization::{Audience, consent_ids};
use crate::features::oauth::consents::Consent;

/// Writes audiences for the database.
///
/// # Errors
/// If they cannot be written.
pub(super) fn written(audiences: &[Audience]) -> Result<String, StoreError> {
    serde_json::to_string(audiences).map_err(|_| inconsistent("audiences"))
}

/// Reads audiences from the database.
///
/// # Errors
/// If they make no sense.
pub(super) fn audiences(text: &str) -> Result<Vec<Audience>, StoreError> {
    serde_json::from_str(text).map_err(|_| inconsistent("audiences"))
}

/// Writes the ids of consents for the database.
pub(super) fn written_ids(given: &[Consent]) -> String {
    let ids: Vec<_> = consent_ids(given).iter().map(ToString::to_string).collect();
    ids.join(" ")
}

/// Reads the ids of consents from the database.
///
/// # Errors
/// If they make no sense.
pub(super) fn ids(text: &str) -> Result<Vec<Uuid>, StoreError> {
    let ids = text.split_ascii_whitespace().map(Uuid::try_parse);
    ids.collect::<Result<_, _>>().map_err(|_| inconsistent("consent_ids"))
}

/// Returns a value that each request has once it is decided.
///
/// # Errors
/// If there is none.
pub(super) fn decided<T>(value: Option<T>, column: &'static str) -> Result<T, StoreError> {
    value.ok_or_else(|| inconsistent(column))
}

/// The error for a request whose row makes no sense.
pub(super) fn inconsistent(column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "device_codes",
        column,
    }
}
