//! The summary of an intact log.

use serde::Serialize;

/// The content of an intact log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogSummary {
    pub rows: u64,
    /// Rows whose IP address and device were erased with the person.
    pub erased: u64,
    pub checkpoints: u64,
    /// The position up to which old rows were removed; 0 if none.
    pub removed_through: i64,
    /// When the last checkpoint of those rows was signed, in seconds since the epoch.
    pub begins_at: Option<i64>,
    /// The last sealed position; 0 if none.
    pub last: i64,
    /// When the newest checkpoint was signed, in seconds since the epoch.
    pub signed_at: Option<i64>,
}
