//! The request and response bodies of accounts.

use serde::Serialize;
use utoipa::ToSchema;

use super::store::Account;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody {
    id: AccountId,
    #[schema(format = Email)]
    email: String,
    email_verified: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    last_sign_in_at: Option<Timestamp>,
}

impl From<Account> for UserBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            email_verified: account.email_verified_at.is_some(),
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
        }
    }
}
