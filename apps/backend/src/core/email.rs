//! E-mail addresses, parsed once at the door.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization;

/// RFC 5321 §4.5.3.1.3 leaves 254 octets for an address between its angle brackets.
const MAX_OCTETS: usize = 254;

/// An e-mail address: as it was typed, and folded into the key that is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    typed: String,
    key: String,
}

/// The email address of an account that is about to be made, or about to get it: an [`Email`] without characters that
/// only pass for others. Whatever is looked up is folded, so `ﬁ@example.com` would keep `fi@example.com` from its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEmail(Email);

/// Why a text is no email address that mail could be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// It does not look like one.
    #[error("This is not a valid email address. It should look like ada@example.com.")]
    Malformed,
    /// Its domain is an IP address, or ends in something that is no top-level domain.
    #[error("The domain of the email address must end with a top-level domain, such as .com.")]
    Unreachable,
    /// It holds characters that Unicode equates with others.
    #[error("This email address contains lookalike characters. Type it with plain letters and digits.")]
    LookAlike,
}

impl Email {
    /// The address as its owner wrote it.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The address with its domain in ASCII and its letters folded: two addresses with one key are one account.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    /// Normalises first and validates afterwards, so that no look-alike of `@` slips through the check.
    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let typed: String = text.trim_matches(' ').nfc().collect();
        if typed.len() > MAX_OCTETS || typed.chars().any(unsafe_in_an_address) {
            return Err(InvalidEmail::Malformed);
        }
        // Folding turns U+FF20 and U+FE6B into `@`: an address that was not one before is an attempt to deceive.
        if typed.matches('@').count() != 1 || typed.nfkc().filter(|c| *c == '@').count() != 1 {
            return Err(InvalidEmail::Malformed);
        }
        let (local, domain) = typed.split_once('@').ok_or(InvalidEmail::Malformed)?;
        let local = fold(local);
        // It has a folding of its own (UTS 46), in which ß and the final sigma are letters by themselves: other domains.
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail::Malformed)?;
        if !has_top_level_domain(&domain) {
            return Err(InvalidEmail::Unreachable);
        }
        let key = format!("{local}@{domain}");
        EmailAddress::parse_with_options(&key, options()).map_err(|_| InvalidEmail::Malformed)?;
        if key.len() > MAX_OCTETS {
            Err(InvalidEmail::Malformed)
        } else {
            Ok(Self { typed, key })
        }
    }
}

/// Compatibility caseless (Unicode Standard §3.13, D146): letters that differ in case alone are one, in whatever form they
/// come. `σ` and `ς` are the same letter, as are `ß`, `ẞ` and `ss`.
fn fold(local: &str) -> String {
    let once = |text: String| CaseMapper::new().fold_string(&text).nfkc().collect::<String>();
    once(once(local.nfd().collect()))
}

impl FromStr for NewEmail {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let email: Email = text.parse()?;
        match email.typed.nfkc().eq(email.typed.chars()) && is_plain_domain(&email) {
            true => Ok(Self(email)),
            false => Err(InvalidEmail::LookAlike),
        }
    }
}

/// Whether the domain was typed as the domain name system knows it, but for letter case: not with a full stop of another
/// script, say, which UTS 46 maps to the plain one.
fn is_plain_domain(email: &Email) -> bool {
    let domain = |text: &str| text.rsplit_once('@').map(|(_, domain)| domain.to_owned());
    let (Some(typed), Some(ascii)) = (domain(&email.typed), domain(&email.key)) else {
        return false;
    };
    let (known, _) = idna::domain_to_unicode(&ascii);
    typed.is_ascii() || typed.chars().flat_map(char::to_lowercase).eq(known.chars())
}

impl Deref for NewEmail {
    type Target = Email;

    fn deref(&self) -> &Email {
        &self.0
    }
}

/// A top-level domain consists of two letters or more (RFC 3696 §2; ICANN), or is an internationalized one, in which no digit
/// stands for a number either. An IPv4 address, in whichever notation a resolver takes, ends in a number.
fn has_top_level_domain(domain: &str) -> bool {
    domain.rsplit_once('.').is_some_and(|(_, last)| {
        if last.starts_with("xn--") {
            let (known, _) = idna::domain_to_unicode(last);
            !known.chars().any(char::is_numeric)
        } else {
            last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        }
    })
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl fmt::Display for NewEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn options() -> Options {
    Options::default()
        .with_required_tld()
        .without_domain_literal()
        .without_display_text()
}

/// Controls, quotes and blanks never stand in an address that people use; mail headers are forged with them. What is not
/// seen at all (Unicode's default ignorable code points) makes two addresses look like one.
fn unsafe_in_an_address(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '"' | '\\' | '<' | '>' | '(' | ')' | ',' | ';' | ':' | '[' | ']')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
        || matches!(
            c,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'
                | '\u{1160}'
                | '\u{17B4}'
                | '\u{17B5}'
                | '\u{3164}'
                | '\u{FFA0}'
        )
        || matches!(c, '\u{180B}'..='\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}
