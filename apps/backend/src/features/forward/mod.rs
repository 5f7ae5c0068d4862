//! Forward authentication for reverse proxies: nginx `auth_request`, Caddy `forward_auth`, Traefik `ForwardAuth`. The
//! response is a status and three headers, without a body. Owns no table and changes nothing.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::Forward;
