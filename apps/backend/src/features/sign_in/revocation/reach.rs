//! How long the tokens of a bit live.

/// How long the tokens of a bit live. Bits of each kind are in separate lists: a list is published until the last token
/// that names it has expired, and guards follow a limited number of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// As long as a session can last.
    Session,
    /// As long as an access token of a client can live, a day: there is no refresh token.
    AccessToken,
}

impl Reach {
    pub(super) const ALL: [Self; 2] = [Self::Session, Self::AccessToken];

    /// Returns its name in the database.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::AccessToken => "access_token",
        }
    }
}
