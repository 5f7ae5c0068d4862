//! The rows of `sessions`. Checks of a session's account are part of the same statement.

mod active;
mod end;
mod list;
mod session;
mod tokens;

pub(super) use active::{find_active, insert_session, lock_active, move_bound, renew, saw, set_epoch};
pub(super) use end::{
    Ended, end, end_all, end_beyond, end_bound, end_grant, end_grants_beyond, end_grants_of_account,
    end_grants_of_client, end_some, remove_ended_sessions,
};
pub(super) use list::{list_active, list_grants, list_grants_of_client, opened_from, opened_in};
pub use session::Session;
pub(crate) use session::{is_active, join_session, joined_session};
pub(super) use tokens::{NewFamily, Presented, Rotation, find_family, reuse, rotate};
