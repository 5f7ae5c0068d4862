//! One folder per capability, the same files in each.
//!
//! A feature imports another only through its `mod.rs` and only downwards in this order:
//!
//! `keys < audit < outbox < revocation < guesses < accounts < devices < email_challenges < sessions < browser_sessions < auth < verification < recovery < mail < forward < health < docs < pages < dev`
//!
//! The test `architecture` reads this line and enforces it.

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod browser_sessions;
pub mod dev;
pub mod devices;
pub mod docs;
pub mod email_challenges;
pub mod forward;
pub mod guesses;
pub mod health;
pub mod keys;
pub mod mail;
pub mod outbox;
pub mod pages;
pub mod recovery;
pub mod revocation;
pub mod sessions;
pub mod verification;
