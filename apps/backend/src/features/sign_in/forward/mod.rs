//! Forward authentication for reverse proxies: nginx `auth_request`, Caddy `forward_auth`, Traefik `ForwardAuth`. The
//! response is a status and some headers, without a body.
//!
//! For web applications, it also accepts a browser's cookie. A browser without one is sent to the sign-in page. The
//! cookie of the pages is sent to their own host only, so a browser is handed off to an application's host: a one-time
//! code lets it have a cookie there, which is valid for this application only. The table `handoffs` has these codes.

mod asked;
mod cookies;
mod place;
mod router;
mod schemas;
mod secret;
mod service;
mod store;

pub use router::router;
pub use service::Forward;
