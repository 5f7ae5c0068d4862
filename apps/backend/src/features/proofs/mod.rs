//! Proofs that somebody holds an e-mail address: a link, and six digits for where links do not work.
//! A proof is made when its mail is sent; it is for one purpose, one address, and the state that the account had when the
//! mail was asked for. It is spent once, and the newest is the only one. Both are stored as hashes. The link works for
//! whoever reads the mail, the digits for whoever asked for it.
//! A sign-up that waits for its mail has no account yet: its password waits with its proof.
//! `email_proofs`, `former_links` and `registrations` are its tables; `verification`, `recovery` and `auth` say what a proof does.

mod code;
mod guess;
mod link_secret;
mod presenter;
mod service;
mod store;

pub use link_secret::LinkSecret;
pub use presenter::Presenter;
pub use service::{Answer, Checked, Made, ProofError, Proofs, Proven, REGISTRATION_LIFETIME, Whose};
pub use store::former::remove_former;
pub use store::registrations::{self, Registration};
pub use store::{remove_ended, void_all};
