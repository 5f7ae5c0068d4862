//! The outbox: which mails are queued, to whom, and why. A feature writes a row in the transaction that makes the mail due,
//! so that no mail is lost and none is sent for what did not happen; `mail`, above, sends them.
//! A row holds a purpose and its particulars, never a link or a code.
//! How many mails somebody may be sent is decided here too, whoever they are and whatever becomes of their account.
//! `outbox` and `mail_marks` are its tables.

mod new_mail;
mod purpose;
mod send_log;
mod service;
mod store;

pub use new_mail::{Binding, MailParams, NewMail, Occurrence};
pub use purpose::{Action, Purpose, Recipient, TIME_TO_READ};
pub use send_log::trim_send_log;
pub use service::{ClaimedMail, MailOutcome, Outbox, RequestContext, enqueue, queued};
pub use store::{MailRecord, drop_all_queued, forget, remove_ended};
