//! The claims of a user for clients (OpenID Connect Core §5.3).
