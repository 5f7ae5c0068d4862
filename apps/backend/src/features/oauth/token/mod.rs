//! The endpoints where clients get, revoke and introspect tokens: `POST /oauth2/token` (RFC 6749 §3.2), `POST /oauth2/revoke`
//! (RFC 7009) and `POST /oauth2/introspect` (RFC 7662).
//! `service/grants/` has one file per grant type. `service/mint.rs` is the only place that makes the tokens of a grant.
//! It owns no table: grants are rows of `sessions`, codes belong to `authorization` and `device_authorization`.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::Tokens;
