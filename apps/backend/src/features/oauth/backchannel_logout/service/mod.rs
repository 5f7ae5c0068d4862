//! Queueing logout notices, and delivering them.

mod deliver;
mod queue;
mod receiver;

pub use deliver::{BackchannelLogout, failed_notices};
pub use queue::queue;
