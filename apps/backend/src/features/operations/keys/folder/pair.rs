//! What the folder needs to know of a key pair. ES256 and RS256 keys are stored alike, each in its own place, and are
//! different types everywhere.

use countersign_jose::{KeyError, RsaSigningKey, RsaVerifyingKey, SigningAlg, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

/// A private key of the folder.
pub(crate) trait KeyPair: Send + Sync + Sized + 'static {
    /// Its public half.
    type Public: PublicHalf;
    /// What it signs with.
    const ALG: SigningAlg;
    /// The beginning of the names of its files.
    const PLACE: &'static str;

    fn generate() -> Result<Self, KeyError>;
    fn read_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError>;
    fn write_pem(&self) -> Result<Zeroizing<String>, KeyError>;
    fn public(&self) -> &Self::Public;

    fn id(&self) -> &str {
        self.public().id()
    }

    /// Returns the name of one of its files, such as `rsa/private.pem`.
    fn file(name: &str) -> String {
        format!("{}{name}", Self::PLACE)
    }
}

/// The public half of a [`KeyPair`].
pub(crate) trait PublicHalf: Clone + PartialEq + Send + Sync + 'static {
    fn read_pem(pem: &[u8]) -> Result<Self, KeyError>;
    fn write_pem(&self) -> String;
    fn id(&self) -> &str;
}

impl KeyPair for SigningKey {
    type Public = VerifyingKey;
    const ALG: SigningAlg = SigningAlg::Es256;
    const PLACE: &'static str = "";

    fn generate() -> Result<Self, KeyError> {
        Self::generate()
    }

    fn read_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        Self::from_pem(pem, passphrase)
    }

    fn write_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.to_pkcs8_pem()
    }

    fn public(&self) -> &VerifyingKey {
        self.verifying_key()
    }
}

impl PublicHalf for VerifyingKey {
    fn read_pem(pem: &[u8]) -> Result<Self, KeyError> {
        Self::from_spki_pem(pem)
    }

    fn write_pem(&self) -> String {
        self.to_spki_pem()
    }

    fn id(&self) -> &str {
        self.kid()
    }
}

impl KeyPair for RsaSigningKey {
    type Public = RsaVerifyingKey;
    const ALG: SigningAlg = SigningAlg::Rs256;
    const PLACE: &'static str = "rsa/";

    fn generate() -> Result<Self, KeyError> {
        Self::generate()
    }

    fn read_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        Self::from_pem(pem, passphrase)
    }

    fn write_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.to_pkcs8_pem()
    }

    fn public(&self) -> &RsaVerifyingKey {
        self.verifying_key()
    }
}

impl PublicHalf for RsaVerifyingKey {
    fn read_pem(pem: &[u8]) -> Result<Self, KeyError> {
        Self::from_spki_pem(pem)
    }

    fn write_pem(&self) -> String {
        self.to_spki_pem()
    }

    fn id(&self) -> &str {
        self.kid()
    }
}
