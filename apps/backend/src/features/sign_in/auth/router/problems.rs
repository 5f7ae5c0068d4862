//! Maps the errors of this feature to problems.

use http::StatusCode;

use super::super::schemas::handle_mistake;
use super::super::service::{AskError, ExportError, LoginError, PasswordError, SignUpError};
use crate::core::problem::{Code, FieldError, Problem};
use crate::features::identity::accounts::AccountError;
use crate::features::identity::email_challenges::ChallengeError;

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Invalid => Self::new(Code::InvalidCredentials),
            LoginError::Unverified(_) => Self::new(Code::EmailNotVerified),
            LoginError::Challenge(error) => error.into(),
            LoginError::Limited(exceeded) => exceeded.into(),
            LoginError::Hash(error) => error.into(),
            LoginError::Issue(error) => error.into(),
            LoginError::Store(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Password(fault) => Self::validation(vec![fault.into()]),
            AccountError::EmailTaken => Self::new(Code::EmailTaken),
            AccountError::Hash(error) => error.into(),
            AccountError::Store(error) => error.into(),
        }
    }
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Closed => Self::new(Code::SignupClosed),
            SignUpError::Limited(exceeded) => exceeded.into(),
            SignUpError::Account(error) => error.into(),
            SignUpError::SignIn(error) => error.into(),
            SignUpError::Store(error) => error.into(),
        }
    }
}

impl From<ChallengeError> for Problem {
    fn from(error: ChallengeError) -> Self {
        match error {
            ChallengeError::Invalid => Self::new(Code::InvalidAnswer),
            ChallengeError::Unbound => Self::validation(handle_mistake(true, false).into_iter().collect()),
            ChallengeError::Limited(exceeded) => exceeded.into(),
            ChallengeError::Hash(error) => error.into(),
            ChallengeError::Store(error) => error.into(),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Limited(exceeded) => exceeded.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Limited(exceeded) => exceeded.into(),
            ExportError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            // The token was valid, so a challenge would be misleading: 403, not 401.
            PasswordError::Ended => Self::new(Code::InvalidToken),
            PasswordError::Wrong => Self::new(Code::InvalidCredentials).status(StatusCode::FORBIDDEN),
            PasswordError::Fault(fault) => Self::validation(vec![FieldError::from(fault).in_field("new_password")]),
            PasswordError::Limited(exceeded) => exceeded.into(),
            PasswordError::Hash(error) => error.into(),
            PasswordError::Store(error) => error.into(),
        }
    }
}
