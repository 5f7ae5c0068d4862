//! Which kinds of hashes are stored: ours, those of earlier parameters, and imported ones.
//!
//! A kind that is dearer or cheaper than ours would tell by the time that there is an account. So every question about a
//! password computes one hash of *each* kind: the stored one, and dummies for the others. Where all hashes are current,
//! that is one. It ends when the last hash of an old kind has been made anew.

use std::sync::{Arc, PoisonError, RwLock};

use super::stored::{Scheme, StoredHash};

/// The kinds that are known to be stored. Clones know the same.
#[derive(Clone)]
pub(super) struct Schemes(Arc<RwLock<Vec<Arc<HashKind>>>>);

/// A kind, and a hash of it that is nobody's.
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

    /// All kinds, always in one order. `met` is one of them from now on.
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

    /// These and ours are all that there are.
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
