//! The options of a server.

use ipnet::IpNet;

use super::{ConnectionLimits, ConnectionMetrics};
use crate::core::layers::Middleware;

/// The options of a server, other than its address and routes.
#[derive(Clone)]
pub struct ServerOptions {
    /// The limits on connections.
    pub limits: ConnectionLimits,
    /// Peers that connect on behalf of many clients, so the limit per IP address does not apply to them.
    pub trusted_proxies: Vec<IpNet>,
    /// Responds to what cannot become a request.
    pub middleware: Middleware,
    pub metrics: ConnectionMetrics,
}
