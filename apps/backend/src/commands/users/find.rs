//! Looks up the account that an operator refers to.

use crate::Services;
use crate::commands::Failure;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::features::identity::accounts::{self, Account};

/// Finds the account with this email address or ID.
pub(in crate::commands) async fn account(services: &Services, text: &str) -> Result<Account, Failure> {
    if let Ok(id) = text.parse() {
        let found = accounts::find(&services.db, AccountId(id)).await?;
        return found.ok_or_else(|| Failure::not_found(format!("no account with the ID {text}")));
    }
    let email: Email = text.parse().map_err(|_| {
        Failure::new(format!(
            "{text:?} is neither an email address, such as ada@example.com, nor an account ID"
        ))
    })?;
    let found = accounts::find_by_email(&services.db, &email).await?;
    found.ok_or_else(|| Failure::not_found(format!("no account with the email address {email}")))
}
