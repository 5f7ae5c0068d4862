//! What every feature is built on, and nothing of any feature: the database, the clock, randomness, the hasher, the
//! settings. A feature that needs one or two of these takes those, not all.

use std::ops::Deref;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_store::Db;
use uuid::Uuid;

use super::clock::Clock;
use super::language::Texts;
use super::limits::RateLimits;
use super::mailer::Mailer;
use super::metrics::ServiceMetrics;
use super::password::{HashError, Hasher, Lane, NewPassword, Password, PasswordContext, PasswordFault, PasswordPolicy};
use super::random::SecureRandom;
use super::sealing::SealingKeys;
use crate::settings::Settings;

/// What every feature is built on. Cloning it is cheap.
#[derive(Clone)]
pub struct Platform(Arc<Parts>);

/// The parts of a [`Platform`].
pub struct Parts {
    pub settings: Settings,
    pub clock: Clock,
    pub random: SecureRandom,
    /// The server's own symmetric keys.
    pub sealing: SealingKeys,
    pub db: Db,
    /// The threads that hash passwords.
    pub hasher: Hasher,
    pub passwords: PasswordPolicy,
    pub limits: RateLimits,
    pub mailer: Mailer,
    /// The texts of pages and mails.
    pub texts: Texts,
    pub metrics: ServiceMetrics,
}

impl Platform {
    /// A platform of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Judges a new password of the account with this email address.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check_password(&self, password: &Password, email: &str) -> Result<NewPassword, PasswordFault> {
        self.passwords.check(
            password,
            &PasswordContext {
                email,
                issuer_host: self.settings.issuer.host(),
            },
        )
    }

    /// The hash of a random password, for an account whose owner has yet to set one.
    ///
    /// # Errors
    /// It could not be hashed just now.
    pub async fn unusable_password_hash(&self) -> Result<String, HashError> {
        let secret: [u8; 32] = self.random.bytes();
        // It is made for the operator, or for who has proven an address: for no stranger, and for no account in particular.
        let asker = Lane::Known(Uuid::nil()).into();
        self.hasher
            .rehash_for(Password::from(STANDARD_NO_PAD.encode(secret)), asker)
            .await
    }

    /// The challenge that goes with a 401 which is not about a bearer token (RFC 9110 §11.6.1).
    pub fn challenge(&self) -> String {
        format!("Bearer realm=\"{}\"", self.settings.issuer.as_str())
    }
}

impl Deref for Platform {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl AsRef<Self> for Platform {
    fn as_ref(&self) -> &Self {
        self
    }
}
