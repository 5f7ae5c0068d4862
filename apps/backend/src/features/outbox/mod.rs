//! The outbox: which mails are owed, to whom, and why. A feature writes a row in the transaction that makes the mail due,
//! so that no mail is lost and none is sent for what did not happen; `mail`, above, sends them.
//! A row holds a purpose and its particulars, never a link or a code.
//! How many mails somebody may be sent is decided here too, whoever they are and whatever becomes of their account.
//! `outbox` and `mail_marks` are its tables.

mod marks;
mod service;
mod store;

pub use marks::remove_old_marks;
pub use service::{
    Asked, Demand, Due, Happening, Language, Outbox, Outcome, Owed, Particulars, Purpose, on_the_way, owe,
};
pub use store::{Listed, Overdue, drop_all_owed, forget, remove_ended};
