//! Metadata for clients and verifiers (RFC 8414, OpenID Connect Discovery).
