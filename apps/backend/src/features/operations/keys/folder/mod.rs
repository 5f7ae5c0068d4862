//! The keys folder and its files.
//!
//! ```text
//! secrets/jwt/            0700
//!   private.pem           0600  signs
//!   public.pem            0644  its public half, for people; derived if missing
//!   next/private.pem      0600  published; signs after its activation
//!   next/public.pem       0644
//!   retired/<kid>.pem     0644  published until the last token that it signed has expired
//!   sealing/<time>-<id>.key  0600  a symmetric key of the server's own (core/sealing)
//!   rsa/                  0700  the same three for RS256, made when a client first needs one
//!     private.pem …
//!   .lock                       held during changes
//! ```
//!
//! Readers take no lock, because a mounted folder may be read-only. Each step of a change leaves the folder consistent, and
//! a reader reads it twice ([`Snapshot`]). The next change finishes one that was interrupted by a crash.

mod contents;
mod files;
mod inspect;
mod locked;
mod pair;
mod place;
mod snapshot;
#[cfg(test)]
mod tests;

pub(super) use contents::{FolderKeys, KeySet, Stored};
pub use inspect::{Inspected, inspect};
pub(super) use locked::{Locked, MadeSealing, Old};
pub(super) use pair::{KeyPair, PublicHalf};
pub(super) use place::KeyFolder;
pub(super) use snapshot::{Fingerprint, Snapshot};

use super::KeysError;

impl KeyFolder {
    /// Reads the folder as of one moment.
    pub(super) fn snapshot(&self) -> Result<Snapshot, KeysError> {
        Snapshot::take(self)
    }

    /// Locks the folder for changes. Waits for other holders, creates the folder if necessary, and removes unfinished
    /// files.
    pub(super) fn lock(&self) -> Result<Locked, KeysError> {
        Locked::wait(self)
    }
}
