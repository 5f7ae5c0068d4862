//! The standard claims of users (OpenID Connect Core §5.1).
