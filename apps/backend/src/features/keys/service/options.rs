//! What the keys are made of and go by.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Where the keys are, and the times that their life goes by.
#[derive(Clone)]
pub struct KeyOptions {
    pub dir: PathBuf,
    /// What opens a password-protected private key.
    pub passphrase: Option<SecretString>,
    /// How long tokens live at most: so long a key is needed of which nothing else is known.
    pub access_ttl: Duration,
    /// How long verifiers keep the JWK Set; [`JWKS_MAX_AGE`](super::JWKS_MAX_AGE) but in tests.
    pub max_age: Duration,
    /// For how long a refresh may be repeated: so long a sealing key is kept that was replaced.
    pub replay_window: Duration,
}

impl KeyOptions {
    /// How long a next key is published before it may sign: a verifier that fetched the set just before then has
    /// fetched it anew, also if a server was late by as much.
    pub(super) fn propagation_delay(&self) -> Duration {
        2 * self.max_age
    }
}
