//! Signing up, in and out, and everything that ends sessions: logging out, changing the password, deleting, disabling.
//! Every entry point calls the same services: the API, the pages and the command line.
//! Owns no table; combines `accounts`, `sessions` and `audit`.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use schemas::{EmailRequestedBody, MailAnswerBody, MailRequestBody, answer_mistake, handle_mistake};
pub(crate) use service::Turns;
pub use service::{
    ApplyError, AskError, Asking, Auth, Credentials, Differences, Holder, LoginError, Operator, PasswordChange,
    PasswordError, ProvenAccount, SignUp, SignedUp,
};
