//! The base of all features: the database, the clock, randomness, the hasher and the settings. A feature that needs
//! only one or two of these takes only those.

use std::ops::Deref;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_store::Db;
use uuid::Uuid;

use super::applications::Applications;
use super::clock::Clock;
use super::language::Texts;
use super::limits::RateLimits;
use super::mailer::Mailer;
use super::metrics::ServiceMetrics;
use super::password::{HashError, Hasher, Lane, NewPassword, Password, PasswordContext, PasswordFault, PasswordPolicy};
use super::random::SecureRandom;
use super::sealing::SealingKeys;
use crate::settings::Settings;

/// The base of all features. Cheap to clone.
#[derive(Clone)]
pub struct Platform(Arc<Parts>);

/// The parts of a [`Platform`].
pub struct Parts {
    pub settings: Settings,
    /// The owner's own applications.
    pub applications: Applications,
    pub clock: Clock,
    pub random: SecureRandom,
    /// The server's own symmetric keys.
    pub sealing: SealingKeys,
    pub db: Db,
    /// The pool of password hashing threads.
    pub hasher: Hasher,
    pub passwords: PasswordPolicy,
    pub limits: RateLimits,
    pub mailer: Mailer,
    /// The texts of pages and emails.
    pub texts: Texts,
    pub metrics: ServiceMetrics,
}

impl Platform {
    /// Creates a platform from these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Checks a new password for the account with this email address.
    ///
    /// # Errors
    /// The violated rule.
    pub fn check_password(&self, password: &Password, email: &str) -> Result<NewPassword, PasswordFault> {
        self.passwords.check(
            password,
            &PasswordContext {
                email,
                issuer_host: self.settings.issuer.host(),
            },
        )
    }

    /// Returns the hash of a random password, for an account whose owner has not set one yet.
    ///
    /// # Errors
    /// The hashing pool is overloaded or failed.
    pub async fn unusable_password_hash(&self) -> Result<String, HashError> {
        let secret: [u8; 32] = self.random.bytes();
        // Requested by an operator or by a client that has verified an email address, so it takes the lane of known
        // clients, under no particular account.
        let asker = Lane::Known(Uuid::nil()).into();
        self.hasher
            .rehash_for(Password::from(STANDARD_NO_PAD.encode(secret)), asker)
            .await
    }

    /// Returns the challenge for a 401 that does not concern a bearer token (RFC 9110 §11.6.1).
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
