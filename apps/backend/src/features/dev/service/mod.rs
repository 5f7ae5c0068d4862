//! The use cases, one file each.

mod clock;
mod tokens;
mod users;

pub(super) use clock::{BeyondAllTime, Move, move_clock};
pub(super) use tokens::{Issued, Lifetime, TokenError, User, Wanted, end_session, issue};
pub(crate) use users::{PASSWORD, SeededUser, seed};
