//! E-mail addresses, parsed once at the door.

use std::fmt;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

/// RFC 5321 §4.5.3.1.3 leaves 254 octets for an address between its angle brackets.
const MAX_OCTETS: usize = 254;

/// An e-mail address: as it was typed, and folded into the key that is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    typed: String,
    key: String,
}

/// The text is no e-mail address that mail could be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not an e-mail address. It should look like ada@example.com.")]
pub struct InvalidEmail;

impl Email {
    /// The address as its owner wrote it.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The address with its domain in ASCII and all letters small: two addresses with one key are one account.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    /// Normalises first and validates afterwards, so that no look-alike of `@` slips through the check.
    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let typed: String = text.trim_matches(' ').nfc().collect();
        let folded: String = typed.nfkc().collect::<String>().to_lowercase().nfc().collect();
        if typed.len() > MAX_OCTETS || typed.chars().any(unsafe_in_an_address) {
            return Err(InvalidEmail);
        }
        // Folding turns U+FF20 and U+FE6B into `@`: an address that was not one before is an attempt to deceive.
        if typed.matches('@').count() != 1 || folded.matches('@').count() != 1 {
            return Err(InvalidEmail);
        }
        let (local, domain) = folded.split_once('@').ok_or(InvalidEmail)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
        let key = format!("{local}@{domain}");
        EmailAddress::parse_with_options(&key, options()).map_err(|_| InvalidEmail)?;
        if key.len() > MAX_OCTETS {
            Err(InvalidEmail)
        } else {
            Ok(Self { typed, key })
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

fn options() -> Options {
    Options::default()
        .with_required_tld()
        .without_domain_literal()
        .without_display_text()
}

/// Controls, quotes and blanks never stand in an address that people use; mail headers are forged with them.
fn unsafe_in_an_address(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '"' | '\\' | '<' | '>' | '(' | ')' | ',' | ';' | ':' | '[' | ']')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_share_a_key() {
        for text in ["Ada@Example.com", " ada@example.com", "ada@EXAMPLE.COM"] {
            assert_eq!(text.parse::<Email>().unwrap().key(), "ada@example.com", "{text:?}");
        }
        assert_eq!(
            "ada@bücher.example".parse::<Email>().unwrap().key(),
            "ada@xn--bcher-kva.example"
        );
        assert_eq!(
            "E\u{301}va@example.com".parse::<Email>(),
            "\u{c9}va@example.com".parse()
        );
    }

    #[test]
    fn is_kept_as_it_was_typed() {
        assert_eq!("Ada@Example.com".parse::<Email>().unwrap().typed(), "Ada@Example.com");
    }

    #[test]
    fn c64_look_alikes_and_forged_headers_are_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b.com",
            "ada",
            "ada@example",
            "a@b@c.com",
            "a\u{ff20}b.com",
            "a\u{ff20}b@c.com",
            "a\u{fe6b}b.com",
            "a b@c.com",
            "a\r\nBcc: x@y.com@c.com",
            "a\0@c.com",
            "\"a b\"@c.com",
            "a@[127.0.0.1]",
            "Ada <a@c.com>",
            "a@b..com",
            "a@-b.com",
            "a@b.com.",
            "a\u{202e}b@c.com",
            "a\u{200d}b@c.com",
            ".a@b.com",
            "a.@b.com",
        ] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail), "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        assert_eq!(long.parse::<Email>(), Err(InvalidEmail));
    }
}
