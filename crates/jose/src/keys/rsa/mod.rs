//! RSA keys for RS256 (RFC 7518 §3.3): the private key that signs tokens for clients, and the public key that verifies our
//! own. They are separate types, so that no verifier of ES256 tokens can be given one.

mod der;
mod jwk;
mod signing;
mod verifying;

pub use jwk::RsaJwk;
pub use signing::RsaSigningKey;
pub use verifying::RsaVerifyingKey;
