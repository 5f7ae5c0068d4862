//! P-256 keys: the private half that signs, the public half that verifies, and the forms in which they travel; and
//! symmetric keys in the same kind of file.
//! Keys are parsed once and held. Where they lie and when they are used is the caller's business.

mod encrypted;
mod error;
mod jwk;
mod pem;
mod private;
mod random;
mod signature;
mod signing;
mod symmetric;
mod verifying;

pub use error::{JwkError, KeyError, SignError};
pub use jwk::{Jwk, JwkSet};
pub use signature::SignatureError;
pub use signing::SigningKey;
pub use symmetric::SymmetricKey;
pub use verifying::VerifyingKey;
