//! What users say about themselves: a name, and an object that applications define. Both are parsed once, on input.

mod metadata;
mod name;

use serde::de::{Deserialize, Deserializer};

pub use self::metadata::{InvalidMetadata, Metadata, MetadataPatch, REASONS};
pub use self::name::{InvalidName, PersonName};

/// The name and metadata of an account or of a pending sign-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// `None` if the user has not given one.
    pub name: Option<PersonName>,
    pub metadata: Metadata,
}

/// A change of one field: leave it as it is, set it, or remove it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field is not in the request.
    #[default]
    Keep,
    /// The field is null.
    Remove,
    Set(T),
}

/// With `#[serde(default)]`, so that a missing field is not confused with null.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|value| value.map_or(Self::Remove, Self::Set))
    }
}

/// Changes of a profile.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub name: Change<PersonName>,
    pub metadata: Change<MetadataPatch>,
}

impl Profile {
    /// Returns the changed profile.
    ///
    /// # Errors
    /// If the metadata would become too large.
    pub fn changed(&self, change: &ProfileChange) -> Result<Self, InvalidMetadata> {
        let name = match &change.name {
            Change::Keep => self.name.clone(),
            Change::Remove => None,
            Change::Set(name) => Some(name.clone()),
        };
        let metadata = match &change.metadata {
            Change::Keep => self.metadata.clone(),
            Change::Remove => Metadata::default(),
            Change::Set(patch) => self.metadata.patched(patch)?,
        };
        Ok(Self { name, metadata })
    }
}
