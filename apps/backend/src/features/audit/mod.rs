//! The audit log: who did what, when, from where, and how it ended.
//! Every feature above records its events here, inside the transaction that does what the event tells of.
//! Never a secret: no password, no token, no hash of one. `audit_events` is this feature's table.

mod service;
mod store;

pub use service::{Actor, Event, Kind, Outcome, record};
pub use store::{Entry, of_account};
