//! Errors of keys. No error contains a part of a key.

use thiserror::Error;

/// Why a key could not be read, created or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text does not contain exactly one PEM block of a supported kind.
    #[error("expected exactly one PEM block with a key")]
    NotPem,
    /// The key is encrypted, and no passphrase was given.
    #[error("the private key is encrypted and requires its passphrase")]
    NeedsPassphrase,
    /// The passphrase is wrong.
    #[error("the passphrase of the private key is wrong")]
    WrongPassphrase,
    /// The encryption is not supported: anything other than PBES2 with PBKDF2 and AES-CBC.
    #[error(
        "the encryption of the private key is not supported; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`"
    )]
    UnsupportedEncryption,
    /// The key is not on the curve P-256 (RSA, Ed25519, another curve, or none named).
    #[error("the key is not an EC key on the curve P-256")]
    NotP256,
    /// The key is not an RSA key.
    #[error("the key is not an RSA key")]
    NotRsa,
    /// The RSA key is too short or too long, or its exponent is not 65537.
    #[error("the RSA key does not have 3072 to 4096 bits and the exponent 65537")]
    UnsupportedRsa,
    /// The key cannot be used as a symmetric key: its type is not Ed25519.
    #[error("the key is not a symmetric key (256 random bits, stored as an Ed25519 private key)")]
    NotSymmetric,
    /// A private key contains a public key that does not match.
    #[error("the private key does not match its public key")]
    PublicKeyMismatch,
    /// The block is not a valid key: its encoding is broken, or its numbers are out of range or not on the curve.
    #[error("the key is malformed")]
    Malformed,
    /// The cryptographic library failed.
    #[error("the cryptography library failed")]
    Unavailable,
}

/// Why a JWK cannot verify our tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwkError {
    /// Its `kty`, `crv`, `use` or `alg` is for another purpose.
    #[error("the JWK is not an ES256 signing key")]
    OtherKind,
    /// Its coordinates are not 32 bytes each in base64url, or not a point on the curve.
    #[error("the JWK's coordinates are malformed")]
    Malformed,
    /// Its `kid` is not its RFC 7638 thumbprint.
    #[error("the JWK's kid is not its thumbprint")]
    KidMismatch,
}

/// Why a token could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The claims do not serialize to a JSON object.
    #[error("the claims are not a JSON object")]
    NotAnObject,
    /// The token would be longer than verifiers accept ([`crate::TokenType::max_length`]).
    #[error("the token would be too long")]
    TooLong,
    /// The cryptographic library failed.
    #[error("the cryptography library failed")]
    Unavailable,
}
