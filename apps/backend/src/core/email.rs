//! Email addresses. They are parsed once, on input.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization;

/// The maximum length in octets (RFC 5321 §4.5.3.1.3: 256 with the angle brackets).
const MAX_OCTETS: usize = 254;

/// An email address, as typed and as a normalized unique key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    typed: String,
    key: String,
}

/// The email address for a new account or a change: an [`Email`] without lookalike characters. Because lookups fold
/// characters, `ﬁ@example.com` would block `fi@example.com` for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEmail(Email);

/// Why a text is not a deliverable email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Not in the form of an email address.
    #[error("This is not a valid email address. It should look like ada@example.com.")]
    Malformed,
    /// The domain is an IP address or does not end with a top-level domain.
    #[error("The domain of the email address must end with a top-level domain, such as .com.")]
    Unreachable,
    /// Contains characters that Unicode considers equivalent to others.
    #[error("This email address contains lookalike characters. Type it with plain letters and digits.")]
    LookAlike,
}

impl Email {
    /// Returns the email address as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Returns the key: the email address with its domain in ASCII and its letters folded. Email addresses with the
    /// same key belong to the same account.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    /// Normalizes before validating, so that no lookalike of `@` bypasses the check.
    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let typed: String = text.trim_matches(' ').nfc().collect();
        if typed.len() > MAX_OCTETS || typed.chars().any(unsafe_in_an_address) {
            return Err(InvalidEmail::Malformed);
        }
        // Folding turns U+FF20 and U+FE6B into `@`, so an address that only gains its `@` or a second one this way is
        // rejected.
        if typed.matches('@').count() != 1 || typed.nfkc().filter(|c| *c == '@').count() != 1 {
            return Err(InvalidEmail::Malformed);
        }
        let (local, domain) = typed.split_once('@').ok_or(InvalidEmail::Malformed)?;
        let local = fold(local);
        // Domains have their own folding (UTS 46), in which ß and the final sigma are distinct letters.
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

/// Folds case and compatibility variants (Unicode Standard §3.13, D146). `σ` and `ς` are equal, as are `ß`, `ẞ` and
/// `ss`.
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

/// Returns whether the domain was typed as in DNS, except for case: for example, without a full stop of another script,
/// which UTS 46 maps to the ASCII one.
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

/// Returns whether the domain ends with a top-level domain: at least two letters (RFC 3696 §2; ICANN), or an
/// internationalized one without digits. An IPv4 address in any notation that resolvers accept ends with a number.
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

/// Returns whether the character is rejected. Real email addresses contain no control characters, quotes or spaces,
/// which serve to forge mail headers. Invisible characters (Unicode's default ignorable code points) make different
/// addresses look the same.
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
