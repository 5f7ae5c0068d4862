//! What a token is, as its header's `typ` says it.
//! Explicit types keep one kind of token from passing for another (RFC 8725 §3.11).

use crate::{status_lists::MAX_STATUS_LIST_LENGTH, tokens::MAX_TOKEN_LENGTH};

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenType {
    /// An access token (RFC 9068 §2.1).
    AccessToken,
    /// A list of the states of tokens (draft-ietf-oauth-status-list §5.1).
    StatusList,
    /// A sealed point of an audit log (our own kind).
    AuditCheckpoint,
}

impl TokenType {
    /// Every kind, in the order of its discriminant.
    pub(crate) const ALL: [Self; 3] = [Self::AccessToken, Self::StatusList, Self::AuditCheckpoint];

    /// The value of `typ` that we write, such as `at+jwt`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::StatusList => "statuslist+jwt",
            Self::AuditCheckpoint => "audit-checkpoint+jwt",
        }
    }

    /// The longest token of this kind that is signed or read, in bytes.
    pub const fn max_length(self) -> usize {
        match self {
            Self::AccessToken | Self::AuditCheckpoint => MAX_TOKEN_LENGTH,
            Self::StatusList => MAX_STATUS_LIST_LENGTH,
        }
    }

    /// Whether `typ` names this kind. RFC 7515 §4.1.9: it is a media type, so letters have no case, and `application/`
    /// may be left out.
    pub fn is_named_by(self, typ: &str) -> bool {
        const PREFIX: &str = "application/";
        let bare = match typ.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
            _ => typ,
        };
        bare.eq_ignore_ascii_case(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::TokenType::{AccessToken, StatusList};

    #[test]
    fn a_type_is_a_media_type() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(AccessToken.is_named_by(typ), "{typ}");
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
            assert!(!AccessToken.is_named_by(typ), "{typ}");
        }
        assert!(StatusList.is_named_by("statuslist+jwt") && StatusList.is_named_by("application/statuslist+jwt"));
        assert!(!StatusList.is_named_by("at+jwt"));
    }
}
