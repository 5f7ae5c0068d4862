//! The scopes of an access token that its user still has.

use countersign_guard::{AccessTokenClaims, Scopes};
use countersign_oauth::ScopeGrant;
use countersign_store::{Db, StoreError};

use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::core::ids::AccountId;
use crate::features::identity::accounts;
use crate::features::oauth::apis;

/// Returns the scopes of a verified token without those that an operator has taken from the user since it was issued. Services
/// that verify tokens offline notice that at the next refresh; doors that ask the database use this (ASVS 8.3.2).
///
/// # Errors
/// If the database failed.
pub async fn held_scopes(db: &Db, claims: &AccessTokenClaims) -> Result<Scopes, StoreError> {
    let granted = claims.scope.iter().flat_map(|scope| scope.split_ascii_whitespace());
    let granted: Scopes = granted.map(str::to_owned).collect();
    let Some(account) = claims.sub.account().filter(|_| !granted.is_empty()) else {
        return Ok(granted);
    };
    let owned = accounts::scopes(db, AccountId(account)).await?;
    if claims.client_id == FIRST_PARTY_CLIENT {
        return Ok(granted.intersection(&owned));
    }
    // Of an API's scopes, some belong to every user.
    let apis = apis::all(db).await?;
    let api = apis
        .iter()
        .find(|api| claims.aud.iter().any(|audience| audience == api.identifier));
    let is_owned = |scope: &str| {
        let registered = api.and_then(|api| api.scope(scope));
        registered.is_some_and(|registered| registered.grant == ScopeGrant::Owned)
    };
    let held = granted.iter().filter(|scope| !is_owned(scope) || owned.contains(scope));
    Ok(held.map(str::to_owned).collect())
}
