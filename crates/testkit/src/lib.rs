//! A whole Countersign for a test: a database of its own (SQLite or PostgreSQL), a clock that stands still, cheap
//! hashing, and people who sign in.
//!
//! ```no_run
//! # async fn example() {
//! use countersign_testkit::{Database, TestServer};
//!
//! let server = TestServer::start(Database::Sqlite).await;
//! let ada = server.user("ada").await;
//! ada.get("/api/auth/me").await.assert_status(200);
//! # }
//! ```

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod answer;
mod database;
mod person;
mod process;
mod server;

pub use answer::Answer;
pub use database::{Database, ScratchDatabase};
pub use person::Person;
pub use process::{HttpClient, Launch, Refusal, ServerProcess};
pub use server::TestServer;

/// The password of every person that [`TestServer::user`] makes.
pub const PASSWORD: &str = "an umbrella for tests";

/// One test for each database: `on_both_databases! { async fn name(database: Database) { … } }`.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident: $kind:ty) $body:block)+) => {
        $($(#[$meta])* mod $name {
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
        })+
    };
}
