//! Whose counter it is. What a stranger sends is kept as a digest only: 16 bytes, however long it was.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use super::prefix::AddressPrefix;

/// The name of a limit, as settings and response headers write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy(&'static str);

/// One counter: a limit, and the subject it counts for. A subject may have several parts (an account at an address).
/// The same parts in the same order are the same key, on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    policy: Policy,
    digest: [u8; 16],
}

impl Policy {
    /// # Panics
    /// While compiling, if the name has other signs than small letters and underscores.
    pub const fn named(name: &'static str) -> Self {
        let mut at = 0;
        while at < name.len() {
            assert!(
                matches!(name.as_bytes()[at], b'a'..=b'z' | b'_'),
                "a limit's name has small letters and underscores"
            );
            at += 1;
        }
        Self(name)
    }

    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Key {
    /// The counter of all, to be narrowed.
    pub fn of(policy: Policy) -> Self {
        Self {
            policy,
            digest: [0; 16],
        }
        .narrowed(b'P', policy.0.as_bytes())
    }

    /// Narrowed to a network.
    #[must_use]
    pub fn address(self, prefix: AddressPrefix) -> Self {
        self.narrowed(b'A', &prefix.octets())
    }

    /// Narrowed to an account. Known accounts are counted by their id, whatever they were called in the request
    /// (SECURITY.md R-67).
    #[must_use]
    pub fn account(self, id: Uuid) -> Self {
        self.narrowed(b'U', id.as_bytes())
    }

    /// Narrowed to a name that may be nobody's, in its normalised form.
    #[must_use]
    pub fn identifier(self, normalised: &str) -> Self {
        self.narrowed(b'I', normalised.as_bytes())
    }

    /// Which limit it belongs to.
    pub fn policy(self) -> Policy {
        self.policy
    }

    pub(super) fn digest(&self) -> [u8; 16] {
        self.digest
    }

    /// Half of SHA-256 over what there was and the new part, which has its kind in front: parts cannot run together.
    fn narrowed(self, kind: u8, part: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&self.digest);
        context.update(&[kind]);
        context.update(part);
        let mut digest = [0; 16];
        digest.copy_from_slice(&context.finish().as_ref()[..16]);
        Self { digest, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_and_each_subject_has_its_own_counter() {
        let (one, other) = (Policy::named("one"), Policy::named("other"));
        let id = Uuid::from_u128(7);
        let keys = [
            Key::of(one),
            Key::of(other),
            Key::of(one).identifier("ada"),
            Key::of(other).identifier("ada"),
            Key::of(one).identifier("a").identifier("da"),
            Key::of(one).identifier("ad").identifier("a"),
            Key::of(one).account(id),
            Key::of(one).account(id).identifier("ada"),
            Key::of(one).identifier("ada").account(id),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        assert_eq!(Key::of(one).account(id), Key::of(one).account(id));
    }
}
