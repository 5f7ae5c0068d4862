//! Wire types: the JWK Set.

use countersign_jose::{Jwk, RsaJwk};
use serde::Serialize;
use utoipa::ToSchema;

/// A JWK Set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
#[schema(as = JwkSet)]
pub(super) struct JwkSetBody {
    /// The public keys that verify tokens.
    keys: Vec<JwkBody>,
}

/// A public key (RFC 7518 §6).
#[derive(Serialize, ToSchema)]
#[schema(as = Jwk)]
#[serde(untagged)]
pub(super) enum JwkBody {
    Ec(EcJwkBody),
    Rsa(RsaJwkBody),
}

/// A public key that verifies access tokens, status lists, and the ID tokens of clients that ask for ES256 (RFC 7518 §6.2.1).
#[derive(Serialize, ToSchema)]
#[schema(as = EcJwk)]
pub(super) struct EcJwkBody {
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

/// A public key that verifies the ID tokens of clients that do not ask for ES256 (RFC 7518 §6.3.1). There is none until the
/// first such client exists. Access tokens are never signed with it.
#[derive(Serialize, ToSchema)]
#[schema(as = RsaJwk)]
pub(super) struct RsaJwkBody {
    /// `RSA`
    kty: &'static str,
    /// The modulus in base64url.
    n: String,
    /// The exponent in base64url.
    e: String,
    /// The RFC 7638 thumbprint, which is the `kid` of the tokens.
    kid: String,
    /// `sig`
    r#use: &'static str,
    /// `RS256`
    alg: &'static str,
}

impl JwkSetBody {
    /// Creates the set of these keys, in this order.
    pub(super) fn of(keys: impl Iterator<Item = JwkBody>) -> Self {
        Self { keys: keys.collect() }
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
        Self::Ec(EcJwkBody {
            kty,
            crv,
            x,
            y,
            kid,
            r#use: use_,
            alg,
        })
    }
}

impl From<RsaJwk> for JwkBody {
    fn from(
        RsaJwk {
            kty,
            n,
            e,
            kid,
            use_,
            alg,
            ..
        }: RsaJwk,
    ) -> Self {
        Self::Rsa(RsaJwkBody {
            kty,
            n,
            e,
            kid,
            r#use: use_,
            alg,
        })
    }
}
