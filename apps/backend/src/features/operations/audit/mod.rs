//! The audit log: who did what, when, from where, and with which result.
//! The features above record their events here, in the transaction of the change itself. Entries never contain secrets: no
//! passwords, no tokens, no hashes of them. A sealer chains and signs the entries, so that changes to them are detected.
//! The tables are `audit_events` and the other `audit_…` tables.

pub mod chain;
mod event;
mod schemas;
mod service;
mod store;

pub use event::{Event, EventKind, Filter, reference};
pub use schemas::EntryBody;
pub use service::{AccountLookup, Audit, Piece, VerifyError, Waiting, record_alone, record_at, verify_piece};
pub use store::{Entry, newest, of_account};
