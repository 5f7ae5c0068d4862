//! Names of scopes (RFC 6749 §3.3; OpenID Connect Core §5.4, §11).

/// The maximum number of scopes in a request.
pub const MAX_SCOPES: usize = 50;

/// The scopes of OpenID Connect: those that ask for claims of a user, and `offline_access`.
pub const OPENID_SCOPES: [&str; 6] = ["openid", "profile", "email", "phone", "address", "offline_access"];

/// Returns whether the text is the name of one scope: `1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
pub fn is_scope(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::is_scope;

    #[test]
    fn a_name_has_the_characters_of_rfc_6749() {
        for scope in ["openid", "orders:read", "https://api.example.com/x", "!#[]~"] {
            assert!(is_scope(scope), "{scope}");
        }
        for text in ["", "a b", "a\"", "a\\", "ä", "a\t", "\u{7f}"] {
            assert!(!is_scope(text), "{text:?}");
        }
    }
}
