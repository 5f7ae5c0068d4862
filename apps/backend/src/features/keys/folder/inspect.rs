//! What a key file is, without showing what is private in it.

use std::io::ErrorKind;
use std::path::Path;

use countersign_jose::{KeyError, SigningKey, SymmetricKey, VerifyingKey};
use secrecy::{ExposeSecret, SecretString};

use super::files::{self, Secrecy};
use crate::core::sealing::SealingKey;
use crate::features::keys::KeysError;

/// A key that was looked at.
pub enum Inspected {
    /// It signs.
    Private(VerifyingKey),
    /// It verifies.
    Public(VerifyingKey),
    /// The sealing key with this id.
    Sealing(String),
}

/// Says what a file holds. That the key is sound (on the curve, the public half the private one's own) is checked.
///
/// # Errors
/// [`KeysError`] if it cannot be read, or is no key that we use.
pub fn inspect(path: &Path, passphrase: Option<&SecretString>) -> Result<Inspected, KeysError> {
    // Its permissions are not what is asked about: whoever inspects may well be about to mend them.
    let Some(pem) = files::read(path, Secrecy::Public)? else {
        return Err(files::failure("read", path, ErrorKind::NotFound.into()));
    };
    let found = match VerifyingKey::from_spki_pem(&pem) {
        // Some other kind of block: a private key, perhaps.
        Err(KeyError::NotPem) => {
            let passphrase = passphrase.map(|secret| secret.expose_secret().as_bytes());
            match SigningKey::from_pem(&pem, passphrase) {
                Err(other @ KeyError::NotP256) => match SymmetricKey::from_pem(&pem, passphrase) {
                    Ok(key) => Ok(Inspected::Sealing(SealingKey::new(key.expose()).id().to_owned())),
                    // It is neither.
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
