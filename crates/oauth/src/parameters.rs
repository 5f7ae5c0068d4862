//! The parameters of a request, from a query or a form (RFC 6749 §3.1, §3.2, Appendix B).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use form_urlencoded::Serializer;
use percent_encoding::percent_decode_str;

use crate::scope::MAX_SCOPES;

/// The maximum length of a query or form, in bytes.
pub const MAX_PARAMETERS_LENGTH: usize = 16 << 10;

/// The maximum number of parameters.
const MAX_COUNT: usize = 64;
/// The maximum length of the name of a parameter, in bytes.
const MAX_NAME: usize = 64;
/// The maximum length of values other than those of [`LIMITS`], in bytes.
const MAX_VALUE: usize = 2_048;
/// The maximum lengths of values that differ.
const LIMITS: [(&str, usize); 8] = [
    ("redirect_uri", 2_000),
    ("claims", 4 << 10),
    // Tokens: their parsers have their own limits.
    ("id_token_hint", MAX_PARAMETERS_LENGTH),
    ("request", MAX_PARAMETERS_LENGTH),
    ("access_token", MAX_PARAMETERS_LENGTH),
    ("token", MAX_PARAMETERS_LENGTH),
    ("client_assertion", MAX_PARAMETERS_LENGTH),
    ("subject_token", MAX_PARAMETERS_LENGTH),
];

/// Parameters in the order in which they were sent. `Debug` shows the names only, because values can be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

/// Why a query or a form is rejected. The texts repeat nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// It is longer than [`MAX_PARAMETERS_LENGTH`].
    #[error("the parameters must be at most 16384 bytes long in total")]
    TooLong,
    /// There are more than 64 parameters.
    #[error("there must be at most 64 parameters")]
    TooMany,
    /// A name is longer than 64 bytes.
    #[error("the name of a parameter must have at most 64 bytes")]
    NameTooLong,
    /// A value is longer than its limit.
    #[error("the value of a parameter is too long")]
    ValueTooLong,
    /// `scope` has more than 50 names.
    #[error("the parameter scope must have at most 50 names")]
    TooManyScopes,
    /// A name or value contains U+0000, which no parameter has (RFC 6749, Appendix A) and PostgreSQL does not take.
    #[error("the parameters must not contain the character U+0000")]
    Nul,
    /// A name or value is not UTF-8 (RFC 6749, Appendix B).
    #[error("the parameters must be encoded in UTF-8")]
    NotUtf8,
}

/// A parameter was sent more than once (RFC 6749 §3.1: it must not be).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} must not be sent more than once")]
pub struct Doubled(pub &'static str);

impl Parameters {
    /// Parses a query without its `?`, or the body of a form.
    ///
    /// # Errors
    /// [`ParametersError`] if a limit is exceeded, or something is not UTF-8.
    pub fn parse(text: &str) -> Result<Self, ParametersError> {
        if text.len() > MAX_PARAMETERS_LENGTH {
            return Err(ParametersError::TooLong);
        }
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == MAX_COUNT {
                return Err(ParametersError::TooMany);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            check(&name, &value)?;
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// Returns the value of a parameter that may be sent once. An empty one counts as absent (RFC 6749 §3.1), but not when
    /// it is sent next to another.
    ///
    /// # Errors
    /// [`Doubled`] if it was sent more than once.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, Doubled> {
        let mut values = self.pairs.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(Doubled(name)),
            None => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// Returns the values of a parameter that may be sent several times, such as `resource` (RFC 8707 §2). Empty ones are
    /// left out.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(own, value)| own == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Returns whether the parameter was sent, even if it is empty.
    pub fn contains(&self, name: &str) -> bool {
        self.pairs.iter().any(|(own, _)| own == name)
    }

    /// Returns the name of a parameter that was sent more than once, whether known or not, except those in `repeatable`.
    pub fn doubled(&self, repeatable: &[&str]) -> Option<&str> {
        let mut seen = HashSet::new();
        let names = self.pairs.iter().map(|(name, _)| name.as_str());
        names
            .filter(|name| !repeatable.contains(name))
            .find(|name| !seen.insert(*name))
    }

    /// Returns the names and values in the order in which they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Encodes the parameters as a query without its `?`. It is parsed to the same parameters again.
    pub fn to_query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(self.iter()).finish()
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

fn decoded(text: &str) -> Result<String, ParametersError> {
    let spaced = match text.contains('+') {
        true => Cow::Owned(text.replace('+', " ")),
        false => Cow::Borrowed(text),
    };
    let text = percent_decode_str(&spaced).decode_utf8();
    text.map(Cow::into_owned).map_err(|_| ParametersError::NotUtf8)
}

fn check(name: &str, value: &str) -> Result<(), ParametersError> {
    if name.len() > MAX_NAME {
        return Err(ParametersError::NameTooLong);
    }
    if name.contains('\0') || value.contains('\0') {
        return Err(ParametersError::Nul);
    }
    let limit = LIMITS.iter().find(|(own, _)| *own == name);
    if value.len() > limit.map_or(MAX_VALUE, |(_, length)| *length) {
        return Err(ParametersError::ValueTooLong);
    }
    if name == "scope" && value.split(' ').filter(|scope| !scope.is_empty()).count() > MAX_SCOPES {
        return Err(ParametersError::TooManyScopes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Parameters {
        Parameters::parse(text).unwrap()
    }

    #[test]
    fn are_decoded_as_a_form() {
        let parameters = parsed("state=a+b%2B%26%25%22%3C%E7%95%8C&empty=&flag&&a%3Db=c=d");
        let pairs: Vec<_> = parameters.iter().collect();
        assert_eq!(
            pairs,
            [("state", "a b+&%\"<界"), ("empty", ""), ("flag", ""), ("a=b", "c=d")]
        );
    }

    #[test]
    fn an_empty_value_counts_as_absent_and_a_second_one_does_not() {
        assert_eq!(parsed("a=1").one("a"), Ok(Some("1")));
        assert_eq!(parsed("a=").one("a"), Ok(None));
        assert_eq!(parsed("").one("a"), Ok(None));
        for text in ["a=1&a=1", "a=1&b=2&a=", "a=&a=", "a&%61=1"] {
            assert_eq!(parsed(text).one("a"), Err(Doubled("a")), "{text}");
            assert_eq!(parsed(text).doubled(&[]), Some("a"), "{text}");
            assert_eq!(parsed(text).doubled(&["a"]), None, "{text}");
        }
        assert_eq!(parsed("a=1&A=2").doubled(&[]), None);
        let parameters = parsed("r=1&x=2&r=&r=3");
        assert_eq!(parameters.all("r").collect::<Vec<_>>(), ["1", "3"]);
    }

    #[test]
    fn limits_hold_for_what_is_decoded() {
        use ParametersError::{NameTooLong, NotUtf8, TooLong, TooMany, TooManyScopes, ValueTooLong};
        let many = |count: usize| vec!["a=1"; count].join("&");
        let of = |name: &str, length: usize| format!("{name}={}", "x".repeat(length));
        let scopes = |count: usize| format!("scope={}", vec!["a"; count].join("+"));
        for text in [
            many(64),
            of(&"n".repeat(64), 1),
            of("state", 2_048),
            of("redirect_uri", 2_000),
            of("claims", 4_096),
            of("id_token_hint", 10_000),
            format!("state={}", "%41".repeat(2_048)),
            scopes(50),
        ] {
            assert!(Parameters::parse(&text).is_ok(), "{text}");
        }
        for (text, why) in [
            (many(65), TooMany),
            (of(&"n".repeat(65), 1), NameTooLong),
            (of("state", 2_049), ValueTooLong),
            (of("redirect_uri", 2_001), ValueTooLong),
            (of("claims", 4_097), ValueTooLong),
            (of("id_token_hint", 16_384), TooLong),
            (scopes(51), TooManyScopes),
            ("state=%ff".to_owned(), NotUtf8),
            ("%c3=1".to_owned(), NotUtf8),
            ("client_id=a%00".to_owned(), ParametersError::Nul),
            ("\0=1".to_owned(), ParametersError::Nul),
        ] {
            assert_eq!(Parameters::parse(&text), Err(why), "{text}");
        }
    }

    #[test]
    fn o_60_what_is_huge_is_refused_before_it_is_read() {
        for text in [
            format!("scope={}", "a+".repeat(500_000)),
            (0..100_000).map(|n| format!("n{n}=1&")).collect(),
            (0..64).map(|n| format!("n{n}={}&", "x".repeat(4_096))).collect(),
            "&".repeat(1_000_000),
            format!("claims={}", "%7B%22x%22%3A".repeat(100_000)),
            "%".repeat(1_000_000),
        ] {
            assert_eq!(Parameters::parse(&text), Err(ParametersError::TooLong));
        }
        assert_eq!(Parameters::parse(&"&".repeat(16_384)), Ok(Parameters::default()));
    }

    #[test]
    fn values_are_not_printed() {
        assert_eq!(format!("{:?}", parsed("code=s3cret&a=1")), r#"["code", "a"]"#);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(pairs in proptest::collection::vec(("[^\0]{0,12}", "[^\0]{0,40}"), 0..20)) {
            let pairs: Vec<_> = pairs.into_iter().filter(|(name, _)| !name.is_empty()).collect();
            let query = Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let parameters = Parameters::parse(&query).unwrap();
            prop_assert_eq!(&parameters.pairs, &pairs);
            prop_assert_eq!(Parameters::parse(&parameters.to_query()).unwrap(), parameters);
        }

        /// Another decoder reads the same, except where it would replace what is not UTF-8.
        #[test]
        fn another_decoder_reads_the_same(text in "[a-c=&+%0-9]{0,60}") {
            if let Ok(parameters) = Parameters::parse(&text) {
                let other: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
                prop_assert_eq!(parameters.pairs, other);
            }
        }
    }
}
