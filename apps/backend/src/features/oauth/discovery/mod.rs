//! The metadata of the server (OpenID Connect Discovery §3, RFC 8414 §2), in one document at two paths. It lists only
//! what works, so every new endpoint is added here.

mod document;
mod router;

pub use router::{ServerMetadata, router};
