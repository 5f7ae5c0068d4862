//! The kinds of stored hashes: current ones, those with earlier parameters, and imported ones.
//!
//! If a kind were more or less expensive than the current one, the response time would reveal that an account exists.
//! So every verification computes one hash of *each* kind: the stored one, and dummies for the others. If all hashes
//! are current, that is only one. The extra cost ends when the last old hash has been replaced.

use std::sync::{Arc, PoisonError, RwLock};

use super::stored::{Scheme, StoredHash};

/// The known kinds. Clones share them.
#[derive(Clone)]
pub(super) struct Schemes(Arc<RwLock<Vec<Arc<HashKind>>>>);

/// A kind, and a dummy hash of it that belongs to no account.
pub(super) struct HashKind {
    pub(super) scheme: Scheme,
    pub(super) dummy: StoredHash,
}

impl HashKind {
    fn of(hash: &StoredHash) -> Arc<Self> {
        Arc::new(Self {
            scheme: hash.scheme(),
            dummy: hash.dummy(),
        })
    }
}

impl Schemes {
    pub(super) fn new(ours: &StoredHash) -> Self {
        Self(Arc::new(RwLock::new(vec![HashKind::of(ours)])))
    }

    /// Returns all kinds, always in the same order. Adds the kind of `met` if it is new.
    pub(super) fn with(&self, met: Option<&StoredHash>) -> Vec<Arc<HashKind>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(new) = met.filter(|met| !knows(&known, met)) else {
            return known;
        };
        let mut kinds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !knows(&kinds, new) {
            kinds.push(HashKind::of(new));
            log_kinds(&kinds);
        }
        kinds.clone()
    }

    /// Replaces the known kinds with those of `stored` and the current one.
    pub(super) fn replace(&self, stored: &[StoredHash]) {
        let mut kinds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = kinds.len();
        kinds.truncate(1);
        for hash in stored {
            if !knows(&kinds, hash) {
                kinds.push(HashKind::of(hash));
            }
        }
        if kinds.len() != before {
            log_kinds(&kinds);
        }
    }
}

fn knows(kinds: &[Arc<HashKind>], hash: &StoredHash) -> bool {
    let scheme = hash.scheme();
    kinds.iter().any(|kind| kind.scheme == scheme)
}

fn log_kinds(kinds: &[Arc<HashKind>]) {
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.scheme.to_string()).collect();
    tracing::info!(
        kinds = kinds.join("; "),
        "several kinds of password hashes are stored; each sign-in computes one of each, so that timing does not \
         reveal which accounts exist"
    );
}
