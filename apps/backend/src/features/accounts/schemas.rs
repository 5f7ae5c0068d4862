//! The wire shapes of accounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::Account;
use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::password::Password;
use crate::core::problem::{Code, FieldError, Problem};

/// What it takes to sign up.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
pub struct RegistrationBody {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// 8 to 128 characters, unless the server's settings say otherwise.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
}

/// A registration that is at least readable.
pub struct Registration {
    pub email: Email,
    pub password: Password,
}

impl TryFrom<RegistrationBody> for Registration {
    type Error = Problem;

    fn try_from(body: RegistrationBody) -> Result<Self, Problem> {
        let email = body
            .email
            .parse()
            .map_err(|_| Problem::validation(vec![FieldError::new("email", Code::InvalidEmail)]))?;
        Ok(Self {
            email,
            password: body.password,
        })
    }
}

/// An account as its owner sees it.
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
