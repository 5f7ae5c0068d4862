//! Clients (RFC 6749 §2): applications that users sign in to, and programs that act on their own.
