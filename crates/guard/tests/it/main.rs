//! The tests of `countersign-guard`, through its public face, against an issuer that can do whatever an issuer does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod issuer;
mod keys;
mod lists;
mod options;
mod policies;
mod tasks;
