//! APIs (resource servers, RFC 6749 §1.1) that clients may ask access to, and their scopes.
