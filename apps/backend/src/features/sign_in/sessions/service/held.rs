//! The scopes of an access token that its user still has.

use countersign_guard::{AccessTokenClaims, Scopes};
use countersign_oauth::{OPENID_SCOPES, ScopeGrant};
use countersign_store::{Db, StoreError};

use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::core::ids::AccountId;
use crate::features::identity::accounts;
use crate::features::oauth::apis::{self, Api};

/// Returns the scopes of a verified token without those that the user no longer has, because an operator has taken them back
/// or the API has none of that name any more (ASVS 8.3.2). Endpoints that ask the database use this; services that verify
/// tokens offline accept such a scope until the token expires.
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
    // As for the next token of the grant: OpenID scopes, the API's open scopes, and those that the user owns.
    let apis = apis::all(db).await?;
    let is_of_token = |api: &&Api| claims.aud.iter().any(|audience| audience == api.identifier);
    let is_held = |scope: &&str| {
        let registered = apis.iter().filter(is_of_token).find_map(|api| api.scope(scope));
        match registered.map(|registered| registered.grant) {
            Some(ScopeGrant::Open) => true,
            Some(ScopeGrant::Owned) => owned.contains(scope),
            None => OPENID_SCOPES.contains(scope),
        }
    };
    Ok(granted.iter().filter(is_held).map(str::to_owned).collect())
}
