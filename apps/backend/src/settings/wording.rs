//! A text of the operator's own, in the languages that it is written in.

use super::value::Value;
use super::value_error::ValueError;

/// The languages of the pages, by their tags. A test of the pages compares it with the languages that there are.
pub const LANGUAGES: [&str; 7] = ["en", "de", "fr", "es", "zh-Hans", "ja", "ar"];
/// The longest text in one language, in characters.
const LONGEST: usize = 300;
const EXAMPLE: &str = "expected one text for all languages, or one per language: Welcome | de: Willkommen";

/// A text, and its versions in single languages: `Welcome | de: Willkommen`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wording {
    /// The text for languages without their own.
    general: Option<String>,
    own: Vec<(&'static str, String)>,
}

impl Wording {
    /// The text in the language of this tag, if there is one.
    pub fn in_language(&self, tag: &str) -> Option<&str> {
        let own = self.own.iter().find(|(language, _)| *language == tag);
        own.map(|(_, text)| text.as_str()).or(self.general.as_deref())
    }
}

impl Value for Wording {
    const FORM: &'static str = "text, optionally per language, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let mut wording = Self::default();
        if text.is_empty() {
            return Ok(wording);
        }
        if text.chars().any(char::is_control) {
            return Err(ValueError::new("contains a control character", EXAMPLE));
        }
        for part in text.split('|').map(str::trim) {
            let (language, said) = language_of(part)?;
            if said.is_empty() {
                return Err(ValueError::new("contains an empty text", EXAMPLE));
            }
            if said.chars().count() > LONGEST {
                return Err(ValueError::new(
                    format!("contains a text of more than {LONGEST} characters"),
                    "shorten it",
                ));
            }
            let is_there = match language {
                Some(tag) => wording.own.iter().any(|(own, _)| *own == tag),
                None => wording.general.is_some(),
            };
            if is_there {
                let which = language.unwrap_or("the default language");
                return Err(ValueError::new(format!("contains two texts for {which}"), EXAMPLE));
            }
            match language {
                Some(tag) => wording.own.push((tag, said.to_owned())),
                None => wording.general = Some(said.to_owned()),
            }
        }
        Ok(wording)
    }
}

/// The language that a part begins with, and its text. `Hello: world` begins with none.
fn language_of(part: &str) -> Result<(Option<&'static str>, &str), ValueError> {
    let Some((tag, said)) = part.split_once(':') else {
        return Ok((None, part));
    };
    if let Some(known) = LANGUAGES.iter().find(|known| **known == tag) {
        return Ok((Some(known), said.trim()));
    }
    let mut parts = tag.split('-');
    let is_primary = |part: &str| matches!(part.len(), 2 | 3) && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if parts.next().is_some_and(is_primary) && parts.all(is_subtag) {
        return Err(ValueError::new(
            format!("unsupported language {tag:?}"),
            format!("expected one of {}", LANGUAGES.join(", ")),
        ));
    }
    Ok((None, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_by_language() {
        let wording = Wording::parse("Welcome: all of you | de: Willkommen | zh-Hans: 欢迎").unwrap();
        assert_eq!(wording.in_language("en"), Some("Welcome: all of you"));
        assert_eq!(wording.in_language("de"), Some("Willkommen"));
        assert_eq!(wording.in_language("zh-Hans"), Some("欢迎"));
        assert_eq!(Wording::parse("de: Willkommen").unwrap().in_language("en"), None);
        assert_eq!(Wording::parse("").unwrap(), Wording::default());
        let long = "a".repeat(LONGEST + 1);
        for text in ["a | b", "de: a | de: b", "pt: a", "zh: a", "a |", "de:", "a\nb", &long] {
            assert!(Wording::parse(text).is_err(), "{text}");
        }
    }
}
