//! Names of people.

use std::fmt;
use std::str::FromStr;

use countersign_store::{Cell, Column, Value};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, WhiteSpace};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

/// The maximum number of characters of a name.
const MAX_NAME: usize = 200;
/// The maximum length of a text that is normalized, in bytes: composition makes a text of four characters one at most.
const MAX_TYPED: usize = 4 * 4 * MAX_NAME;

/// A name in normalization form C, without surrounding spaces and without characters that affect other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(String);

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It is empty, or has only spaces and invisible characters.
    #[error("The name must have at least one visible character. To remove the name, send null.")]
    Empty,
    #[error("The name must have at most 200 characters.")]
    TooLong,
    /// It contains a character that could break lines, reverse the text around it, or affect a terminal.
    #[error("The name must not contain control characters, line breaks or characters that change the text direction.")]
    Unsafe,
}

impl PersonName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() > MAX_TYPED {
            return Err(InvalidName::TooLong);
        }
        let name: String = text.trim_matches(surrounds).nfc().collect();
        let visible = |c: char| {
            !CodePointSetData::new::<WhiteSpace>().contains(c)
                && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        };
        if name.chars().any(is_unsafe) {
            Err(InvalidName::Unsafe)
        } else if !name.chars().any(visible) {
            Err(InvalidName::Empty)
        } else if name.chars().count() > MAX_NAME {
            Err(InvalidName::TooLong)
        } else {
            Ok(Self(name))
        }
    }
}

/// Returns whether the character is left out at either end: spaces, and marks that keyboards and clipboards add.
fn surrounds(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Returns whether a name may not contain the character: control and format characters, separators of lines, and
/// noncharacters. Joiners are allowed, because names in Persian and Indic scripts need them.
fn is_unsafe(c: char) -> bool {
    let is_noncharacter = u32::from(c) & 0xFFFE == 0xFFFE || matches!(c, '\u{FDD0}'..='\u{FDEF}');
    let is_unsafe_category = match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::Format => !matches!(c, '\u{200C}' | '\u{200D}'),
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => true,
        _ => false,
    };
    is_noncharacter || is_unsafe_category
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Column for PersonName {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            // Not parsed again: a later version of Unicode may refuse what an earlier one accepted.
            Cell::Text(text) => Some(Self(text.to_owned())),
            _ => None,
        }
    }
}

impl Serialize for PersonName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl From<&PersonName> for Value {
    fn from(name: &PersonName) -> Self {
        name.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, InvalidName> {
        text.parse::<PersonName>().map(|name| name.0)
    }

    #[test]
    fn names_of_people_are_accepted() {
        for name in [
            "Ada",
            "Ada Lovelace",
            "María-José Carreño Quiñones",
            "O’Brien",
            "Robert'); DROP TABLE students;--",
            "<b>Ada</b> & \"co\"",
            "نرگس\u{200c}السادات",
            "क्\u{200d}षत्र",
            "山田 太郎",
            "عائشة",
            "N",
            "👩\u{200d}🚀 Sally",
            "X Æ A-12",
        ] {
            assert_eq!(parsed(name).as_deref(), Ok(name));
        }
        assert_eq!(parsed(" \u{3000}Ada ").as_deref(), Ok("Ada"));
        assert_eq!(parsed("Zoe\u{308}").as_deref(), Ok("Zo\u{eb}"));
        assert!(parsed(&"é".repeat(200)).is_ok() && parsed(&"e\u{301}".repeat(200)).is_ok());
    }

    #[test]
    fn what_could_affect_other_text_is_not_a_name() {
        for (text, why) in [
            ("", InvalidName::Empty),
            (" \u{3000} ", InvalidName::Empty),
            ("\u{200d}\u{115f}\u{3164}", InvalidName::Empty),
            ("Ada\0", InvalidName::Unsafe),
            ("Ada\r\nBcc: eve@example.com", InvalidName::Unsafe),
            ("Ada\u{1b}[31m", InvalidName::Unsafe),
            ("Ada\u{9b}31m", InvalidName::Unsafe),
            ("Ada\u{85}L", InvalidName::Unsafe),
            ("Ada\u{2028}L", InvalidName::Unsafe),
            ("Ada\u{202e}moc", InvalidName::Unsafe),
            ("Ada\u{2066}\u{2067}L", InvalidName::Unsafe),
            ("A\u{feff}da", InvalidName::Unsafe),
            ("A\u{ad}da", InvalidName::Unsafe),
            ("Ada\u{e0041}", InvalidName::Unsafe),
            ("Ada\u{fffe}", InvalidName::Unsafe),
        ] {
            assert_eq!(parsed(text), Err(why), "{text:?}");
        }
        assert_eq!(parsed("\u{2068}Ada\u{2069}\n").as_deref(), Ok("Ada"));
        assert_eq!(parsed(&"a".repeat(201)), Err(InvalidName::TooLong));
        assert_eq!(parsed(&"a".repeat(1_000_000)), Err(InvalidName::TooLong));
        assert_eq!(parsed(&"\u{1d160}".repeat(700)), Err(InvalidName::TooLong));
    }
}
