//! What the tokens of a grant contain: computed at each issue from what is registered, granted, consented and owned at that
//! moment. It is read before a code or a refresh token is spent for them, so that a fault of the database costs no grant.

use countersign_guard::Scopes;
use countersign_oauth::IdTokenClaimsMode;
use serde_json::{Map, Value};

use super::access::Access;
use super::grant::{Grant, RequestedTokens};
use super::{TokenError, Tokens};
use crate::features::identity::profiles;
use crate::features::oauth::authorization::Target;
use crate::features::oauth::clients::Client;
use crate::features::operations::keys::{IssueError, Reserved};

/// What the next tokens of a grant contain, and what they are signed with.
pub(super) struct Prepared {
    /// What the access token is for.
    pub(super) target: Target,
    /// Its scopes.
    pub(super) scopes: Scopes,
    /// The claims of the ID token about the user; `None` without an ID token.
    pub(super) user: Option<Map<String, Value>>,
    pub(super) reserved: Reserved,
}

impl Tokens {
    /// Reads what the next tokens of a grant contain, and makes sure that they can be signed.
    ///
    /// # Errors
    /// [`TokenError`]
    pub(super) async fn prepare(&self, grant: &Grant, asked: &RequestedTokens<'_>) -> Result<Prepared, TokenError> {
        let access = self.access(grant, asked).await?;
        let user = match access.openid.contains("openid") {
            true => Some(self.user(grant, asked.client, &access).await?),
            false => None,
        };
        let reserved = self.reserve(asked.client, user.is_some()).await?;
        Ok(Prepared {
            target: access.target,
            scopes: access.scopes,
            user,
            reserved,
        })
    }

    /// Returns the claims of the ID token about the user.
    async fn user(&self, grant: &Grant, client: &Client, access: &Access) -> Result<Map<String, Value>, TokenError> {
        let none = Scopes::default();
        let asked = profiles::RequestedClaims {
            scopes: match client.metadata.id_token_claims {
                IdTokenClaimsMode::Scope => &access.openid,
                IdTokenClaimsMode::Minimal => &none,
            },
            requested: &grant.claims.id_token,
            allowed: &access.consented,
        };
        let user = profiles::claims_for(&self.platform.db, grant.account, &asked).await?;
        // Deleted or disabled at this moment.
        user.ok_or(TokenError::InvalidGrant)
    }

    async fn reserve(&self, client: &Client, has_openid: bool) -> Result<Reserved, IssueError> {
        let alg = has_openid.then_some(client.metadata.id_token_signed_response_alg);
        let ttl = self.platform.settings.provider.longest_ttl();
        self.keys.reserve(alg, ttl, self.platform.clock.now()).await
    }
}
