//! Argon2id with the current parameters: creates new hashes and decides which are up to date.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};

use super::memory::Memory;
use super::secret::NewPassword;

/// RFC 9106 §4: a tag of 256 bits and a salt of 128.
const TAG: usize = 32;
pub(super) const SALT: usize = 16;

/// The scheme of new hashes.
#[derive(Clone)]
pub(super) struct Argon2id {
    params: Params,
}

impl Argon2id {
    /// `memory_kib`, `iterations` and `parallelism` as RFC 9106 calls them m, t and p.
    pub(super) fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, argon2::Error> {
        Params::new(memory_kib, iterations, parallelism, Some(TAG)).map(|params| Self { params })
    }

    /// Returns the 1 KiB blocks that one hash needs.
    pub(super) fn block_count(&self) -> usize {
        self.params.block_count()
    }

    /// Hashes a new password to a PHC string; `None` if memory is exhausted.
    pub(super) fn hash(&self, password: &NewPassword, salt: [u8; SALT], memory: &mut Memory) -> Option<String> {
        let mut tag = [0; TAG];
        compute(Algorithm::Argon2id, Version::V0x13, &self.params)
            .hash_password_into_with_memory(password.as_bytes(), &salt, &mut tag, memory.blocks(self.block_count())?)
            .ok()?;
        self.phc(&salt, &tag)
    }

    /// Returns a dummy hash that costs as much to verify as a real one. (A password matches it as likely as a guess of 256 bits,
    /// and the hasher answers "wrong" even then.)
    pub(super) fn dummy(&self) -> Option<String> {
        self.phc(&[0; SALT], &[0; TAG])
    }

    /// Returns whether a stored hash has exactly the current parameters. Others, cheaper or more expensive, are replaced at the
    /// next sign-in, so that all accounts and the dummy take the same time.
    pub(super) fn made(&self, algorithm: Algorithm, version: Version, params: &Params) -> bool {
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost(), params.output_len());
        algorithm == Algorithm::Argon2id && version == Version::V0x13 && costs(params) == costs(&self.params)
    }

    fn phc(&self, salt: &[u8], tag: &[u8]) -> Option<String> {
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).ok()?,
            salt: Some(Salt::new(salt).ok()?),
            hash: Some(Output::new(tag).ok()?),
        };
        Some(hash.to_string())
    }
}

/// Creates Argon2 with these parameters.
pub(super) fn compute(algorithm: Algorithm, version: Version, params: &Params) -> Argon2<'static> {
    Argon2::new(algorithm, version, params.clone())
}
