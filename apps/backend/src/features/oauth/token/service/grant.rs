//! A grant, as the token endpoint reads it.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use crate::features::oauth::clients::Client;
use crate::features::sign_in::sessions::Session;

/// A grant, and what the request says about its next tokens.
pub(super) struct Grant<'a> {
    pub(super) session: &'a Session,
    pub(super) client: &'a Client,
    /// The requested API. `None` for the default of the grant.
    pub(super) resource: Option<&'a str>,
    /// Narrows the scopes of this access token.
    pub(super) scope: Option<&'a Scopes>,
    /// The `nonce` of the authorization request; `None` at a refresh.
    pub(super) nonce: Option<&'a str>,
}

/// The scopes that were granted.
pub(super) fn scopes_of(session: &Session) -> Result<Scopes, StoreError> {
    session.scope.parse().map_err(|_| StoreError::Inconsistent {
        table: "sessions",
        column: "scope",
    })
}
