//! The tests of `countersign-guard`'s public API, against an issuer that can misbehave.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod issuer;
mod keys;
mod lists;
mod options;
mod policies;
mod tasks;
