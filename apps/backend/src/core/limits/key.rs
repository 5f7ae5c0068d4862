//! Whose counter it is. What a stranger sends is kept as a digest only: 16 bytes, however long it was.

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use super::policy::Policy;
use super::prefix::AddressPrefix;
use crate::settings::{self, Rate};

/// One counter: a limit, and the subject it counts for. A subject may have several parts (an account at an address).
/// The same parts in the same order are the same key, on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    policy: Policy,
    digest: [u8; 16],
}

impl Key {
    /// The counter of all, to be narrowed.
    pub fn of(policy: Policy) -> Self {
        Self {
            policy,
            digest: [0; 16],
        }
        .narrowed(b'P', policy.name().as_bytes())
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

    /// What is set for that limit.
    pub fn rate(self, limits: &settings::Limits) -> Rate {
        self.policy.rate(limits)
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
        let (one, other) = (Policy::LoginPerAccount, Policy::LoginPerAddress);
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
