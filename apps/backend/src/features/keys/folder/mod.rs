//! The folder of the keys, and everything that is known about files.
//!
//! ```text
//! secrets/jwt/            0700
//!   private.pem           0600  signs
//!   public.pem            0644  its public half, for people; derived where it is missing
//!   next/private.pem      0600  published, signs after its activation
//!   next/public.pem       0644
//!   retired/<kid>.pem     0644  published until the last token that it signed has expired
//!   sealing/<time>-<id>.key  0600  a symmetric key of the server's own (core/sealing)
//!   .lock                       held by whoever changes something
//! ```
//!
//! Readers take no lock (a mounted folder may be read-only): each step of a change leaves a folder that reads as a
//! whole, and a reader looks twice ([`Snapshot`]). A change that a crash cut short is finished by the next one.

mod contents;
mod files;
mod inspect;
mod locked;
mod place;
mod snapshot;
#[cfg(test)]
mod tests;

pub(super) use contents::FolderKeys;
pub use inspect::{Inspected, inspect};
pub(super) use locked::{Locked, MadeSealing, Old};
pub(super) use place::KeyFolder;
pub(super) use snapshot::{Fingerprint, Snapshot};

use super::KeysError;

impl KeyFolder {
    /// What the folder holds at one instant.
    pub(super) fn snapshot(&self) -> Result<Snapshot, KeysError> {
        Snapshot::take(self)
    }

    /// Waits until nobody else changes the folder, makes it if it is not there, and finishes what a crash cut short.
    pub(super) fn lock(&self) -> Result<Locked, KeysError> {
        Locked::wait(self)
    }
}
