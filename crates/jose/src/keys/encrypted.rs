//! Password-protected private keys: PBES2 (RFC 8018 §6.2) with PBKDF2 and AES-CBC, as OpenSSL writes them by default.
//! The `pkcs8` crate reads and writes the parameters; all cryptography comes from `aws-lc-rs`.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Encode;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::pkcs5::pbes2::{EncryptionScheme, Parameters, Pbkdf2Params, Pbkdf2Prf};
use zeroize::Zeroizing;

use super::{KeyError, random};

const MAX_KEY_LENGTH: usize = 32;

/// PBKDF2 iterations with HMAC-SHA-256, as OWASP recommends. OpenSSL reads any number.
const ITERATIONS: u32 = 600_000;
/// The space that the parameters and the padding add.
const MAX_OVERHEAD: usize = 256;

/// Decrypts an `EncryptedPrivateKeyInfo` and reads the `PrivateKeyInfo` in it.
pub(super) fn read<K>(
    der: &[u8],
    passphrase: Option<&[u8]>,
    from_pkcs8: impl FnOnce(&[u8]) -> Result<K, KeyError>,
) -> Result<K, KeyError> {
    let passphrase = passphrase.ok_or(KeyError::NeedsPassphrase)?;
    let der = open(der, passphrase)?;
    // One wrong passphrase in 256 leaves valid padding; the decrypted text is then not valid DER.
    from_pkcs8(&der).map_err(|error| match error {
        KeyError::Malformed => KeyError::WrongPassphrase,
        other => other,
    })
}

/// Encrypts the DER of a `PrivateKeyInfo` as an `EncryptedPrivateKeyInfo` with PBKDF2 and AES-256-CBC.
pub(super) fn lock(der: &[u8], passphrase: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (salt, iv) = (random::bytes::<16>()?, random::bytes()?);
    let kdf = Pbkdf2Params::hmac_sha256(ITERATIONS, &salt).map_err(|_| KeyError::Unavailable)?;
    let mut key = Zeroizing::new([0; MAX_KEY_LENGTH]);
    derive(&kdf, passphrase, key.as_mut_slice())?;
    // Allocated in full, so that a growing buffer leaves no copy of a secret behind.
    let mut data = Zeroizing::new(Vec::with_capacity(der.len() + MAX_OVERHEAD));
    data.extend_from_slice(der);
    encrypt(key.as_slice(), iv, &mut data)?;

    let parameters = Parameters {
        kdf: kdf.into(),
        encryption: EncryptionScheme::Aes256Cbc { iv },
    };
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&data).map_err(|_| KeyError::Unavailable)?,
    };
    let mut written = vec![0; data.len() + MAX_OVERHEAD];
    let length = info
        .encode_to_slice(&mut written)
        .map_err(|_| KeyError::Unavailable)?
        .len();
    written.truncate(length);
    Ok(written)
}

/// Returns the DER of the decrypted `PrivateKeyInfo`.
fn open(der: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::UnsupportedEncryption)?;
    let parameters = info
        .encryption_algorithm
        .pbes2()
        .ok_or(KeyError::UnsupportedEncryption)?;
    let kdf = parameters.kdf.pbkdf2().ok_or(KeyError::UnsupportedEncryption)?;
    let (cipher, iv) = cipher(&parameters.encryption)?;

    let mut key = Zeroizing::new([0; MAX_KEY_LENGTH]);
    let key = &mut key[..parameters.encryption.key_size()];
    derive(kdf, passphrase, key)?;
    decrypt(cipher, key, iv, info.encrypted_data.as_bytes())
}

fn cipher(scheme: &EncryptionScheme) -> Result<(&'static Algorithm, [u8; 16]), KeyError> {
    match scheme {
        EncryptionScheme::Aes128Cbc { iv } => Ok((&AES_128, *iv)),
        EncryptionScheme::Aes192Cbc { iv } => Ok((&AES_192, *iv)),
        EncryptionScheme::Aes256Cbc { iv } => Ok((&AES_256, *iv)),
        _ => Err(KeyError::UnsupportedEncryption),
    }
}

fn derive(kdf: &Pbkdf2Params, passphrase: &[u8], key: &mut [u8]) -> Result<(), KeyError> {
    let prf = match kdf.prf {
        // RFC 8018 §A.2: the default, which older tools omit. HMAC-SHA-1 is still secure here.
        Pbkdf2Prf::HmacWithSha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Pbkdf2Prf::HmacWithSha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Pbkdf2Prf::HmacWithSha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Pbkdf2Prf::HmacWithSha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err(KeyError::UnsupportedEncryption),
    };
    let iterations = NonZeroU32::new(kdf.iteration_count).ok_or(KeyError::Malformed)?;
    pbkdf2::derive(prf, iterations, kdf.salt.as_ref(), passphrase, key);
    Ok(())
}

fn encrypt(key: &[u8], iv: [u8; 16], data: &mut Vec<u8>) -> Result<(), KeyError> {
    let key = UnboundCipherKey::new(&AES_256, key).map_err(|_| KeyError::Unavailable)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| KeyError::Unavailable)?;
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(data, context)
        .map(drop)
        .map_err(|_| KeyError::Unavailable)
}

fn decrypt(cipher: &'static Algorithm, key: &[u8], iv: [u8; 16], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let key = UnboundCipherKey::new(cipher, key).map_err(|_| KeyError::Unavailable)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| KeyError::Unavailable)?;
    let mut data = Zeroizing::new(data.to_vec());
    // Invalid padding nearly always means a wrong passphrase, because the encryption is not authenticated.
    let opened = key
        .decrypt(&mut data, DecryptionContext::Iv128(FixedLength::from(iv)))
        .map_err(|_| KeyError::WrongPassphrase)?
        .len();
    data.truncate(opened);
    Ok(data)
}
