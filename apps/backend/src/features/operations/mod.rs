//! What the operator relies on: signing keys, the audit log, health checks and documentation.

pub mod audit;
pub mod dev;
pub mod docs;
pub mod health;
pub mod keys;
