//! The request and response bodies of accounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::Account;
use crate::core::clock::Timestamp;
use crate::core::extract::Rules;
use crate::core::ids::AccountId;
use crate::core::platform::Platform;
use crate::core::problem::{FieldError, Problem};
use crate::core::profile::{Change, InvalidName, Metadata, MetadataPatch, PersonName, Profile, ProfileChange};

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody {
    id: AccountId,
    #[schema(format = Email)]
    email: String,
    email_verified: bool,
    /// The name that the user entered, up to 200 characters.
    #[schema(value_type = Option<String>, required = true, example = "Ada Lovelace")]
    name: Option<PersonName>,
    /// Data of your application that the user may read and change: an object of at most 32 members and 4 KiB.
    #[schema(value_type = Object, example = json!({ "theme": "dark" }))]
    metadata: Metadata,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    last_sign_in_at: Option<Timestamp>,
}

impl From<Account> for UserBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            email_verified: account.email_verified_at.is_some(),
            name: account.name,
            metadata: account.metadata,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
        }
    }
}

/// Changes to a profile. Fields that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileChange)]
pub struct ProfileChangeBody {
    /// The new name: 1 to 200 characters, without control characters. Null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "Ada Lovelace")]
    name: Change<String>,
    /// Members to set; those that are null are removed (JSON Merge Patch, RFC 7396). Null removes all.
    #[serde(default)]
    #[schema(value_type = Option<Object>, required = false, example = json!({ "theme": "dark", "beta": null }))]
    metadata: Change<MetadataPatch>,
}

impl Rules for ProfileChangeBody {
    fn mistakes(&self, _: &Platform) -> Vec<FieldError> {
        let name = match &self.name {
            Change::Set(name) => name.parse::<PersonName>().err(),
            _ => None,
        };
        name.map(FieldError::from).into_iter().collect()
    }
}

impl ProfileChangeBody {
    /// Returns the changes.
    ///
    /// # Errors
    /// If the name is invalid.
    pub fn change(self) -> Result<ProfileChange, Problem> {
        let wrong = |error: InvalidName| Problem::validation(vec![error.into()]);
        let name = match self.name {
            Change::Keep => Change::Keep,
            Change::Remove => Change::Remove,
            Change::Set(name) => Change::Set(name.parse().map_err(wrong)?),
        };
        Ok(ProfileChange {
            name,
            metadata: self.metadata,
        })
    }
}

/// Reads the profile of a new account from the fields of a body.
///
/// # Errors
/// All fields that are invalid.
pub fn new_profile(name: Option<&str>, metadata: Option<&MetadataPatch>) -> Result<Profile, Vec<FieldError>> {
    let name = name.map(str::parse::<PersonName>).transpose();
    let metadata = metadata.map(Metadata::new).transpose();
    match (name, metadata) {
        (Ok(name), Ok(metadata)) => Ok(Profile {
            name,
            metadata: metadata.unwrap_or_default(),
        }),
        (name, metadata) => {
            let name = name.err().map(FieldError::from);
            Err(name.into_iter().chain(metadata.err().map(FieldError::from)).collect())
        }
    }
}
