//! The public RSA key: verifies signatures, and is read and written as PEM and written as JWK.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::jwk::{USE, thumbprint};
use super::super::{KeyError, SignatureError, pem};
use super::{RsaJwk, der};
use crate::SigningAlg;

const KTY: &str = "RSA";

/// An RS256 public key, parsed once. Cloning is cheap. Its `Debug` shows the `kid`.
///
/// It verifies our own tokens for clients ([`crate::verify_id_token_rs256`]). [`crate::verify`], which verifies access tokens and status
/// lists, takes a [`crate::VerifyingKey`], which is another type.
#[derive(Clone)]
pub struct RsaVerifyingKey(Arc<Parsed>);

struct Parsed {
    key: ParsedPublicKey,
    /// The `SubjectPublicKeyInfo`.
    spki: Vec<u8>,
    /// The modulus, in base64url.
    n: String,
    /// The exponent, in base64url.
    e: String,
    /// The length of the modulus and so of a signature, in bytes.
    length: usize,
    kid: Box<str>,
}

impl RsaVerifyingKey {
    /// Reads a `PUBLIC KEY` (SPKI, RFC 5280 §4.1.2.7).
    pub fn from_spki_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let block = pem::read(pem)?;
        if block.label != "PUBLIC KEY" {
            return Err(KeyError::NotPem);
        }
        Self::from_public(der::in_spki(&block.der)?)
    }

    /// Writes SPKI in PEM.
    pub fn to_spki_pem(&self) -> String {
        pem::write("PUBLIC KEY", &self.0.spki).to_string()
    }

    /// Writes the JWK, with `kid`, `use` and `alg`.
    pub fn to_jwk(&self) -> RsaJwk {
        RsaJwk {
            kty: KTY,
            n: self.0.n.clone(),
            e: self.0.e.clone(),
            kid: self.kid().to_owned(),
            use_: USE,
            alg: SigningAlg::Rs256.as_str(),
        }
    }

    /// Returns the key's RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// Verifies an RSASSA-PKCS1-v1_5 signature over SHA-256 of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        // RFC 8017 §8.2.2 step 1.
        if signature.len() != self.0.length {
            return Err(SignatureError::WrongLength);
        }
        self.0
            .key
            .verify_sig(message, signature)
            .map_err(|_| SignatureError::Mismatch)
    }

    /// Creates a key from an `RSAPublicKey`, and checks its size.
    pub(super) fn from_public(bytes: &[u8]) -> Result<Self, KeyError> {
        let numbers = der::public(bytes)?;
        numbers.check()?;
        let (n, e) = (URL_SAFE_NO_PAD.encode(numbers.n), URL_SAFE_NO_PAD.encode(numbers.e));
        let components = RsaPublicKeyComponents {
            n: numbers.n,
            e: numbers.e,
        };
        let key = components
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| KeyError::Malformed)?;
        let spki: PublicKeyX509Der<'_> = key.as_der().map_err(|_| KeyError::Unavailable)?;
        // RFC 7638 §3.2: the required members of an RSA key, in this order.
        let kid = thumbprint(&[("e", &e), ("kty", KTY), ("n", &n)]);
        Ok(Self(Arc::new(Parsed {
            spki: spki.as_ref().to_vec(),
            key,
            length: numbers.n.len(),
            n,
            e,
            kid: kid.into_boxed_str(),
        })))
    }
}

impl PartialEq for RsaVerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.n == other.0.n && self.0.e == other.0.e
    }
}

impl Eq for RsaVerifyingKey {}

impl fmt::Debug for RsaVerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RsaVerifyingKey").field(&self.kid()).finish()
    }
}
