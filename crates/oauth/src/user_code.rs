//! The code that users type to sign in on a device (RFC 8628 §6.1).

use std::fmt;
use std::str::FromStr;

/// Letters without vowels, so that no words appear (RFC 8628 §6.1). Digits would be confused with letters.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// A user code: eight letters, 34 bits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserCode(String);

/// The text is not a user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user code must be 8 of the letters BCDFGHJKLMNPQRSTVWXZ")]
pub struct InvalidUserCode;

impl UserCode {
    /// Creates a code from 64 random bits. There are 20^8 codes; their probabilities differ by less than 2^-29 of each.
    pub fn from_random(mut bits: u64) -> Self {
        let count = LETTERS.len() as u64;
        let mut code = String::with_capacity(LENGTH);
        for _ in 0..LENGTH {
            let letter = usize::try_from(bits % count).unwrap_or_default();
            code.push(char::from(LETTERS[letter]));
            bits /= count;
        }
        Self(code)
    }

    /// Returns the eight letters without a dash: the form that is hashed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserCode {
    type Err = InvalidUserCode;

    /// Reads a code as users type it: case, spaces and dashes do not matter (RFC 8628 §6.1).
    fn from_str(text: &str) -> Result<Self, InvalidUserCode> {
        let mut code = String::with_capacity(LENGTH);
        for c in text.chars().filter(|c| !is_ignored(*c)) {
            // Letters of full width, as Japanese keyboards type them.
            let c = match c {
                '\u{FF21}'..='\u{FF3A}' | '\u{FF41}'..='\u{FF5A}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
                c => c,
            };
            let letter = u8::try_from(c.to_ascii_uppercase()).map_err(|_| InvalidUserCode)?;
            if !LETTERS.contains(&letter) || code.len() == LENGTH {
                return Err(InvalidUserCode);
            }
            code.push(char::from(letter));
        }
        match code.len() == LENGTH {
            true => Ok(Self(code)),
            false => Err(InvalidUserCode),
        }
    }
}

fn is_ignored(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' | '\u{200E}' | '\u{200F}'
        )
}

impl fmt::Display for UserCode {
    /// As users see it: `WDJB-MJHT`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_read_as_users_type_it() {
        let code: UserCode = "WDJB-MJHT".parse().unwrap();
        assert_eq!(code.as_str(), "WDJBMJHT");
        for text in [
            "wdjbmjht",
            " wdjb mjht ",
            "W-D-J-B-M-J-H-T",
            "WDJB–MJHT",
            "ｗｄｊｂ－ＭＪＨＴ",
            "\u{200e}WDJB-MJHT\n",
        ] {
            assert_eq!(text.parse(), Ok(code.clone()), "{text}");
        }
        for text in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "WDJB-MJHA",
            "WDJB-MJH0",
            "WDJB-MJHİ",
            "WDJBMJHT%00",
            &"B".repeat(1_000_000),
        ] {
            assert_eq!(text.parse::<UserCode>(), Err(InvalidUserCode));
        }
        assert!(!format!("{code:?}").contains("WDJB"));
    }

    #[test]
    fn o_42_codes_have_34_bits() {
        let count = (LETTERS.len() as f64).powi(8);
        assert!(count.log2() > 34.0);
        // Consecutive numbers give different codes, up to the number of codes.
        let codes: HashSet<_> = (0..100_000).map(UserCode::from_random).collect();
        assert_eq!(codes.len(), 100_000);
        assert_eq!(UserCode::from_random(20_u64.pow(8)), UserCode::from_random(0));
        assert_ne!(UserCode::from_random(20_u64.pow(8) - 1), UserCode::from_random(0));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(bits: u64) {
            let code = UserCode::from_random(bits);
            prop_assert_eq!(code.to_string().to_lowercase().parse(), Ok(code));
        }
    }
}
