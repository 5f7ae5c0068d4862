//! The type of a token, as declared by the `typ` in its header. Explicit types prevent one kind of token from being
//! accepted as another (RFC 8725 §3.11).

use crate::status_lists::MAX_STATUS_LIST_LENGTH;
use crate::tokens::MAX_TOKEN_LENGTH;

/// The type of a token: its media type without `application/`, and the maximum length of such a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenType {
    name: &'static str,
    max_length: usize,
}

impl TokenType {
    /// An access token (RFC 9068 §2.1): `at+jwt`.
    pub const ACCESS_TOKEN: Self = Self::new("at+jwt");
    /// An ID token (OpenID Connect Core §2): `JWT`, which clients expect. It may contain the profile of a person, and so be longer
    /// than an access token.
    pub const ID_TOKEN: Self = Self {
        max_length: 2 * MAX_TOKEN_LENGTH,
        ..Self::new("JWT")
    };
    /// A logout token (OpenID Connect Back-Channel Logout §2.4): `logout+jwt`.
    pub const LOGOUT_TOKEN: Self = Self::new("logout+jwt");
    /// A signed answer of the userinfo endpoint (OpenID Connect Core §5.3.2): `JWT`, like an ID token, which has claims that it
    /// does not have.
    pub const USER_INFO: Self = Self::ID_TOKEN;
    /// A token status list (draft-ietf-oauth-status-list §5.1): `statuslist+jwt`.
    pub const STATUS_LIST: Self = Self {
        max_length: MAX_STATUS_LIST_LENGTH,
        ..Self::new("statuslist+jwt")
    };

    /// Creates a type, such as `logout+jwt`, for tokens of at most [`MAX_TOKEN_LENGTH`] bytes.
    ///
    /// # Panics
    /// If `name` is empty or contains a character that RFC 6838 §4.2 does not allow in a media type. In a `const`, this
    /// is a compile error.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a token type needs a name");
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                matches!(bytes[at], b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'&' | b'-' | b'^' | b'_' | b'.' | b'+'),
                "a token type is named by letters, digits and !#$&-^_.+"
            );
            at += 1;
        }
        Self {
            name,
            max_length: MAX_TOKEN_LENGTH,
        }
    }

    /// Returns the value of `typ` in tokens that we sign, such as `at+jwt`.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns the maximum length of a token of this type, in bytes, when signing and verifying.
    pub const fn max_length(self) -> usize {
        self.max_length
    }

    /// Returns whether `typ` names this type. RFC 7515 §4.1.9: it is a media type, so it is case-insensitive, and
    /// `application/` may be omitted.
    pub fn is_named_by(self, typ: &str) -> bool {
        const PREFIX: &str = "application/";
        let bare = match typ.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
            _ => typ,
        };
        bare.eq_ignore_ascii_case(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::TokenType;

    #[test]
    fn a_type_is_a_media_type() {
        let (access, list) = (TokenType::ACCESS_TOKEN, TokenType::STATUS_LIST);
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(access.is_named_by(typ), "{typ}");
        }
        for typ in [
            "",
            "JWT",
            "at+jwt ",
            "at",
            "text/at+jwt",
            "application/",
            "application/application/at+jwt",
            "ätäjwt",
            "statuslist+jwt",
        ] {
            assert!(!access.is_named_by(typ), "{typ}");
        }
        assert!(list.is_named_by("statuslist+jwt") && list.is_named_by("application/statuslist+jwt"));
        assert!(!list.is_named_by("at+jwt"));
    }

    #[test]
    fn a_name_that_json_would_escape_is_none() {
        assert_eq!(TokenType::new("logout+jwt").name(), "logout+jwt");
        for name in ["", "a\"b", "a\\b", "a b", "ä", "application/at+jwt"] {
            assert!(std::panic::catch_unwind(|| TokenType::new(name)).is_err(), "{name}");
        }
    }
}
