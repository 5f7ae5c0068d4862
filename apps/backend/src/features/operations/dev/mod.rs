//! The additions of `countersign dev` for tests of applications: initial users, a token for any user, and a movable clock. It
//! requires no authentication, so only that command mounts it, which listens on loopback addresses, in memory, with its own
//! keys. Owns no table and uses the ordinary services.

mod known_key;
mod router;
mod schemas;
mod service;

pub(crate) use known_key::known_key;
pub(crate) use router::router;
pub(crate) use service::{Dev, PASSWORD, SeededUser};
