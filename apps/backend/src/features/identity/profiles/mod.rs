//! The standard claims of users (OpenID Connect Core §5.1): what a client may learn about a user.
//! The name and the email address are fields of the account. The other claims are set by the operator; their rules are in
//! `crates/oauth`.
//! Its table is `profiles`.

mod service;
mod store;

pub use service::{ClaimsChange, RequestedClaims, StandardProfile, UserClaims, claims_for, find};
