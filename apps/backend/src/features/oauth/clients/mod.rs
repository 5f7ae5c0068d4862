//! Clients (RFC 6749 §2): applications that users sign in to, and programs that act on their own. They are registered
//! on the command line or in `[[clients]]` of the settings file. Every endpoint calls [`may_use`] before a client gets
//! anything; the result is never cached. Disabling and deleting a client end its grants, so they are use cases of
//! `auth`, which also applies the settings file. Its tables are `clients` and `client_secrets`.

mod client;
mod secret;
mod service;
mod store;

pub(crate) use store::is_enabled;

pub use client::Client;
pub use service::{ClientAuthError, ClientError, Clients, Made, NewClient, differences, may_use};
pub use store::{StoredSecret, all, find, secrets};
