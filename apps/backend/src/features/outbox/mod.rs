//! The outbox: which mails are owed, to whom, and why. A feature writes a row in the transaction that makes the mail due,
//! so that no mail is lost and none is sent for what did not happen; `mail`, above, sends them.
//! A row holds a purpose and its particulars, never a link or a code.
//! `outbox` is its table.

mod service;
mod store;

pub use service::overdue;
pub use service::{
    Asked, Due, Language, Outcome, Owed, Particulars, Purpose, ask, claim, end, list, owe, owed_to, postpone, retry,
};
pub use store::{Listed, forget, remove_ended};
