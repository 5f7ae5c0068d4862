//! Why a command failed, as a sentence, and the exit code that goes with it.

use std::fmt;
use std::process::ExitCode;

use crate::StartError;
use crate::features::keys::{KeysError, OperatorError};
use crate::settings::Mistakes;

/// The exit code of sysexits.h for a configuration that cannot be used.
const CONFIGURATION: u8 = 78;

/// A command failed.
#[derive(Debug)]
pub struct Failure {
    sentence: String,
    exit_code: u8,
}

impl Failure {
    /// It could not be done.
    pub(super) fn new(sentence: impl fmt::Display) -> Self {
        Self {
            sentence: sentence.to_string(),
            exit_code: 1,
        }
    }

    /// The settings or the keys cannot be used.
    pub(super) fn of_configuration(sentence: impl fmt::Display) -> Self {
        Self {
            exit_code: CONFIGURATION,
            ..Self::new(sentence)
        }
    }

    /// 1, or 78 where the settings or the keys are to be mended first.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit_code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::of_configuration(mistakes)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Keys(error) => error.into(),
            StartError::CheckpointFile(_) | StartError::Hasher(_) | StartError::Redis(_) | StartError::Mailer(_) => {
                Self::of_configuration(error)
            }
            StartError::Open(_)
            | StartError::Migrate(_)
            | StartError::Behind(_)
            | StartError::Unfinished
            | StartError::Revocations(_)
            | StartError::Accounts(_) => Self::new(error),
        }
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(_) => Self::new(error),
            error => Self::of_configuration(error),
        }
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Keys(error) => error.into(),
            error => Self::new(error),
        }
    }
}

macro_rules! failures {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error)
            }
        })+
    };
}

failures!(
    std::io::Error,
    countersign_store::Error,
    countersign_store::MigrateError,
    countersign_store::OpenError,
    super::prompt::PromptError,
    crate::core::email::InvalidEmail,
    crate::core::server::BindError,
    crate::features::auth::LoginError,
    countersign_jose::KeyError,
);
