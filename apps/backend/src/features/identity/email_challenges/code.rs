//! Emailed six-digit codes.

use std::str::FromStr;

use icu_properties::props::{Dash, DefaultIgnorableCodePoint, GeneralCategory, WhiteSpace};
use icu_properties::{CodePointMapData, CodePointSetData};

use crate::core::password::Password;
use crate::core::random::SecureRandom;

/// The maximum length of input that may be a code.
const MOST_BYTES: usize = 1024;

/// Six digits. No `Debug`, because they prove control of the email address.
pub struct Code(String);

/// The text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code")]
pub struct NotACode;

impl Code {
    /// Creates a uniformly random code.
    pub fn generate(random: SecureRandom) -> Self {
        loop {
            let number = u32::from_be_bytes(random.bytes());
            // The last, incomplete million of 2^32 would favor small codes.
            if number < u32::MAX - u32::MAX % 1_000_000 {
                return Self(format!("{:06}", number % 1_000_000));
            }
        }
    }

    /// Returns the digits for the email.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the code as a secret to hash and verify.
    pub(super) fn as_password(&self) -> Password {
        Password::from(self.0.clone())
    }
}

impl FromStr for Code {
    type Err = NotACode;

    /// Accepts decimal digits of every script, and ignores what people and programs insert between digits: spaces, dashes and
    /// invisible characters.
    fn from_str(text: &str) -> Result<Self, NotACode> {
        if text.len() > MOST_BYTES {
            return Err(NotACode);
        }
        let digits = text.chars().filter(|c| !stands_between(*c)).map(digit);
        let digits: String = digits.collect::<Option<_>>().ok_or(NotACode)?;
        if digits.len() == 6 {
            Ok(Self(digits))
        } else {
            Err(NotACode)
        }
    }
}

/// Spaces, dashes, invisible characters, and the keycap of emoji digits.
fn stands_between(c: char) -> bool {
    c.is_control()
        || CodePointSetData::new::<WhiteSpace>().contains(c)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<Dash>().contains(c)
        || CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::Format
        // COMBINING ENCLOSING KEYCAP, and the long-vowel mark, which Japanese keyboards have in place of the dash.
        || matches!(c, '\u{20E3}' | '\u{30FC}' | '\u{FF70}')
}

/// Returns a decimal digit of any script as an ASCII digit. Unicode guarantees that they are contiguous from zero to nine
/// (Unicode Standard §4.6: `Numeric_Type=Decimal`).
fn digit(c: char) -> Option<char> {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_digit = |point: u32| categories.get32(point) == GeneralCategory::DecimalNumber;
    let point = u32::from(c);
    if !is_digit(point) {
        return None;
    }
    let before = (0..point).rev().take_while(|point| is_digit(*point)).count();
    char::from_digit(u32::try_from(before % 10).ok()?, 10)
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
            "012\u{2013}345",
            "\u{200e}012\u{200b}345\u{feff}",
            "\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}",
            "\u{6f0}\u{6f1}\u{6f2}\u{6f3}\u{6f4}\u{6f5}",
            "\u{966}\u{967}\u{968}\u{969}\u{96a}\u{96b}",
            "\u{660}12345",
            "0\u{fe0f}\u{20e3}12345",
        ] {
            assert_eq!(
                text.parse::<Code>().map(|code| code.0),
                Ok("012345".to_owned()),
                "{text:?}"
            );
        }
        let long = format!("012345{}", " ".repeat(2_000));
        for text in [
            "",
            "12345",
            "1234567",
            "12345a",
            "1.2345",
            "+12345",
            "\u{2460}12345",
            "\u{b2}12345",
            &long,
        ] {
            assert!(text.parse::<Code>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_decimal_digit_has_its_value() {
        let categories = CodePointMapData::<GeneralCategory>::new();
        let all: Vec<_> = ('\0'..=char::MAX)
            .filter(|c| categories.get(*c) == GeneralCategory::DecimalNumber)
            .collect();
        assert!(all.len() >= 680, "{}", all.len());
        for run in all.chunks(10) {
            let values: String = run.iter().filter_map(|c| digit(*c)).collect();
            assert_eq!(values, "0123456789", "{run:?}");
        }
    }

    #[test]
    fn a_25_digits_are_uniformly_distributed() {
        let mut seen = [[0_u32; 10]; 6];
        for _ in 0..60_000 {
            for (place, digit) in Code::generate(SecureRandom).reveal().bytes().enumerate() {
                seen[place][usize::from(digit - b'0')] += 1;
            }
        }
        // Six standard deviations of 60,000 ten-sided dice, 73 each.
        assert!(
            seen.as_flattened().iter().all(|count| count.abs_diff(6_000) < 441),
            "{seen:?}"
        );
    }
}
