//! Describes a key file without its private content.

use std::io::ErrorKind;
use std::path::Path;

use countersign_jose::{KeyError, SigningKey, SymmetricKey, VerifyingKey};
use secrecy::{ExposeSecret, SecretString};

use super::files::{self, Secrecy};
use crate::core::sealing::SealingKey;
use crate::features::operations::keys::KeysError;

/// An inspected key.
pub enum Inspected {
    /// A signing key.
    Private(VerifyingKey),
    /// A verifying key.
    Public(VerifyingKey),
    /// The sealing key with this id.
    Sealing(String),
}

/// Describes the content of a file. Checks that the key is valid (on the curve, with a matching public half).
///
/// # Errors
/// [`KeysError`] if it cannot be read or is not a supported key.
pub fn inspect(path: &Path, passphrase: Option<&SecretString>) -> Result<Inspected, KeysError> {
    // Permissions are not checked: the operator may be about to fix them.
    let Some(pem) = files::read(path, Secrecy::Public)? else {
        return Err(files::failure("read", path, ErrorKind::NotFound.into()));
    };
    let found = match VerifyingKey::from_spki_pem(&pem) {
        // Another kind of block, perhaps a private key.
        Err(KeyError::NotPem) => {
            let passphrase = passphrase.map(|secret| secret.expose_secret().as_bytes());
            match SigningKey::from_pem(&pem, passphrase) {
                Err(other @ KeyError::NotP256) => match SymmetricKey::from_pem(&pem, passphrase) {
                    Ok(key) => Ok(Inspected::Sealing(SealingKey::new(key.expose()).id().to_owned())),
                    // Neither.
                    Err(_) => Err(other),
                },
                key => key.map(|key| Inspected::Private(key.verifying_key().clone())),
            }
        }
        public => public.map(Inspected::Public),
    };
    found.map_err(|source| KeysError::Unusable {
        path: path.to_owned(),
        source,
    })
}
