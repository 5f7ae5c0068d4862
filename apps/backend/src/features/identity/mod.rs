//! Accounts, and what proves that an email address belongs to a user.

pub mod accounts;
pub mod devices;
pub mod email_challenges;
pub mod guesses;
pub mod profiles;
pub mod recovery;
pub mod verification;
