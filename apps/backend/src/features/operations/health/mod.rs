//! Liveness, readiness and metrics.

mod readings;
mod router;
mod service;

pub use router::{metrics_router, router};
pub use service::Health;
