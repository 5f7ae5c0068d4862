//! What a device requests, and the consents that the user gave for it, as they are stored.

use countersign_store::StoreError;
use uuid::Uuid;

use crate::features::oauth::authorization::{Audience, consent_ids};
use crate::features::oauth::consents::Consent;

/// Writes audiences for the database.
pub(super) fn written(audiences: &[Audience]) -> String {
    serde_json::to_string(audiences).unwrap_or_default()
}

/// Reads audiences from the database.
///
/// # Errors
/// If they make no sense.
pub(super) fn audiences(text: &str) -> Result<Vec<Audience>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Inconsistent {
        table: "device_codes",
        column: "audiences",
    })
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
    ids.collect::<Result<_, _>>().map_err(|_| StoreError::Inconsistent {
        table: "device_codes",
        column: "consent_ids",
    })
}
