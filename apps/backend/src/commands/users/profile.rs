//! `countersign users profile`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::find::account;
use crate::Services;
use crate::commands::Failure;
use crate::commands::cli::UserProfile;
use crate::commands::output::{Row, Standard};
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::features::identity::profiles::{self, ClaimsChange, StandardProfile};
use crate::installation::Opening;

/// Returns how the installation is opened: showing claims needs less than changing them.
pub(super) fn opening(asked: &UserProfile) -> Opening {
    match is_change(asked) {
        true => Opening::Existing,
        false => Opening::Reading,
    }
}

fn is_change(asked: &UserProfile) -> bool {
    asked.clear || asked.claims.is_some() || !asked.set.is_empty() || asked.phone_verified.is_some()
}

pub(super) async fn run(asked: UserProfile, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &asked.account.email).await?;
    let before = profiles::find(&services.db, account.id).await?;
    if !is_change(&asked) {
        return Ok(output.row(&ShownProfile::new(account.id, before))?);
    }
    let change = ClaimsChange {
        clear: asked.clear,
        set: with_single(asked.claims.unwrap_or_default(), asked.set),
        phone_verified: asked.phone_verified,
    };
    let after = services.claims.change(account.id, &change, services.command_line());
    let after = after.await.map_err(Failure::new)?;
    let sentence = match before == after {
        true => format!("Nothing has changed: {} already has these claims.", account.email),
        false => format!("Changed the claims of {}; clients see them from now on.", account.email),
    };
    Ok(output.done(&sentence, &ShownProfile::new(account.id, after))?)
}

/// Adds single claims to those of a JSON object. `address.country=UK` sets a member of the address; an empty value removes.
fn with_single(mut claims: Map<String, Value>, single: Vec<(String, String)>) -> Map<String, Value> {
    for (name, value) in single {
        match name.split_once('.') {
            Some((claim, member)) => {
                let inner = claims.entry(claim).or_insert_with(|| Map::new().into());
                if let Value::Object(inner) = inner {
                    inner.insert(member.to_owned(), value.into());
                }
            }
            None if name == "address" && value.is_empty() => {
                claims.insert(name, Value::Null);
            }
            None => {
                claims.insert(name, value.into());
            }
        }
    }
    claims
}

/// The claims of a user as shown to the operator.
#[derive(Serialize)]
struct ShownProfile {
    id: AccountId,
    claims: Map<String, Value>,
    phone_verified_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl ShownProfile {
    fn new(id: AccountId, profile: StandardProfile) -> Self {
        Self {
            id,
            claims: profile.claims.to_object(),
            phone_verified_at: profile.phone_verified_at,
            updated_at: profile.updated_at,
        }
    }
}

impl Row for ShownProfile {
    const COLUMNS: &'static [&'static str] = &["id", "claims", "phone verified at", "updated at"];

    fn cells(&self) -> Vec<String> {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let shown = |(name, value): (&String, &Value)| match value {
            Value::String(text) => format!("{name}={text}"),
            value => format!("{name}={value}"),
        };
        vec![
            self.id.to_string(),
            self.claims.iter().map(shown).collect::<Vec<_>>().join("; "),
            time(self.phone_verified_at),
            time(self.updated_at),
        ]
    }
}
