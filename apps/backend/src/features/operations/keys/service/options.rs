//! Options of the keys.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// How long after its expiry an ID token is accepted as an `id_token_hint`. Its key stays published for as long.
pub(super) const HINT_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The location and lifetimes of the keys.
#[derive(Clone)]
pub struct KeyOptions {
    /// The issuer, by which an ID token that comes back is recognised.
    pub issuer: String,
    pub dir: PathBuf,
    /// The passphrase of an encrypted private key.
    pub passphrase: Option<SecretString>,
    /// The maximum lifetime of tokens: how long a key is needed if nothing else is known.
    pub access_ttl: Duration,
    /// How long verifiers cache the JWK Set; [`JWKS_MAX_AGE`](super::JWKS_MAX_AGE) except in tests.
    pub max_age: Duration,
    /// How long a refresh may be repeated, and so a replaced sealing key is kept.
    pub replay_window: Duration,
}

impl KeyOptions {
    /// How long the next key is published before it may sign, so that every verifier has fetched the set again, even if a server
    /// was late by the same time.
    pub(super) fn propagation_delay(&self) -> Duration {
        2 * self.max_age
    }
}
