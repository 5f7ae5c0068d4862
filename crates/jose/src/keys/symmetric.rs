//! A symmetric key: 256 random bits, stored as an Ed25519 private key in PKCS#8 (RFC 8410 §7).
//!
//! An Ed25519 private key is 32 random bytes and nothing else (RFC 8032 §5.1.5), so OpenSSL makes, encrypts and decrypts
//! these files. They are never used with Ed25519.

use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{KeyError, encrypted, pem, random};

const LENGTH: usize = 32;
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

// PrivateKeyInfo { version 0, { id-Ed25519 }, OCTET STRING { OCTET STRING (32 bytes) } }
const PREFIX: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// `CurvePrivateKey`, an octet string in an octet string.
const INNER_PREFIX: &[u8] = &[0x04, 0x20];

/// 256 random bits that are stored in a file. It has no `Debug` and is zeroized when dropped.
pub struct SymmetricKey(Zeroizing<[u8; LENGTH]>);

impl SymmetricKey {
    /// Creates a new key from the system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        random::bytes().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Reads PKCS#8 (`PRIVATE KEY`), for which a passphrase is ignored, or encrypted PKCS#8 (`ENCRYPTED PRIVATE KEY`), which
    /// needs `passphrase`.
    pub fn from_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let block = pem::read(pem)?;
        match block.label {
            "PRIVATE KEY" => from_pkcs8(&block.der),
            "ENCRYPTED PRIVATE KEY" => encrypted::read(&block.der, passphrase, from_pkcs8),
            _ => Err(KeyError::NotPem),
        }
    }

    /// Writes PKCS#8 in PEM, like OpenSSL, encrypted with the passphrase if there is one. The text is zeroized when dropped.
    pub fn to_pem(&self, passphrase: Option<&[u8]>) -> Result<Zeroizing<String>, KeyError> {
        let der = Zeroizing::new([PREFIX, self.0.as_slice()].concat());
        match passphrase {
            Some(passphrase) => Ok(pem::write("ENCRYPTED PRIVATE KEY", &encrypted::lock(&der, passphrase)?)),
            None => Ok(pem::write("PRIVATE KEY", &der)),
        }
    }

    /// Returns the key.
    pub fn expose(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

fn from_pkcs8(der: &[u8]) -> Result<SymmetricKey, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Malformed)?;
    if info.algorithm.oid != ED25519 {
        return Err(KeyError::NotSymmetric);
    }
    let inner = info.private_key.as_bytes().strip_prefix(INNER_PREFIX);
    let key = inner.and_then(|key| key.try_into().ok()).ok_or(KeyError::Malformed)?;
    Ok(SymmetricKey(Zeroizing::new(key)))
}
