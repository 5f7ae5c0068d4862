//! Tells clients that a user has signed out (OpenID Connect Back-Channel Logout 1.0).
