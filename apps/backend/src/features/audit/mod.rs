//! The audit log: who did what, when, from where, and how it ended.
//! Every feature above records its events here, inside the transaction that does what the event tells of.
//! Never a secret: no password, no token, no hash of one. A sealer chains and signs what was written, so that changing
//! it is seen. `audit_events` and the other `audit_…` tables are this feature's.

pub mod chain;
mod event;
mod schemas;
mod service;
mod store;

pub use event::{Event, EventKind, Filter, reference};
pub use schemas::EntryBody;
pub use service::{AccountLookup, Audit, Piece, VerifyError, Waiting, record_alone, record_at, verify_piece};
pub use store::{Entry, newest, of_account};
