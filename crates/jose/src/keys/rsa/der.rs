//! Reads the numbers of RSA keys from DER, and checks their size.

use pkcs8::der::asn1::UintRef;
use pkcs8::der::{self, Decode, Reader, SliceReader};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};

use super::super::KeyError;

/// rsaEncryption (RFC 8017 §A.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// 65537, the exponent that every common tool uses.
const EXPONENT: &[u8] = &[1, 0, 1];
/// The accepted lengths of a modulus in bytes: 3072 to 4096 bits. SP 800-57 part 1 §5.6.1: 3072 bits are as strong as P-256.
const LENGTHS: std::ops::RangeInclusive<usize> = 384..=512;

/// The numbers of a public key, without leading zeros.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
}

impl Numbers<'_> {
    /// Checks the length of the modulus, and the exponent.
    pub(super) fn check(self) -> Result<(), KeyError> {
        let whole = self.n.first().is_some_and(|byte| byte & 0x80 != 0);
        match LENGTHS.contains(&self.n.len()) && whole && self.e == EXPONENT {
            true => Ok(()),
            false => Err(KeyError::UnsupportedRsa),
        }
    }
}

/// Reads an `RSAPublicKey` (RFC 8017 §A.1.1).
pub(super) fn public(der: &[u8]) -> Result<Numbers<'_>, KeyError> {
    let read = |der| -> der::Result<_> {
        let mut reader = SliceReader::new(der)?;
        let numbers = reader.sequence(|fields| {
            let (n, e) = (UintRef::decode(fields)?, UintRef::decode(fields)?);
            Ok::<_, der::Error>(Numbers {
                n: n.as_bytes(),
                e: e.as_bytes(),
            })
        })?;
        reader.finish()?;
        Ok(numbers)
    };
    read(der).map_err(|_| KeyError::Malformed)
}

/// Returns the `RSAPublicKey` in a `SubjectPublicKeyInfo` (RFC 3279 §2.3.1).
pub(super) fn in_spki(der: &[u8]) -> Result<&[u8], KeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Malformed)?;
    if info.algorithm.oid != RSA_ENCRYPTION {
        return Err(KeyError::NotRsa);
    }
    info.subject_public_key.as_bytes().ok_or(KeyError::Malformed)
}

/// Checks that a PKCS#8 `PrivateKeyInfo` contains an RSA key.
pub(super) fn check_pkcs8(der: &[u8]) -> Result<(), KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Malformed)?;
    match info.algorithm.oid == RSA_ENCRYPTION {
        true => Ok(()),
        false => Err(KeyError::NotRsa),
    }
}
