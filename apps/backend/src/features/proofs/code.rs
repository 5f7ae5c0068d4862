//! Six digits that somebody types from a mail.

use std::str::FromStr;

use crate::core::chance::Chance;
use crate::core::password::Password;

/// Six digits. No `Debug`: who knows them holds the address.
pub struct Code(String);

/// The text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code")]
pub struct NotACode;

impl Code {
    /// A new one, every one as likely as any other.
    pub fn generate(chance: Chance) -> Self {
        loop {
            let number = u32::from_be_bytes(chance.bytes());
            // The last incomplete million of 2^32 would favour small codes.
            if number < u32::MAX - u32::MAX % 1_000_000 {
                return Self(format!("{:06}", number % 1_000_000));
            }
        }
    }

    /// The digits, for the mail.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As what hashes and verifies.
    pub(super) fn as_password(&self) -> Password {
        Password::from(self.0.clone())
    }
}

impl FromStr for Code {
    type Err = NotACode;

    /// People type blanks and dashes between digits, and Japanese keyboards write them wide.
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let mut digits = String::new();
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let digit = match c {
                '\u{ff10}'..='\u{ff19}' => u32::from(c) - 0xff10,
                '\u{0660}'..='\u{0669}' => u32::from(c) - 0x0660,
                _ => c.to_digit(10).ok_or(NotACode)?,
            };
            digits.push(char::from_digit(digit, 10).ok_or(NotACode)?);
        }
        if digits.len() == 6 {
            Ok(Self(digits))
        } else {
            Err(NotACode)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_six_digits_however_they_are_typed() {
        for text in [
            "012345",
            " 012 345\n",
            "012-345",
            "\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}",
            "\u{0660}12345",
        ] {
            assert_eq!(
                text.parse::<Code>().map(|code| code.0),
                Ok("012345".to_owned()),
                "{text:?}"
            );
        }
        for text in ["", "12345", "1234567", "12345a", "1.2345", "+12345"] {
            assert!(text.parse::<Code>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_25_every_digit_is_as_likely_in_every_place() {
        let mut seen = [[0_u32; 10]; 6];
        for _ in 0..60_000 {
            for (place, digit) in Code::generate(Chance).reveal().bytes().enumerate() {
                seen[place][usize::from(digit - b'0')] += 1;
            }
        }
        // Six standard deviations of 60,000 dice with ten sides, 73 each.
        assert!(
            seen.as_flattened().iter().all(|count| count.abs_diff(6_000) < 441),
            "{seen:?}"
        );
    }
}
