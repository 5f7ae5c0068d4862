//! The UserInfo endpoint (OpenID Connect Core §5.3): what a client may know about the user of its access token. It
//! accepts the access tokens of every client whose audience is the endpoint itself, and asks the database each time:
//! the session, the account and the client must all be active.

mod presented;
mod router;
mod service;

pub use router::router;
pub use service::UserInfo;
