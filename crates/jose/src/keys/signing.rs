//! The private key: reads or creates it, and signs compact JWS with it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde::Serialize;
use zeroize::Zeroizing;

use super::signed_text::SignedText;
use super::{KeyError, SignError, VerifyingKey, encrypted, pem, private};
use crate::{SigningAlg, TokenType};

const SIGNATURE_LENGTH: usize = 64;

/// An ES256 private key, parsed once. It has no `Debug`; [`SigningKey::kid`] identifies it.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    /// Creates a new key from the system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError::Unavailable)?;
        Self::from_pair(pair)
    }

    /// Reads PKCS#8 (`PRIVATE KEY`), SEC1 (`EC PRIVATE KEY`, also after `EC PARAMETERS`), or encrypted PKCS#8 (`ENCRYPTED
    /// PRIVATE KEY`), which needs `passphrase`. Otherwise the passphrase is ignored.
    ///
    /// Only P-256 is supported. The private key must be valid, and a public key in the file must match it.
    pub fn from_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let block = pem::read(pem)?;
        let pair = match block.label {
            "PRIVATE KEY" => private::from_pkcs8(&block.der),
            "EC PRIVATE KEY" => private::from_sec1(&block.der),
            "ENCRYPTED PRIVATE KEY" => encrypted::read(&block.der, passphrase, private::from_pkcs8),
            _ => Err(KeyError::NotPem),
        }?;
        Self::from_pair(pair)
    }

    /// Writes unencrypted PKCS#8 in PEM, like `openssl genpkey`. The text is zeroized when dropped.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(pem::write("PRIVATE KEY", &private::to_pkcs8(&self.pair)?))
    }

    /// Returns the public half.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Returns the key's RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// Signs claims as a compact JWS (RFC 7515 §7.1) with the header `{"alg":"ES256","typ":…,"kid":…}`.
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate has no SecureRandom; the signature needs the system's"
    )]
    pub fn sign(&self, typ: TokenType, claims: &impl Serialize) -> Result<String, SignError> {
        let text = SignedText::new(SigningAlg::Es256, typ, self.kid(), claims, SIGNATURE_LENGTH)?;
        let signature = self
            .pair
            .sign(&SystemRandom::new(), text.bytes())
            .map_err(|_| SignError::Unavailable)?;
        Ok(text.with(signature.as_ref()))
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public = VerifyingKey::from_point(pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }
}
