//! A refresh token names its session and carries two secrets: that of the family, which stays, and the current one, which
//! changes with each rotation. The session's row holds a hash of each.
//!
//! There are two kinds, for the first party and for grants. They are hashed differently, so that a token of one kind is
//! unknown where the other is expected, even with the other prefix.

use std::marker::PhantomData;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use countersign_store::column;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;
use crate::core::random::SecureRandom;
use crate::core::sealing::{Purpose, SealingKeys};
use crate::core::secret::{NotASecret, parse, reveal, sha256};

/// A kind of refresh tokens.
pub trait Kind: Send + Sync + 'static {
    /// Begins the text of a token.
    const PREFIX: &'static str;
    /// Hashed before each of its secrets.
    const LABEL: &'static [u8];
    /// Whether the sessions of its tokens are grants.
    const OF_GRANTS: bool;
}

/// Refresh tokens of our own API.
pub enum FirstParty {}

/// Refresh tokens of grants, which clients of the OpenID provider hold.
pub enum Granted {}

impl Kind for FirstParty {
    const PREFIX: &'static str = "csr_";
    const LABEL: &'static [u8] = b"";
    const OF_GRANTS: bool = false;
}

impl Kind for Granted {
    const PREFIX: &'static str = "csg_";
    const LABEL: &'static [u8] = b"csg_";
    const OF_GRANTS: bool = true;
}

/// A refresh token of our own API.
pub type RefreshToken = FamilyToken<FirstParty>;

/// A refresh token of a grant.
pub type GrantToken = FamilyToken<Granted>;

/// The length in bytes of the session's id, the family secret and the current secret.
const ID: usize = 16;
const FAMILY: usize = 16;
const CURRENT: usize = 32;
const LENGTH: usize = ID + FAMILY + CURRENT;

/// A refresh token: the session's id, the family secret, the current secret. Zeroed when dropped. No `Debug`.
pub struct FamilyToken<K>(Zeroizing<[u8; LENGTH]>, PhantomData<fn() -> K>);

/// SHA-256 of a family secret. A token with a different one is unknown, so knowing a session's id is not enough to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyHash([u8; 32]);

/// SHA-256 of a current secret. 256 random bits need no slow hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshHash([u8; 32]);

/// Where a token was spent: a keyed hash of the network and one of the device. The key is the spent secret, which is not
/// stored, so only a request with the same token can be compared with it.
#[derive(Clone, Copy, Debug)]
pub struct SpenderHash([u8; 2 * MARK]);

const MARK: usize = 8;

column!(FamilyHash as [u8; 32]);
column!(RefreshHash as [u8; 32]);
column!(SpenderHash as [u8; 2 * MARK]);

impl<K: Kind> FamilyToken<K> {
    /// Creates the first token of a new session, with a new session id.
    pub fn first(now: Timestamp, random: SecureRandom) -> Self {
        let id = SessionId::new(now, random);
        let secrets = Zeroizing::new(random.bytes::<{ FAMILY + CURRENT }>());
        let mut token = Zeroizing::new([0; LENGTH]);
        token[..ID].copy_from_slice(id.0.as_bytes());
        token[ID..].copy_from_slice(&*secrets);
        Self(token, PhantomData)
    }

    /// Returns the session's id. It identifies a row and proves nothing.
    pub fn session(&self) -> SessionId {
        let mut id = [0; ID];
        id.copy_from_slice(&self.0[..ID]);
        SessionId(Uuid::from_bytes(id))
    }

    pub fn family_hash(&self) -> FamilyHash {
        FamilyHash(Self::digest(&self.0[ID..ID + FAMILY]))
    }

    pub fn hash(&self) -> RefreshHash {
        RefreshHash(Self::digest(self.current()))
    }

    fn digest(secret: &[u8]) -> [u8; 32] {
        let labeled = Zeroizing::new([K::LABEL, secret].concat());
        sha256(&labeled)
    }

    /// Returns whether the token belongs to this family.
    pub fn is_of(&self, family: FamilyHash) -> bool {
        verify_slices_are_equal(&self.family_hash().0, &family.0).is_ok()
    }

    /// Derives the token that follows this one. The result is always the same. It is derived with the server's key, so it
    /// cannot be computed from this token or the database alone.
    pub fn successor(&self, keys: &SealingKeys) -> Self {
        self.followed_by(&keys.derive(Purpose::RefreshSuccessor, &[&self.0[..]]))
    }

    /// Returns the successor with this hash, if it was derived with any of the server's keys, including older ones.
    pub fn successor_with(&self, hash: RefreshHash, keys: &SealingKeys) -> Option<Self> {
        keys.derive_with_each(Purpose::RefreshSuccessor, &[&self.0[..]])
            .map(|secret| self.followed_by(&secret))
            .find(|successor| verify_slices_are_equal(&successor.hash().0, &hash.0).is_ok())
    }

    fn followed_by(&self, secret: &[u8; CURRENT]) -> Self {
        let mut next = self.0.clone();
        next[ID + FAMILY..].copy_from_slice(secret);
        Self(next, PhantomData)
    }

    /// Returns the hashes that are stored of the place where the token is spent.
    pub fn spent_at(&self, network: &str, device: &str) -> SpenderHash {
        let mut origin = [0; 2 * MARK];
        origin[..MARK].copy_from_slice(&self.mark(b"network", network));
        origin[MARK..].copy_from_slice(&self.mark(b"device", device));
        SpenderHash(origin)
    }

    fn mark(&self, label: &[u8], text: &str) -> [u8; MARK] {
        let mut digest = Context::new(&SHA256);
        digest.update(label);
        digest.update(self.current());
        digest.update(text.as_bytes());
        let mut mark = [0; MARK];
        mark.copy_from_slice(&digest.finish().as_ref()[..MARK]);
        mark
    }

    fn current(&self) -> &[u8] {
        &self.0[ID + FAMILY..]
    }

    /// Returns the token as it is given to the client.
    pub fn reveal(&self) -> String {
        reveal(K::PREFIX, &*self.0)
    }
}

impl SpenderHash {
    pub fn is_same_network(self, other: Self) -> bool {
        self.0[..MARK] == other.0[..MARK]
    }

    pub fn is_same_device(self, other: Self) -> bool {
        self.0[MARK..] == other.0[MARK..]
    }
}

impl<K: Kind> std::str::FromStr for FamilyToken<K> {
    type Err = NotASecret;

    /// Parses a token. Each token has exactly one spelling: no other length, prefix, case, padding or trailing bits.
    fn from_str(text: &str) -> Result<Self, NotASecret> {
        parse(K::PREFIX, text).map(|bytes| Self(bytes, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> RefreshToken {
        RefreshToken::first(Timestamp(1), SecureRandom)
    }

    #[test]
    fn x4_has_one_spelling() {
        let token = first().reveal();
        assert_eq!(token.len(), 90);
        assert!(
            token
                .parse::<RefreshToken>()
                .is_ok_and(|parsed| parsed.reveal() == token)
        );
        for end in 0..token.len() {
            assert!(token[..end].parse::<RefreshToken>().is_err(), "a prefix of {end} bytes");
        }
        let last = token.len() - 1;
        for wrong in [
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            token.replace("csr_", "CSR_"),
            format!("{}+", &token[..last]),
            // The last digit carries two bits of the token; its other four bits are zero.
            format!("{}B", &token[..last]),
        ] {
            assert!(wrong.parse::<RefreshToken>().is_err(), "{wrong}");
        }
    }

    /// O-33, X-4: with the other prefix, a token is another kind's, and has other hashes.
    #[test]
    fn the_kinds_share_no_hash() {
        let token = first();
        assert!(token.reveal().parse::<GrantToken>().is_err());
        let other: GrantToken = token.reveal().replace("csr_", "csg_").parse().unwrap();
        assert!(other.session() == token.session());
        assert!(!other.is_of(token.family_hash()) && !token.is_of(other.family_hash()));
        assert!(other.hash() != token.hash() && other.family_hash() != token.family_hash());
    }

    #[test]
    fn a_25_a_97_a_million_secrets_from_64_threads_are_distinct_and_uniform() {
        const EACH: usize = 15_625;
        let threads = (0..64).map(|_| {
            std::thread::spawn(|| {
                (0..EACH)
                    .map(|_| <[u8; FAMILY + CURRENT]>::try_from(&first().0[ID..]).unwrap())
                    .collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = threads.collect();
        let mut all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        // How often each byte has each value, because counting bits takes eight times as long.
        let mut values = [[0_usize; 256]; FAMILY + CURRENT];
        for secrets in &all {
            for (byte, values) in secrets.iter().zip(&mut values) {
                values[usize::from(*byte)] += 1;
            }
        }
        // Six standard deviations of a fair coin; one is 500.
        for (byte, values) in values.into_iter().enumerate() {
            for bit in 0..8 {
                let ones: usize = (0..256)
                    .filter(|value| value >> bit & 1 == 1)
                    .map(|value| values[value])
                    .sum();
                assert!(
                    ones.abs_diff(500_000) < 3_000,
                    "bit {bit} of byte {byte} is set {ones} times"
                );
            }
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 64 * EACH);
    }

    #[test]
    fn a_place_is_recognised_with_the_same_token_alone() {
        let (token, other) = (first(), first());
        let origin = token.spent_at("198.51.100.0/24", "Firefox");
        let again = token.spent_at("198.51.100.0/24", "Firefox");
        assert!(origin.is_same_network(again) && origin.is_same_device(again));
        let elsewhere = token.spent_at("203.0.113.0/24", "Firefox");
        assert!(!origin.is_same_network(elsewhere) && origin.is_same_device(elsewhere));
        let without_it = other.spent_at("198.51.100.0/24", "Firefox");
        assert!(!origin.is_same_network(without_it) && !origin.is_same_device(without_it));
    }
}
