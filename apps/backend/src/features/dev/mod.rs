//! What `countersign dev` adds for the tests of applications: users who are there from the start, a token for anyone
//! who asks, and a clock that can be moved. It asks nobody for a proof, so only that command mounts it, which listens
//! on loopback addresses, in memory, with keys of its own. It owns no table: the ordinary services do the work.

mod known_key;
mod router;
mod schemas;
mod service;

pub(crate) use known_key::known_key;
pub(crate) use router::router;
pub(crate) use service::{Dev, PASSWORD, SeededUser};
