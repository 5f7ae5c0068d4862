//! P-256 keys: the private key that signs, the public key that verifies, and their file formats; RSA keys for clients that
//! cannot verify ES256; and symmetric keys in the same kind of file.
//!
//! Keys are parsed once and kept. The caller decides where they are stored and when they are used.

mod encrypted;
mod error;
mod jwk;
mod pem;
mod private;
mod random;
mod rsa;
mod signature;
mod signed_text;
mod signing;
mod symmetric;
mod verifying;

pub use error::{JwkError, KeyError, SignError};
pub use jwk::{Jwk, JwkSet};
pub use rsa::{RsaJwk, RsaSigningKey, RsaVerifyingKey};
pub use signature::SignatureError;
pub use signing::SigningKey;
pub use symmetric::SymmetricKey;
pub use verifying::VerifyingKey;
