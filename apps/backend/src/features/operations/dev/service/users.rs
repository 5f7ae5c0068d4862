//! The initial users, and users created on demand.

use countersign_guard::Scopes;
use futures_util::future::try_join_all;
use serde::Serialize;

use super::Dev;
use crate::core::email::NewEmail;
use crate::core::ids::AccountId;
use crate::core::password::Password;
use crate::core::profile::Profile;
use crate::features::identity::accounts::{self, Account, AccountError};

/// The password of every user of `countersign dev`. It is not secret.
pub(crate) const PASSWORD: &str = "an umbrella for tests";

const SEEDED: [(&str, &[&str]); 2] = [
    ("ada@example.com", &["products:read", "products:write"]),
    ("bob@example.com", &["products:read"]),
];

/// An initial user.
#[derive(Serialize)]
pub(crate) struct SeededUser {
    pub(crate) id: AccountId,
    pub(crate) email: String,
    pub(crate) password: &'static str,
    pub(crate) scopes: &'static [&'static str],
}

impl Dev {
    /// Creates the users and the first status list, which a recorded token may name before another token is issued.
    ///
    /// # Errors
    /// The errors of [`Accounts::register`](crate::features::identity::accounts::Accounts::register).
    pub(crate) async fn seed(&self) -> Result<Vec<SeededUser>, AccountError> {
        // Concurrently, so that their passwords are hashed in parallel.
        let users = try_join_all(SEEDED.map(|(email, scopes)| self.seed_one(email, scopes))).await?;
        self.revocations.allocate().await?;
        Ok(users)
    }

    async fn seed_one(&self, email: &str, scopes: &'static [&'static str]) -> Result<SeededUser, AccountError> {
        let email = email.parse().expect("an address of the list above is one");
        let account = self.find_or_make(email).await?;
        let owned: Scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.operator.grant(account.id, &owned).await?;
        Ok(SeededUser {
            id: account.id,
            email: account.email,
            password: PASSWORD,
            scopes,
        })
    }

    /// Returns the account with this email address. Creates it if necessary, without scopes and with the common password.
    ///
    /// # Errors
    /// The errors of [`Accounts::register`](crate::features::identity::accounts::Accounts::register).
    pub(super) async fn find_or_make(&self, email: NewEmail) -> Result<Account, AccountError> {
        if let Some(account) = accounts::find_by_email(&self.platform.db, &email).await? {
            return Ok(account);
        }
        let password = Password::from(PASSWORD.to_owned());
        match self
            .accounts
            .register(email.clone(), password, &Profile::default(), &self.operator.caller)
            .await
        {
            // Another test created the same user concurrently.
            Err(AccountError::EmailTaken) => {
                let found = accounts::find_by_email(&self.platform.db, &email).await?;
                found.ok_or(AccountError::EmailTaken)
            }
            made => made,
        }
    }
}
