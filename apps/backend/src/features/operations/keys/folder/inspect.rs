//! Describes a key file without its private content.

use std::io::ErrorKind;
use std::path::Path;

use countersign_jose::{KeyError, RsaSigningKey, RsaVerifyingKey, SigningAlg, SigningKey, SymmetricKey, VerifyingKey};
use secrecy::{ExposeSecret, SecretString};

use super::files::{self, Secrecy};
use crate::core::sealing::SealingKey;
use crate::features::operations::keys::KeysError;

/// An inspected key.
pub enum Inspected {
    /// A private key of this algorithm, with this `kid`.
    Private(SigningAlg, String),
    /// A public key of this algorithm, with this `kid`.
    Public(SigningAlg, String),
    /// The sealing key with this id.
    Sealing(String),
}

/// Reads a PEM file, with its passphrase, as one kind of key.
type Reading = fn(&[u8], Option<&[u8]>) -> Result<Inspected, KeyError>;

/// Describes the content of a file. Checks that the key is valid (on the curve, with a matching public half).
///
/// # Errors
/// [`KeysError`] if it cannot be read or is not a supported key.
pub fn inspect(path: &Path, passphrase: Option<&SecretString>) -> Result<Inspected, KeysError> {
    // Permissions are not checked: the operator may be about to fix them.
    let Some(pem) = files::read(path, Secrecy::Public)? else {
        return Err(files::failure("read", path, ErrorKind::NotFound.into()));
    };
    let passphrase = passphrase.map(|secret| secret.expose_secret().as_bytes());
    let kinds: [Reading; 5] = [
        |pem, _| VerifyingKey::from_spki_pem(pem).map(|key| Inspected::Public(SigningAlg::Es256, key.kid().to_owned())),
        |pem, pass| {
            SigningKey::from_pem(pem, pass).map(|key| Inspected::Private(SigningAlg::Es256, key.kid().to_owned()))
        },
        |pem, _| {
            RsaVerifyingKey::from_spki_pem(pem).map(|key| Inspected::Public(SigningAlg::Rs256, key.kid().to_owned()))
        },
        |pem, pass| {
            RsaSigningKey::from_pem(pem, pass).map(|key| Inspected::Private(SigningAlg::Rs256, key.kid().to_owned()))
        },
        |pem, pass| {
            let key = SymmetricKey::from_pem(pem, pass)?;
            Ok(Inspected::Sealing(SealingKey::new(key.expose()).id().to_owned()))
        },
    ];
    let mut found = Err(KeyError::NotPem);
    for read in kinds {
        found = match (found, read(&pem, passphrase)) {
            (Ok(found), _) | (_, Ok(found)) => Ok(found),
            (Err(KeyError::NotPem), Err(other)) => Err(other),
            // The kind that the file is of says what is wrong with it.
            (Err(known), Err(other)) if is_other_kind(known) && !is_other_kind(other) => Err(other),
            (Err(known), Err(_)) => Err(known),
        };
    }
    found.map_err(|source| KeysError::Unusable {
        path: path.to_owned(),
        source,
    })
}

/// Returns whether a file that was refused with this error may be a key of another kind.
fn is_other_kind(error: KeyError) -> bool {
    matches!(
        error,
        KeyError::NotPem | KeyError::NotP256 | KeyError::NotRsa | KeyError::NotSymmetric
    )
}
