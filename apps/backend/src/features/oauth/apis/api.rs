//! An API as it is registered.

use std::ops::Deref;

use countersign_oauth::ApiMetadata;
use countersign_store::{Cell, Column, Value};
use serde::Serialize;

use crate::core::clock::Timestamp;

/// An API (resource server). It dereferences to its metadata: identifier, name and scopes.
#[derive(Clone, Debug)]
pub struct Api {
    pub metadata: ApiMetadata,
    pub origin: Origin,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When it was disabled. No tokens are issued for a disabled API.
    pub disabled_at: Option<Timestamp>,
}

impl Deref for Api {
    type Target = ApiMetadata;

    fn deref(&self) -> &ApiMetadata {
        &self.metadata
    }
}

/// Where a client or an API is registered, which is the only place that can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The command line.
    Operator,
    /// The settings file.
    File,
}

impl Origin {
    /// Returns its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::File => "file",
        }
    }
}

impl Column for Origin {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text("operator") => Some(Self::Operator),
            Cell::Text("file") => Some(Self::File),
            _ => None,
        }
    }
}

impl From<Origin> for Value {
    fn from(origin: Origin) -> Self {
        Self::from(origin.name())
    }
}
