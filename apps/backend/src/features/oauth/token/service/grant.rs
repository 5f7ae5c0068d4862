//! A grant, as the token endpoint reads it.

use countersign_guard::Scopes;
use countersign_oauth::ClaimsRequest;
use countersign_store::StoreError;

use crate::core::ids::AccountId;
use crate::features::oauth::clients::Client;
use crate::features::sign_in::sessions::Session;

/// What a user has granted a client. The grant may be open already, or about to be opened for a code.
pub(super) struct Grant {
    pub(super) account: AccountId,
    /// The scopes that were granted.
    pub(super) scopes: Scopes,
    /// The identifiers of the APIs that the client named, or what stands for them.
    pub(super) resources: Vec<String>,
    /// The `claims` of the authorization request (OpenID Connect Core §5.5).
    pub(super) claims: ClaimsRequest,
}

/// What a request says about the next tokens of a grant.
pub(super) struct RequestedTokens<'a> {
    pub(super) client: &'a Client,
    /// The requested API. `None` for the default of the grant.
    pub(super) resource: Option<&'a str>,
    /// Narrows the scopes of this access token.
    pub(super) scope: Option<Scopes>,
}

impl Grant {
    /// Reads a grant that is open.
    ///
    /// # Errors
    /// If its row makes no sense.
    pub(super) fn of(session: &Session) -> Result<Self, StoreError> {
        let resources = session.resources.as_deref().unwrap_or_default();
        // As stored, they may be longer than a request may be: `1e9` is written as `1000000000.0`.
        let claims = session
            .claims
            .as_deref()
            .map(serde_json::from_str::<ClaimsRequest>)
            .transpose();
        Ok(Self {
            account: session.account_id,
            scopes: session.scope.parse().map_err(|_| inconsistent("scope"))?,
            resources: resources.split_ascii_whitespace().map(str::to_owned).collect(),
            claims: claims.map_err(|_| inconsistent("claims"))?.unwrap_or_default(),
        })
    }
}

fn inconsistent(column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "sessions",
        column,
    }
}
