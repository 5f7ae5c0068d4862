//! Wire types: the JWK Set and the server's metadata.

use countersign_jose::{Jwk, VerifyingKey};
use serde::Serialize;
use utoipa::ToSchema;

/// A JWK Set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
#[schema(as = JwkSet)]
pub(super) struct JwkSetBody {
    /// The public keys that verify tokens.
    keys: Vec<JwkBody>,
}

/// A public key (RFC 7518 §6.2.1).
#[derive(Serialize, ToSchema)]
#[schema(as = Jwk)]
struct JwkBody {
    /// `EC`
    kty: String,
    /// `P-256`
    crv: String,
    /// The x coordinate in base64url.
    x: String,
    /// The y coordinate in base64url.
    y: String,
    /// The RFC 7638 thumbprint, which is the `kid` of the tokens.
    kid: Option<String>,
    /// `sig`
    r#use: Option<String>,
    /// `ES256`
    alg: Option<String>,
}

/// Server metadata (RFC 8414 §2).
#[derive(Serialize, ToSchema)]
#[schema(as = ServerMetadata)]
pub(super) struct MetadataBody {
    /// The exact `iss` of every token.
    #[schema(format = "uri")]
    pub(super) issuer: String,
    /// The URL of the keys.
    #[schema(format = "uri")]
    pub(super) jwks_uri: String,
    /// Empty, because there is no authorization endpoint; the member is required (RFC 8414 §2).
    pub(super) response_types_supported: [String; 0],
    /// Empty, because the default would be `authorization_code` and `implicit` (RFC 8414 §2).
    pub(super) grant_types_supported: [String; 0],
    /// The API documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", nullable = false)]
    pub(super) service_documentation: Option<String>,
}

impl JwkSetBody {
    /// Creates the set of these keys, in this order.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k VerifyingKey>) -> Self {
        Self {
            keys: keys.map(|key| key.to_jwk().into()).collect(),
        }
    }
}

impl From<Jwk> for JwkBody {
    fn from(
        Jwk {
            kty,
            crv,
            x,
            y,
            kid,
            use_,
            alg,
            ..
        }: Jwk,
    ) -> Self {
        Self {
            kty,
            crv,
            x,
            y,
            kid,
            r#use: use_,
            alg,
        }
    }
}
