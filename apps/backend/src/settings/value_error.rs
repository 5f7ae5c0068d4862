//! What is wrong with one value.

/// What is wrong with a value, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct ValueError {
    /// What is wrong; it follows the setting's name and a colon.
    pub what: String,
    /// What to do about it; empty if `what` says it all.
    pub help: String,
}

impl ValueError {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
        }
    }
}
