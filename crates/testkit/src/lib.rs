//! Countersign servers for tests.
//!
//! **For your own application:** [`DevServer`] starts the program `countersign dev` and gives your test real tokens.
//!
//! ```no_run
//! # async fn example() {
//! use countersign_testkit::DevServer;
//!
//! let countersign = DevServer::start().await;
//! let token = countersign.token("ada@example.com").scopes(["products:read"]).await;
//! let header = format!("Bearer {token}"); // for a route protected by a guard of `countersign.issuer()`
//! # }
//! ```
//!
//! It needs the program (`COUNTERSIGN_BIN`, or `countersign` on the `PATH`) and does not compile it.
//!
//! **For Countersign itself** (feature `server`): a complete server in the test's process, with its own database (SQLite or
//! PostgreSQL), a stopped clock, and users.
//!
//! ```no_run
//! # #[cfg(feature = "server")]
//! # async fn example() {
//! use countersign_testkit::{Database, TestServer};
//!
//! let server = TestServer::start(Database::Sqlite).await;
//! let ada = server.user("ada").await;
//! ada.get("/api/auth/me").await.assert_status(200);
//! # }
//! ```

#![expect(clippy::panic, reason = "a test fails by panicking")]

#[cfg(feature = "server")]
mod answer;
#[cfg(feature = "server")]
mod browser;
#[cfg(feature = "server")]
mod database;
mod dev_server;
mod dev_token;
#[cfg(feature = "server")]
mod mailbox;
#[cfg(feature = "server")]
mod person;
#[cfg(feature = "server")]
mod postgres;
#[cfg(feature = "server")]
mod process;
#[cfg(feature = "server")]
mod relying_party;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod template;

pub use dev_server::{DevServer, DevUser};
pub use dev_token::{DevToken, DevTokenRequest};
#[cfg(feature = "server")]
pub use {
    answer::Answer,
    browser::{Browser, Visit},
    database::{Database, ScratchDatabase},
    mailbox::ReceivedMail,
    person::Person,
    process::{HttpClient, Launch, Refusal, ServerProcess},
    relying_party::{RelyingParty, VERIFIER, parameter},
    server::TestServer,
};

/// The environment variable that makes a test build act as the next version, which has another migration.
#[cfg(feature = "server")]
pub const NEXT_VERSION: &str = "COUNTERSIGN_TEST_NEXT_VERSION";

/// The password of all users of a `TestServer` and a [`DevServer`].
pub const PASSWORD: &str = "an umbrella for tests";

#[cfg(feature = "server")]
pub use macro_rules_attribute::apply;

/// Generates one test per database from a function that takes the [`Database`]: `name::sqlite` and `name::postgres`.
///
/// ```ignore
/// #[apply(on_both_databases!)]
/// async fn name(database: Database) {
///     let server = TestServer::start(database).await;
/// }
/// ```
#[cfg(feature = "server")]
#[macro_export]
macro_rules! on_both_databases {
    ($(#[$meta:meta])* async fn $name:ident($database:ident: $kind:ty) $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($database: $kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn sqlite() {
                run($crate::Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn postgres() {
                run($crate::Database::Postgres).await;
            }
        }
    };
}
