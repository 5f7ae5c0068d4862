//! Who sent a request, for a reverse proxy that asks before it passes the request on: nginx `auth_request`, Caddy
//! `forward_auth`, Traefik `ForwardAuth`. The answer is a status and three headers; its body is empty.
//! It owns no table, and changes nothing.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::Forward;
