//! The rules of sessions: how they are opened, rotated and ended, and what tokens they get.

mod end;
mod living;
mod open;
mod rotate;
mod tokens;

pub use end::{adopt, end_all, end_everything, list, revoke, revoke_by_refresh_token};
pub use living::{find_living, lock_living};
pub use open::{Opening, open, signed_in_lately};
pub use rotate::{RefreshError, rotate};
pub use tokens::{Tokens, claims, issue};

/// The client of our own API; clients of the OpenID provider will have names of their own.
pub const FIRST_PARTY_CLIENT: &str = "countersign";
