//! Which problem the errors of `core`, of the guard and of the store are.

use countersign_guard::{Denied, Reason};
use countersign_store::StoreError;

use super::Code;
use super::answer::{FieldError, Problem};
use crate::core::email::InvalidEmail;
use crate::core::limits::Exceeded;
use crate::core::password::{HashError, PasswordFault};
use crate::core::profile::{InvalidMetadata, InvalidName};

impl From<InvalidEmail> for FieldError {
    fn from(error: InvalidEmail) -> Self {
        Self::new("email", Code::InvalidEmail).detail(error.to_string())
    }
}

impl From<InvalidName> for FieldError {
    fn from(error: InvalidName) -> Self {
        Self::new("name", Code::Invalid).detail(error.to_string())
    }
}

impl From<InvalidMetadata> for FieldError {
    fn from(error: InvalidMetadata) -> Self {
        Self::new("metadata", Code::Invalid).detail(error.to_string())
    }
}

impl From<PasswordFault> for FieldError {
    fn from(fault: PasswordFault) -> Self {
        let code = match fault {
            PasswordFault::TooShort { .. } => Code::PasswordTooShort,
            PasswordFault::TooLong { .. } => Code::PasswordTooLong,
            PasswordFault::Breached => Code::PasswordBreached,
            PasswordFault::ContainsContext => Code::PasswordContainsContext,
        };
        Self::new("password", code).detail(fault.to_string())
    }
}

impl From<Denied> for Problem {
    /// What the guard says of a bearer token, in the words of RFC 6750.
    fn from(denied: Denied) -> Self {
        let code = match denied.reason {
            Reason::NoToken => Code::MissingToken,
            Reason::Malformed | Reason::Token(_) | Reason::Revoked | Reason::Status(_) => Code::InvalidToken,
            Reason::MissingScope(_) | Reason::UserRequired => Code::InsufficientScope,
            Reason::Unavailable => return Self::new(Code::Unavailable).retry_after(1),
            // `NoGuard`, and what later guards may add: nothing that a request did.
            _ => return Self::internal(denied.reason),
        };
        let problem = Self::new(code).detail(denied.reason.to_string());
        match denied.challenge() {
            Some(challenge) => problem.challenge(&challenge),
            None => problem,
        }
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        exceeded
            .headers()
            .into_iter()
            .fold(Self::new(Code::RateLimited), |problem, (name, value)| {
                problem.header(name, value)
            })
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded { retry_after } => Self::new(Code::Overloaded).retry_after(retry_after.as_secs()),
            error => Self::internal(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict => {
                Self::new(Code::Unavailable).retry_after(1).caused_by(error)
            }
            error => Self::internal(error),
        }
    }
}
