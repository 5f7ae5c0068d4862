//! What was found in a log that is whole.

use serde::Serialize;

/// What a sound log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogSummary {
    pub rows: u64,
    /// Those of them whose address and device were erased, because the person was.
    pub erased: u64,
    pub checkpoints: u64,
    /// Up to which place rows were removed because they were old; 0 if none were.
    pub removed_through: i64,
    /// When the last checkpoint of those rows was signed, in seconds since the epoch.
    pub begins_at: Option<i64>,
    /// The last place that is sealed; 0 if none is.
    pub last: i64,
    /// When the newest checkpoint was signed, in seconds since the epoch.
    pub signed_at: Option<i64>,
}
