//! The keys of counters. Client input is kept only as a 16-byte digest.

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use super::policy::Policy;
use super::prefix::AddressPrefix;
use crate::settings::{self, Rate};

/// The key of a counter: a limit and its subject, which may have several parts (an account and an IP address). The same parts in
/// the same order give the same key on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    policy: Policy,
    digest: [u8; 16],
}

impl Key {
    /// Creates the key for all subjects, to be narrowed.
    pub fn of(policy: Policy) -> Self {
        Self {
            policy,
            digest: [0; 16],
        }
        .narrowed(b'P', policy.name().as_bytes())
    }

    /// Narrows it to a network.
    #[must_use]
    pub fn address(self, prefix: AddressPrefix) -> Self {
        self.narrowed(b'A', &prefix.octets())
    }

    /// Narrows it to a whole site: an IPv4 address, or an IPv6 /48.
    #[must_use]
    pub fn site(self, prefix: AddressPrefix) -> Self {
        self.narrowed(b'N', &AddressPrefix::of(prefix.site()).octets())
    }

    /// Narrows it to an account. Accounts are counted by id, whatever spelling the request used (security requirement R-67).
    #[must_use]
    pub fn account(self, id: Uuid) -> Self {
        self.narrowed(b'U', id.as_bytes())
    }

    /// Narrows it to a session.
    #[must_use]
    pub fn session(self, id: Uuid) -> Self {
        self.narrowed(b'S', id.as_bytes())
    }

    /// Narrows it to a normalized name, which may not exist.
    #[must_use]
    pub fn identifier(self, normalised: &str) -> Self {
        self.narrowed(b'I', normalised.as_bytes())
    }

    /// Returns its limit.
    pub fn policy(self) -> Policy {
        self.policy
    }

    /// Returns the configured rate of that limit.
    pub fn rate(self, limits: &settings::Limits) -> Rate {
        self.policy.rate(limits)
    }

    pub(super) fn digest(&self) -> [u8; 16] {
        self.digest
    }

    /// Half of the SHA-256 over the previous key and the new part with its kind, so that parts cannot be confused.
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
