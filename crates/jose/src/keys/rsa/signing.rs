//! The private RSA key: reads or creates it, and signs the tokens of clients with it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256};
use zeroize::Zeroizing;

use super::super::signed_text::SignedText;
use super::super::{KeyError, SignError, encrypted, pem};
use super::{RsaVerifyingKey, der};
use crate::{ClientClaims, SigningAlg};

/// An RS256 private key, parsed once. It has no `Debug`; [`RsaSigningKey::kid`] identifies it.
///
/// It signs [`ClientClaims`] only: access tokens and status lists are always ES256. A signature takes some 2 ms, a hundred
/// times as long as one with [`crate::SigningKey`].
pub struct RsaSigningKey {
    pair: RsaKeyPair,
    public: RsaVerifyingKey,
}

impl RsaSigningKey {
    /// Creates a new key of 3072 bits from the system's randomness. This takes some tenths of a second.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| KeyError::Unavailable)?;
        Self::from_pair(pair)
    }

    /// Reads PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`), or encrypted PKCS#8 (`ENCRYPTED PRIVATE KEY`), which needs
    /// `passphrase`. Otherwise the passphrase is ignored.
    ///
    /// Keys of 3072 to 4096 bits with the exponent 65537 are supported. All numbers in the file must fit together.
    pub fn from_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let block = pem::read(pem)?;
        let pair = match block.label {
            "PRIVATE KEY" => from_pkcs8(&block.der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&block.der).map_err(|_| KeyError::Malformed),
            "ENCRYPTED PRIVATE KEY" => encrypted::read(&block.der, passphrase, from_pkcs8),
            // SEC1, which contains EC keys only.
            "EC PRIVATE KEY" => Err(KeyError::NotRsa),
            _ => Err(KeyError::NotPem),
        }?;
        Self::from_pair(pair)
    }

    /// Writes unencrypted PKCS#8 in PEM, like `openssl genpkey`. The text is zeroized when dropped.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::Unavailable)?;
        Ok(pem::write("PRIVATE KEY", der.as_ref()))
    }

    /// Returns the public half.
    pub fn verifying_key(&self) -> &RsaVerifyingKey {
        &self.public
    }

    /// Returns the key's RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// Signs claims as a compact JWS (RFC 7515 §7.1) with the header `{"alg":"RS256","typ":…,"kid":…}`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the library asks for a source of randomness; this signature uses none"
    )]
    pub fn sign<C: ClientClaims>(&self, claims: &C) -> Result<String, SignError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let text = SignedText::new(SigningAlg::Rs256, C::TYPE, self.kid(), claims, signature.len())?;
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.bytes(), &mut signature)
            .map_err(|_| SignError::Unavailable)?;
        Ok(text.with(&signature))
    }

    fn from_pair(pair: RsaKeyPair) -> Result<Self, KeyError> {
        let public = RsaVerifyingKey::from_public(pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }
}

fn from_pkcs8(bytes: &[u8]) -> Result<RsaKeyPair, KeyError> {
    der::check_pkcs8(bytes)?;
    RsaKeyPair::from_pkcs8(bytes).map_err(|_| KeyError::Malformed)
}
