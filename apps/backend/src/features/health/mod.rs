//! Whether the server is alive and ready, and its metrics for the operator.

mod readings;
mod router;
mod service;

pub use router::{metrics_router, router};
pub use service::Health;
