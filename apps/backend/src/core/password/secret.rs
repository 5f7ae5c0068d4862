//! A password in memory: as received, and as accepted. Neither can be printed, and both are zeroized when dropped.

use serde::de::{Deserialize, Deserializer, Error};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

/// Passwords with more code points than this are never hashed, whatever the policy. This is also the maximum of
/// `passwords.max_length`, so that no accepted password is rejected at sign-in.
pub(super) const MOST_CODE_POINTS: usize = 1024;

/// A password exactly as received (ASVS 6.2.8): not trimmed, folded or checked.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// A password that the policy accepted, in NFC: the only type that is hashed for storage.
pub struct NewPassword(Zeroizing<String>);

impl Password {
    /// Returns its number of code points in NFC, counted up to one past `limit`.
    pub(super) fn length_up_to(&self, limit: usize) -> usize {
        self.0.nfc().take(limit.saturating_add(1)).count()
    }

    /// Different keyboards may produce composed or decomposed text; NFC makes it equal (NIST SP 800-63B-4 §3.1.1).
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
            // The name of a missing field is not secret.
            if error.to_string().starts_with("missing field `") {
                return error;
            }
            // The deserializer's message may quote the input.
            D::Error::custom("a password is a string")
        })
    }
}

impl NewPassword {
    /// Only for the policy, which has checked `normalised`.
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
    fn a_83_malformed_passwords_are_not_quoted() {
        let refused = serde_json::from_str::<Password>("20260101")
            .err()
            .map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("a password is a string"));
        assert!(
            serde_json::from_str::<Password>("\"20260101\"").is_ok_and(|password| password.as_received() == "20260101")
        );
    }
}
