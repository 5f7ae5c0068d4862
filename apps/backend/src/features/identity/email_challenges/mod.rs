//! Email challenges: a link, and a six-digit code for where links do not work. A correct answer proves that the client can
//! read the email. A challenge is created when its email is sent, for one purpose, one email address and the state of the
//! account at the time of the request. It works once, and as soon as its email has left, earlier challenges end. Link and
//! code are stored as hashes. The link works for any reader of the email, the code only for the client that requested it. A
//! pending sign-up has no account: its password is stored with it. The tables are `email_challenges`, `former_links` and
//! `registrations`. What a challenge does is defined in `verification`, `recovery` and `auth`.

mod code;
mod guess;
mod link_secret;
mod presenter;
mod service;
mod store;
mod whose;

pub use link_secret::LinkSecret;
pub use presenter::Presenter;
pub use service::{
    Answer, CODE_LIFETIME, ChallengeError, Checked, EmailChallenges, NewChallenge, Proven, REGISTRATION_LIFETIME,
};
pub use store::former::remove_former;
pub use store::registrations::{self, Registration};
pub use store::{remove_ended, void_all};
pub use whose::Whose;
