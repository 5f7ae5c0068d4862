//! Converts private keys between DER, as PKCS#8 (RFC 5958) or SEC1 (RFC 5915), and a validated key pair.

use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use super::KeyError;

const SCALAR_LENGTH: usize = 32;
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

// ECPrivateKey { version 1, privateKey OCTET STRING (32 bytes), parameters [0] prime256v1 }
const SEC1_PREFIX: &[u8] = &[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const SEC1_CURVE: &[u8] = &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

// PrivateKeyInfo { version 0, { id-ecPublicKey, prime256v1 }, ECPrivateKey { 1, 32 bytes, [1] BIT STRING (65 bytes) } }
const PKCS8_PREFIX: &[u8] = &[
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];
const PKCS8_PUBLIC_PREFIX: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];

/// Reads a PKCS#8 `PrivateKeyInfo`.
pub(super) fn from_pkcs8(der: &[u8]) -> Result<EcdsaKeyPair, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Malformed)?;
    let curve = info.algorithm.parameters_oid().ok();
    if info.algorithm.oid != EC_PUBLIC_KEY || curve != Some(P256) {
        return Err(KeyError::NotP256);
    }
    let key = EcPrivateKey::try_from(info.private_key.as_bytes()).map_err(|_| KeyError::Malformed)?;
    let inner_curve = key.parameters.and_then(sec1::EcParameters::named_curve);
    if inner_curve.is_some_and(|inner| inner != P256) {
        return Err(KeyError::NotP256);
    }
    let pair = pair(&key)?;
    // RFC 5958 §2: version 2 may also contain the public key outside.
    match info
        .public_key
        .map(|public| public.as_bytes() == Some(pair.public_key().as_ref()))
    {
        Some(false) => Err(KeyError::PublicKeyMismatch),
        _ => Ok(pair),
    }
}

/// Reads a SEC1 `ECPrivateKey`, which must name its curve, because nothing else does.
pub(super) fn from_sec1(der: &[u8]) -> Result<EcdsaKeyPair, KeyError> {
    let key = EcPrivateKey::try_from(der).map_err(|_| KeyError::Malformed)?;
    if key.parameters.and_then(sec1::EcParameters::named_curve) != Some(P256) {
        return Err(KeyError::NotP256);
    }
    pair(&key)
}

/// Writes PKCS#8 version 1 including the public key, byte for byte like OpenSSL.
pub(super) fn to_pkcs8(pair: &EcdsaKeyPair) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let scalar: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().map_err(|_| KeyError::Unavailable)?;
    Ok(Zeroizing::new(
        [
            PKCS8_PREFIX,
            scalar.as_ref(),
            PKCS8_PUBLIC_PREFIX,
            pair.public_key().as_ref(),
        ]
        .concat(),
    ))
}

/// The public key is always derived from the private key. A public key in the file only has to match it.
fn pair(key: &EcPrivateKey<'_>) -> Result<EcdsaKeyPair, KeyError> {
    if key.private_key.len() != SCALAR_LENGTH {
        return Err(KeyError::Malformed);
    }
    let bare = Zeroizing::new([SEC1_PREFIX, key.private_key, SEC1_CURVE].concat());
    // Rejects a scalar that is zero or not below the order of the curve.
    let pair =
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &bare).map_err(|_| KeyError::Malformed)?;
    match key.public_key.map(|public| is_point_of(public, &pair)) {
        Some(false) => Err(KeyError::PublicKeyMismatch),
        _ => Ok(pair),
    }
}

/// SEC1 §2.3.3: a point is uncompressed (`04 x y`) or compressed (`02` or `03` for the parity of y, then x).
fn is_point_of(public: &[u8], pair: &EcdsaKeyPair) -> bool {
    let own = pair.public_key().as_ref();
    match public {
        [parity @ (2 | 3), x @ ..] => x == &own[1..=SCALAR_LENGTH] && parity & 1 == own[2 * SCALAR_LENGTH] & 1,
        full => full == own,
    }
}
