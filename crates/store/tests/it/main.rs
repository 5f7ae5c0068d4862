//! What the store promises, shown on both databases.
//!
//! PostgreSQL is found by `COUNTERSIGN_TEST_POSTGRES_URL`; each test has a schema, or a file, of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its environment says where PostgreSQL is"
)]

mod crash;
mod failures;
mod migrations;
mod names;
mod place;
mod postgres;
mod sqlite;
mod stale;
mod statements;
mod transactions;
mod values;
