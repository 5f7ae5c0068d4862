//! The handle of the client that requested an email.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::secret::secret;

secret!(
    /// Issued with every request for an email: in the response for an API client, in the form cookie for a browser. An emailed
    /// code works only with it (ASVS 6.6.2).
    Handle,
    HandleHash,
    "csh_"
);

impl Handle {
    /// Returns the handle of a browser: the random bits of its form cookie. `None` if the cookie is not ours.
    pub fn of_form(token: &str) -> Option<Self> {
        format!("csh_{token}").parse().ok()
    }
}

impl HandleHash {
    /// Returns a value that matches no handle, for an invalid one.
    pub const NONE: Self = Self([0; 32]);
}

impl Serialize for HandleHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for HandleHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut hash) {
            Ok(32) => Ok(Self(hash)),
            _ => Err(D::Error::custom("not a hash")),
        }
    }
}
