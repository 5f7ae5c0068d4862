//! The public RSA key as JSON (RFC 7518 §6.3.1), as published. It is never read: our tokens are verified with the keys in
//! our own folder.

use serde::Serialize;

/// A public RSA key as a JWK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RsaJwk {
    /// `RSA`.
    pub kty: &'static str,
    /// The modulus in base64url.
    pub n: String,
    /// The exponent in base64url.
    pub e: String,
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub use_: &'static str,
    /// `RS256`.
    pub alg: &'static str,
}
