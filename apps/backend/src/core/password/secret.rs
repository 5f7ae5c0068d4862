//! A password in memory: as received, and as accepted. Neither can be printed, both are wiped when dropped.

use serde::de::{Deserialize, Deserializer, Error};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

/// Beyond this many code points no password is hashed, whatever the policy says. It is also the highest
/// `passwords.max_length`, so that no password that was ever accepted is refused at sign-in.
pub(super) const MOST_CODE_POINTS: usize = 1024;

/// A password exactly as somebody sent it (ASVS 6.2.8): not trimmed, not folded, not yet judged.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// A password that the policy accepted, in Unicode's NFC form: the only thing that is ever hashed for storage.
pub struct NewPassword(Zeroizing<String>);

impl Password {
    /// Its code points in NFC, counted no further than one past `limit`.
    pub(super) fn length_up_to(&self, limit: usize) -> usize {
        self.0.nfc().take(limit.saturating_add(1)).count()
    }

    /// The same text typed on two keyboards may be composed or decomposed; NFC makes it one (NIST SP 800-63B-4 §3.1.1).
    pub(super) fn normalised(&self) -> Zeroizing<String> {
        if is_nfc(&self.0) {
            self.0.clone()
        } else {
            Zeroizing::new(self.0.nfc().collect())
        }
    }

    pub(super) fn as_received(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from).map_err(|error| {
            // The name of a field that is not there is no secret.
            if error.to_string().starts_with("missing field `") {
                return error;
            }
            // The deserializer's own words may quote what was sent instead of a string.
            D::Error::custom("a password is a string")
        })
    }
}

impl NewPassword {
    /// For the policy alone, which has judged `normalised`.
    pub(super) fn accepted(normalised: Zeroizing<String>) -> Self {
        Self(normalised)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_83_what_is_no_password_is_not_quoted() {
        let refused = serde_json::from_str::<Password>("20260101")
            .err()
            .map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("a password is a string"));
        assert!(
            serde_json::from_str::<Password>("\"20260101\"").is_ok_and(|password| password.as_received() == "20260101")
        );
    }
}
