//! A set of scopes, parsed once (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A sorted set of scopes. On the wire they are separated by spaces. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Arc<BTreeSet<String>>);

/// A scope contains a character that RFC 6749 §3.3 does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope consists of printable ASCII characters except space, quotation mark and backslash")]
#[non_exhaustive]
pub struct UnknownScopeCharacter;

impl Scopes {
    /// Returns whether the set contains `scope`.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the scopes that are in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        self.0.intersection(&other.0).cloned().collect()
    }

    /// Returns the scopes in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Scopes {
    type Err = UnknownScopeCharacter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(' ')
            .filter(|scope| !scope.is_empty())
            .map(parse_one)
            .collect()
    }
}

impl FromIterator<String> for Scopes {
    /// Creates a set from names that were parsed before, such as rows of a database.
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(Arc::new(names.into_iter().collect()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
fn parse_one(scope: &str) -> Result<String, UnknownScopeCharacter> {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    if scope.bytes().all(allowed) {
        Ok(scope.to_owned())
    } else {
        Err(UnknownScopeCharacter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_a_set_in_alphabetical_order() {
        let scopes: Scopes = "b a  b c:write".parse().unwrap();
        assert_eq!(scopes.to_string(), "a b c:write");
        assert!(scopes.contains("c:write") && !scopes.contains("c"));
    }

    #[test]
    fn refuse_what_rfc_6749_refuses() {
        for text in ["a\"b", "a\\b", "ä", "a\tb", "a\u{7f}"] {
            assert_eq!(text.parse::<Scopes>(), Err(UnknownScopeCharacter), "{text:?}");
        }
    }
}
