//! The rows of `sessions`. Checks of a session's account are part of the same statement.

mod end;
mod list;
mod living;
mod session;
mod tokens;

pub(super) use end::{
    Ended, end, end_all, end_beyond, end_bound, end_grant, end_grants_beyond, end_grants_of_account,
    end_grants_of_client, end_some, remove_ended_sessions,
};
pub(super) use list::{list_grants, list_grants_of_client, list_live, opened_from, opened_in};
pub(super) use living::{find_live, insert_session, lock_live, move_bound, renew, saw, set_epoch};
pub use session::Session;
pub(crate) use session::{join_session, joined_session, lives};
pub(super) use tokens::{NewFamily, Presented, Rotation, find_family, reuse, rotate};
