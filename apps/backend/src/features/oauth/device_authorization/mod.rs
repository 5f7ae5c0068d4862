//! Sign-in on devices without a keyboard (RFC 8628).
