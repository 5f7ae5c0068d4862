//! Our own API and pages, as a client of themselves: the client id in the tokens of their sessions.

/// The client id of our own API and pages. No client of the OpenID provider can have it.
pub const FIRST_PARTY_CLIENT: &str = "countersign";

/// SQL: the row belongs to the first party. It contains the literal, so that the databases can use partial indexes.
macro_rules! is_first_party {
    () => {
        "client_id = 'countersign'"
    };
}

/// SQL: the row is a grant of another client.
macro_rules! is_grant {
    () => {
        "client_id <> 'countersign'"
    };
}

pub(crate) use {is_first_party, is_grant};
