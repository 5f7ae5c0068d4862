//! Authorization requests and authorization codes (RFC 6749 §4.1, OpenID Connect Core §3.1).
