//! The claims of a user: changed by the operator, and given to clients.

use std::collections::BTreeMap;

use countersign_guard::Scopes;
use countersign_oauth::{ClaimRequest, InvalidClaim, STANDARD_CLAIMS, StandardClaims};
use countersign_store::{Conn, Db, StoreError};
use serde::Serialize;
use serde_json::{Map, Value};

use super::store::{self, ProfileRow};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::platform::Platform;
use crate::features::identity::accounts::{self, Account};
use crate::features::operations::audit::{Audit, Event, EventKind};

/// The claims of a user other than those of the account. Empty if none were set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StandardProfile {
    pub claims: StandardClaims,
    /// When the operator last said that the telephone number is the user's.
    pub phone_verified_at: Option<Timestamp>,
    /// `None` if no claim was ever set.
    pub updated_at: Option<Timestamp>,
}

/// A change of the claims of a user.
#[derive(Clone, Debug, Default)]
pub struct ClaimsChange {
    /// Whether all claims are removed first.
    pub clear: bool,
    /// Claims to set; those that are null are removed (RFC 7396).
    pub set: Map<String, Value>,
    /// Whether the telephone number is known to be the user's; `None` leaves it as it is. A new number is not.
    pub phone_verified: Option<bool>,
}

/// Why claims were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimsError {
    /// The account no longer exists.
    #[error("the account does not exist")]
    Gone,
    /// A claim is invalid.
    #[error(transparent)]
    Invalid(#[from] InvalidClaim),
    /// There is no telephone number that could be verified.
    #[error("the user has no phone_number")]
    NoPhoneNumber,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes the claims of users. Cloning is cheap.
#[derive(Clone)]
pub struct UserClaims {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}

impl UserClaims {
    /// Changes the claims of a user and returns them. The command line calls it.
    ///
    /// # Errors
    /// [`ClaimsError`].
    pub async fn change(
        &self,
        id: AccountId,
        change: &ClaimsChange,
        caller: &Caller,
    ) -> Result<StandardProfile, ClaimsError> {
        let now = self.platform.clock.now();
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if accounts::find(&mut *tx, id).await?.is_none() {
                        return Err(ClaimsError::Gone);
                    }
                    let before = find(&mut *tx, id).await?;
                    let after = before.changed(change, now)?;
                    let changed = changed_names(&before, &after);
                    if changed.is_empty() {
                        return Ok(before);
                    }
                    store::put(tx, id, &ProfileRow::from((&after, now))).await?;
                    // Names only: the log is kept longer than the values.
                    let detail = format!("claims: {}", changed.join(", "));
                    let event = Event::new(EventKind::ProfileChanged, id, caller).detail(detail);
                    self.audit.record(tx, event).await?;
                    Ok(after)
                })
            })
            .await
    }
}

impl StandardProfile {
    fn changed(&self, change: &ClaimsChange, now: Timestamp) -> Result<Self, ClaimsError> {
        let before = match change.clear {
            true => StandardClaims::default(),
            false => self.claims.clone(),
        };
        let claims = before.changed(change.set.clone())?;
        let (former, number) = (self.claims.text("phone_number"), claims.text("phone_number"));
        let phone_verified_at = match (number, change.phone_verified) {
            (None, Some(true)) => return Err(ClaimsError::NoPhoneNumber),
            (None, _) | (Some(_), Some(false)) => None,
            (Some(_), Some(true)) => Some(now),
            (Some(_), None) => self.phone_verified_at.filter(|_| number == former),
        };
        Ok(Self {
            claims,
            phone_verified_at,
            updated_at: Some(now),
        })
    }
}

/// Returns the names of the claims that differ.
fn changed_names(before: &StandardProfile, after: &StandardProfile) -> Vec<&'static str> {
    let differs = |name: &&str| before.claims.get(name) != after.claims.get(name);
    let mut names: Vec<_> = StandardClaims::names().filter(differs).collect();
    if before.phone_verified_at.is_some() != after.phone_verified_at.is_some() {
        names.push("phone_number_verified");
    }
    names
}

impl From<(&StandardProfile, Timestamp)> for ProfileRow {
    fn from((profile, updated_at): (&StandardProfile, Timestamp)) -> Self {
        Self {
            claims: Value::Object(profile.claims.to_object()).to_string(),
            phone_verified_at: profile.phone_verified_at,
            updated_at,
        }
    }
}

/// Returns the claims of a user other than those of the account.
///
/// # Errors
/// If the database failed.
pub async fn find<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<StandardProfile, StoreError> {
    let Some(row) = store::find(conn, account).await? else {
        return Ok(StandardProfile::default());
    };
    let claims = serde_json::from_str(&row.claims).map_err(|_| StoreError::Inconsistent {
        table: "profiles",
        column: "claims",
    })?;
    Ok(StandardProfile {
        claims,
        phone_verified_at: row.phone_verified_at,
        updated_at: Some(row.updated_at),
    })
}

/// The claims that a client asks for.
pub struct RequestedClaims<'a> {
    /// The scopes that were granted.
    pub scopes: &'a Scopes,
    /// The claims that were requested by name (OpenID Connect Core §5.5), for this response.
    pub requested: &'a BTreeMap<String, ClaimRequest>,
    /// All scopes that the client may have: it gets no claim by name that it could not get by a scope.
    pub allowed: &'a Scopes,
}

impl RequestedClaims<'_> {
    /// Returns the names of the claims that are given, if the user has them.
    fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for (scope, claims) in &STANDARD_CLAIMS {
            let (granted, allowed) = (self.scopes.contains(scope), self.allowed.contains(scope));
            let is_given = |claim: &&&str| granted || (allowed && self.requested.contains_key(**claim));
            names.extend(claims.iter().filter(is_given));
        }
        names
    }
}

/// Returns the claims of a user that a client asks for, except `sub`. Claims that the user does not have are left out (OpenID
/// Connect Core §5.3.2). `None` if the account does not exist or is disabled.
///
/// # Errors
/// If the database failed.
pub async fn claims_for(
    db: &Db,
    account: AccountId,
    asked: &RequestedClaims<'_>,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let found = accounts::find(db, account).await?;
    let Some(account) = found.filter(|account| account.disabled_at.is_none()) else {
        return Ok(None);
    };
    let names = asked.names();
    if names.is_empty() {
        return Ok(Some(Map::new()));
    }
    let profile = find(db, account.id).await?;
    let claims = names
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), claim(name, &account, &profile)?)));
    Ok(Some(claims.collect()))
}

/// Returns one claim of a user.
fn claim(name: &str, account: &Account, profile: &StandardProfile) -> Option<Value> {
    match name {
        "name" => {
            let name = account.name.as_ref().map(|name| name.as_str().to_owned());
            name.or_else(|| profile.claims.composed_name()).map(Value::from)
        }
        "email" => Some(account.email.as_str().into()),
        "email_verified" => Some(account.email_verified_at.is_some().into()),
        "phone_number_verified" => {
            profile.claims.get("phone_number")?;
            Some(profile.phone_verified_at.is_some().into())
        }
        "updated_at" => {
            let updated_at = profile
                .updated_at
                .map_or(account.updated_at, |at| at.max(account.updated_at));
            Some(updated_at.seconds().into())
        }
        name => profile.claims.get(name).cloned(),
    }
}
