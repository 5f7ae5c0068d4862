//! The guarantees of the store, tested on both databases.
//!
//! `COUNTERSIGN_TEST_POSTGRES_URL` is the PostgreSQL server; each test has its own schema or file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its environment says where PostgreSQL is"
)]

mod crash;
mod failures;
mod lookups;
mod migrations;
mod names;
mod place;
mod postgres;
mod sqlite;
mod stale;
mod statements;
mod transactions;
mod values;
