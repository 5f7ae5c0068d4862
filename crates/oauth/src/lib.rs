//! The messages of OAuth 2.1 and OpenID Connect: parsing and checking them. No I/O, no clock, no async.
