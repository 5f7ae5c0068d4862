//! The outbox: the queue of emails to be sent. A feature inserts a row in the transaction that causes the email, so that no
//! email is lost and none is sent for a transaction that was rolled back; `mail` sends them.
//! A row holds a purpose and its parameters, never a link or a code.
//! The limits on emails per recipient are enforced here too, whether or not the recipient has an account.
//! The tables are `outbox` and `mail_marks`.

mod new_mail;
mod purpose;
mod send_log;
mod service;
mod store;

pub use new_mail::{Binding, MailParams, NewMail, Occurrence};
pub use purpose::{Action, Purpose, Recipient, TIME_TO_READ};
pub use send_log::trim_send_log;
pub use service::{ClaimedMail, MailOutcome, Outbox, RequestContext, enqueue, queued};
pub use store::{MailRecord, assign, drop_all_queued, forget, remove_ended};
