//! The wire shapes of changing an address.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::Context;
use crate::core::email::Email;
use crate::core::extract::Rules;
use crate::core::password::Password;
use crate::core::problem::{Code, FieldError, Problem};

/// A new address, and the password once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailChange)]
pub struct EmailChangeBody {
    /// The new address.
    #[schema(format = Email, example = "ada@example.org")]
    email: String,
    #[schema(value_type = String, format = Password)]
    pub password: Password,
}

impl Rules for EmailChangeBody {
    fn mistakes(&self, _: &Context) -> Vec<FieldError> {
        let wrong = self.email.parse::<Email>().err();
        wrong
            .map(|_| FieldError::new("email", Code::InvalidEmail))
            .into_iter()
            .collect()
    }
}

impl EmailChangeBody {
    /// The new address.
    ///
    /// # Errors
    /// It is none.
    pub fn email(&self) -> Result<Email, Problem> {
        let wrong = |_| Problem::validation(vec![FieldError::new("email", Code::InvalidEmail)]);
        self.email.parse().map_err(wrong)
    }
}
