//! Stored hashes, our own and imported: Argon2, bcrypt, scrypt and PBKDF2. Parsing never panics, and a hash with
//! excessive cost is rejected, so that a row in the database cannot stop the server.
//!
//! bcrypt reads at most 72 bytes and repeats its key, separated by a zero byte. Therefore:
//! - a longer password is truncated to 72 bytes, as in the system that created the hash (OpenBSD's `$2b$`, PHP and Node
//!   do so). The same password works as before, and the sign-in then creates an Argon2id hash of the whole password.
//! - a password with a NUL never matches: C libraries end the password there, and `a` and `a\0a` would be the same key.
//! - `$2x$` is a variant with a known bug and is not supported.

use std::fmt;
use std::num::NonZeroU32;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Params, Version};
use aws_lc_rs::pbkdf2;
use subtle::ConstantTimeEq;

use super::argon2id::{Argon2id, compute};
use super::memory::Memory;

/// 1 GiB, in KiB.
const MOST_MEMORY_KIB: u64 = 1024 * 1024;
/// KiB times passes: about four seconds on one core.
const MOST_ARGON2_WORK: u64 = 8 * 1024 * 1024;
/// About four seconds on one core.
const MOST_BCRYPT_COST: u32 = 16;
/// About four seconds on one core.
const MOST_PBKDF2_ROUNDS: u32 = 10_000_000;

/// The scheme of a hash with all parameters that determine its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scheme(String);

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hash that can be verified.
pub(super) enum StoredHash {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: Params,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    Bcrypt(String),
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        rounds: NonZeroU32,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
}

/// Why a stored hash cannot be verified. Only logged; to the user, the password is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StoredHashFault {
    #[error("not a password hash in PHC or bcrypt format")]
    Malformed,
    #[error(
        "unsupported password hash scheme; the supported ones are argon2id, argon2i, argon2d, bcrypt, scrypt, \
         pbkdf2-sha256 and pbkdf2-sha512"
    )]
    UnknownScheme,
    #[error("the parameters of the password hash require more memory or time than a sign-in may use")]
    TooCostly,
}

impl StoredHash {
    pub(super) fn parse(text: &str) -> Result<Self, StoredHashFault> {
        if text.starts_with("$2") {
            return parse_bcrypt(text);
        }
        let hash = PasswordHash::new(text).map_err(|_| StoredHashFault::Malformed)?;
        match hash.algorithm.as_str() {
            "argon2id" | "argon2i" | "argon2d" => parse_argon2(&hash),
            "scrypt" => parse_scrypt(&hash),
            "pbkdf2-sha256" => parse_pbkdf2(&hash, pbkdf2::PBKDF2_HMAC_SHA256),
            "pbkdf2-sha512" => parse_pbkdf2(&hash, pbkdf2::PBKDF2_HMAC_SHA512),
            _ => Err(StoredHashFault::UnknownScheme),
        }
    }

    /// Returns whether the password matches, compared in constant time. `None` if memory is exhausted.
    pub(super) fn matches(&self, password: &str, memory: &mut Memory) -> Option<bool> {
        let password = password.as_bytes();
        let right = match self {
            Self::Argon2 {
                algorithm,
                version,
                params,
                salt,
                tag,
            } => {
                let Some(blocks) = memory.blocks(params.block_count()) else {
                    tracing::error!(
                        kib = params.m_cost(),
                        "not enough memory to verify a password hash; the \
                         sign-in fails"
                    );
                    return None;
                };
                let mut found = vec![0; tag.len()];
                let argon2 = compute(*algorithm, *version, params);
                argon2
                    .hash_password_into_with_memory(password, salt, &mut found, blocks)
                    .is_ok()
                    && same(&found, tag)
            }
            Self::Bcrypt(text) => !password.contains(&0) && bcrypt::verify(password, text).unwrap_or(false),
            Self::Scrypt { params, salt, tag } => {
                let mut found = vec![0; tag.len()];
                scrypt::scrypt(password, salt, params, &mut found).is_ok() && same(&found, tag)
            }
            Self::Pbkdf2 {
                algorithm,
                rounds,
                salt,
                tag,
            } => pbkdf2::verify(*algorithm, *rounds, salt, password, tag).is_ok(),
        };
        Some(right)
    }

    /// Returns the scheme. Hashes with the same scheme cost the same to verify.
    pub(super) fn scheme(&self) -> Scheme {
        Scheme(match self {
            Self::Argon2 {
                algorithm,
                version,
                params,
                tag,
                ..
            } => format!(
                "{} v={} m={} t={} p={} tag={}",
                algorithm.as_str(),
                u32::from(*version),
                params.m_cost(),
                params.t_cost(),
                params.p_cost(),
                tag.len()
            ),
            Self::Bcrypt(text) => format!("bcrypt cost={}", text.get(4..6).unwrap_or_default()),
            Self::Scrypt { params, tag, .. } => format!(
                "scrypt ln={} r={} p={} tag={}",
                params.log_n(),
                params.r(),
                params.p(),
                tag.len()
            ),
            Self::Pbkdf2 {
                algorithm, rounds, tag, ..
            } => {
                let bits = if *algorithm == pbkdf2::PBKDF2_HMAC_SHA512 {
                    512
                } else {
                    256
                };
                format!("pbkdf2-sha{bits} i={rounds} tag={}", tag.len())
            }
        })
    }

    /// Returns a dummy hash that costs the same to verify.
    pub(super) fn dummy(&self) -> Self {
        match self {
            Self::Argon2 {
                algorithm,
                version,
                params,
                salt,
                tag,
            } => Self::Argon2 {
                algorithm: *algorithm,
                version: *version,
                params: params.clone(),
                salt: vec![0; salt.len()],
                tag: vec![0; tag.len()],
            },
            // The dot is bcrypt's zero digit. The cost does not depend on the version letter.
            Self::Bcrypt(text) => Self::Bcrypt(format!("$2b${}${}", text.get(4..6).unwrap_or("10"), ".".repeat(53))),
            Self::Scrypt { params, salt, tag } => Self::Scrypt {
                params: *params,
                salt: vec![0; salt.len()],
                tag: vec![0; tag.len()],
            },
            Self::Pbkdf2 {
                algorithm,
                rounds,
                salt,
                tag,
            } => Self::Pbkdf2 {
                algorithm: *algorithm,
                rounds: *rounds,
                salt: vec![0; salt.len()],
                tag: vec![0; tag.len()],
            },
        }
    }

    /// Returns the family of the scheme, for metrics.
    pub(super) fn family(&self) -> &'static str {
        match self {
            Self::Argon2 { .. } => "argon2",
            Self::Bcrypt(_) => "bcrypt",
            Self::Scrypt { .. } => "scrypt",
            Self::Pbkdf2 { .. } => "pbkdf2",
        }
    }

    /// Returns whether the hash has the current scheme and parameters.
    pub(super) fn is_current(&self, ours: &Argon2id) -> bool {
        match self {
            Self::Argon2 {
                algorithm,
                version,
                params,
                ..
            } => ours.made(*algorithm, *version, params),
            _ => false,
        }
    }
}

fn same(found: &[u8], tag: &[u8]) -> bool {
    found.ct_eq(tag).into()
}

fn parse_bcrypt(text: &str) -> Result<StoredHash, StoredHashFault> {
    if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
        return Err(StoredHashFault::UnknownScheme);
    }
    let parts: bcrypt::HashParts = text.parse().map_err(|_| StoredHashFault::Malformed)?;
    match parts.get_cost() {
        4..=MOST_BCRYPT_COST => Ok(StoredHash::Bcrypt(text.to_owned())),
        0..4 => Err(StoredHashFault::Malformed),
        _ => Err(StoredHashFault::TooCostly),
    }
}

fn parse_argon2(hash: &PasswordHash) -> Result<StoredHash, StoredHashFault> {
    let malformed = StoredHashFault::Malformed;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| malformed)?;
    // The reference implementation omits the version for 1.0, and reads a missing one as 1.0.
    let version = hash
        .version
        .map_or(Ok(Version::V0x10), Version::try_from)
        .map_err(|_| malformed)?;
    let params = Params::try_from(hash).map_err(|_| malformed)?;
    let [memory, passes] = [params.m_cost(), params.t_cost()].map(u64::from);
    if memory > MOST_MEMORY_KIB || memory * passes > MOST_ARGON2_WORK {
        return Err(StoredHashFault::TooCostly);
    }
    let (salt, tag) = salt_and_tag(hash)?;
    Ok(StoredHash::Argon2 {
        algorithm,
        version,
        params,
        salt,
        tag,
    })
}

fn parse_scrypt(hash: &PasswordHash) -> Result<StoredHash, StoredHashFault> {
    let [log_n, r, p] = [number(hash, "ln")?, number(hash, "r")?, number(hash, "p")?];
    // RFC 7914 §2: 128 · r · N bytes of memory, processed p times.
    let kib = (u64::from(r) << log_n.min(32)) / 8;
    if log_n > 32 || kib > MOST_MEMORY_KIB || kib.saturating_mul(u64::from(p)) > MOST_MEMORY_KIB || p > 64 {
        return Err(StoredHashFault::TooCostly);
    }
    let log_n = u8::try_from(log_n).map_err(|_| StoredHashFault::TooCostly)?;
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| StoredHashFault::Malformed)?;
    let (salt, tag) = salt_and_tag(hash)?;
    Ok(StoredHash::Scrypt { params, salt, tag })
}

fn parse_pbkdf2(hash: &PasswordHash, algorithm: pbkdf2::Algorithm) -> Result<StoredHash, StoredHashFault> {
    let rounds = NonZeroU32::new(number(hash, "i")?).ok_or(StoredHashFault::Malformed)?;
    if rounds.get() > MOST_PBKDF2_ROUNDS {
        return Err(StoredHashFault::TooCostly);
    }
    let (salt, tag) = salt_and_tag(hash)?;
    Ok(StoredHash::Pbkdf2 {
        algorithm,
        rounds,
        salt,
        tag,
    })
}

fn number(hash: &PasswordHash, name: &str) -> Result<u32, StoredHashFault> {
    hash.params.get_decimal(name).ok_or(StoredHashFault::Malformed)
}

fn salt_and_tag(hash: &PasswordHash) -> Result<(Vec<u8>, Vec<u8>), StoredHashFault> {
    match (&hash.salt, &hash.hash) {
        (Some(salt), Some(tag)) => Ok((salt.as_ref().to_vec(), tag.as_bytes().to_vec())),
        _ => Err(StoredHashFault::Malformed),
    }
}

#[cfg(test)]
mod tests;
