//! One folder per capability, the same files in each. Folders of capabilities that belong together are in one group.
//!
//! A feature imports another only through its `mod.rs` and only downwards in this order, whatever their groups:
//!
//! `keys < audit < outbox < revocation < guesses < accounts < profiles < devices < email_challenges < apis < clients < consents < backchannel_logout < sessions < browser_sessions < auth < verification < recovery < mail < forward < authorization < device_authorization < token < userinfo < end_session < discovery < health < docs < pages < dev`
//!
//! The test `architecture` reads this line and enforces it.

pub mod identity;
pub mod messaging;
pub mod oauth;
pub mod operations;
pub mod pages;
pub mod sign_in;
