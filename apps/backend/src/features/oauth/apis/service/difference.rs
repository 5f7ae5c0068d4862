//! What differs between the settings file and the database, for APIs and for clients.

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

/// The settings file compared with the database.
#[derive(Debug)]
pub struct Comparison<E> {
    /// The entries that can be applied and differ.
    pub differences: Vec<Difference>,
    /// Why other entries cannot be applied.
    pub problems: Vec<E>,
}
