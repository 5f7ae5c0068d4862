//! What differs between the settings file and the database. The clients use it too.

/// A difference between the settings file and the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The client or the API.
    pub name: String,
    pub applied: Applied,
}

/// How a difference is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Applied {
    /// The entry is new.
    Created,
    /// The entry differs.
    Changed,
    /// The entry is back, and maybe differs.
    Enabled,
    /// The entry is gone.
    Disabled,
}

impl Applied {
    /// Returns its name, as it is shown to operators.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

impl Difference {
    /// Creates the difference of the client or API with this name.
    pub fn new(name: &str, applied: Applied) -> Self {
        Self {
            name: name.to_owned(),
            applied,
        }
    }
}

/// What differs between the settings file and the database, and the entries that cannot be applied.
#[derive(Debug)]
pub struct Compared<E> {
    pub differences: Vec<Difference>,
    pub problems: Vec<E>,
}
