//! What is wrong with one value.

/// What is wrong with a value, and what to write.
#[derive(Debug, PartialEq, Eq)]
pub struct ValueError {
    /// The end of the sentence that begins with the setting's name.
    pub what: String,
    /// The end of the sentence that begins with "Write"; empty where there is nothing to add.
    pub write: String,
}

impl ValueError {
    pub(super) fn new(what: impl Into<String>, write: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            write: write.into(),
        }
    }
}
