//! Email challenges: a link, and six digits where links do not work. Who answers one has shown that they read the email.
//! A challenge is made when its email is sent; it is for one purpose, one email address, and the state that the account had
//! when the email was requested. It is spent once, and when its email has left it is the only one. Link and code are stored as hashes. The
//! link works for the reader of the email, the code for the client that requested it.
//! A sign-up that waits for its email has no account yet: its password waits with its challenge.
//! `email_challenges`, `former_links` and `registrations` are its tables; `verification`, `recovery` and `auth` say what a challenge does.

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
