//! What a server needs to know.

use ipnet::IpNet;

use super::{ConnectionLimits, ConnectionMetrics};
use crate::core::layers::Middleware;

/// What a server needs beside its address and its routes.
#[derive(Clone)]
pub struct ServerOptions {
    /// How long and how many.
    pub limits: ConnectionLimits,
    /// The peers that connect for many clients: they are not held to the limit per address.
    pub trusted_proxies: Vec<IpNet>,
    /// Answers what cannot become a request.
    pub middleware: Middleware,
    pub metrics: ConnectionMetrics,
}
