//! Queueing logout notices.

mod queue;
mod receiver;

pub use queue::queue;
