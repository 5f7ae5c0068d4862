//! The failure of a command: a message and an exit code.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde::Serialize;

use crate::StartError;
use crate::features::identity::accounts::AccountError;
use crate::features::oauth::apis::ApiError;
use crate::features::oauth::clients::ClientError;
use crate::features::operations::keys::{KeysError, OperatorError};
use crate::features::sign_in::auth::{ApplyError, PasswordError};
use crate::settings::SettingsError;

/// The exit code of sysexits.h for a configuration that cannot be used.
const CONFIGURATION: u8 = 78;

/// The failure of a command.
#[derive(Debug)]
pub struct Failure {
    sentence: String,
    code: FailureCode,
}

/// The kind of failure, printed as `code` with `--json`. Listed in docs/guides/operating.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The command failed for another reason.
    Failed,
    /// There is no such account, session or key.
    NotFound,
    /// There is no installation to work on.
    NoInstallation,
    /// The audit log does not match what was sealed.
    AuditLogTampered,
    /// The settings or the keys cannot be used.
    Configuration,
    /// The command line is wrong.
    Usage,
}

/// A failure as `--json` prints it.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: FailureCode,
    error: &'a str,
}

impl Failure {
    /// Creates a failure without a more specific code.
    pub(super) fn new(sentence: impl fmt::Display) -> Self {
        Self::coded(FailureCode::Failed, sentence)
    }

    /// Creates a failure because the settings or the keys cannot be used.
    pub(super) fn of_configuration(sentence: impl fmt::Display) -> Self {
        Self::coded(FailureCode::Configuration, sentence)
    }

    /// Creates a failure because there is no such account, session or key.
    pub(super) fn not_found(sentence: impl fmt::Display) -> Self {
        Self::coded(FailureCode::NotFound, sentence)
    }

    pub(super) fn coded(code: FailureCode, sentence: impl fmt::Display) -> Self {
        Self {
            sentence: sentence.to_string(),
            code,
        }
    }

    /// Takes over the message of clap, without colors and the usage that follows.
    pub(super) fn of_usage(error: &clap::Error) -> Self {
        // clap has printed its help instead, which begins with a description of the program.
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::coded(FailureCode::Usage, "missing command or subcommand");
        }
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let end = text
            .find("\n\nUsage:")
            .or_else(|| text.find("\n\nFor more information"));
        let sentence = text[..end.unwrap_or(text.len())].split_whitespace().collect::<Vec<_>>();
        Self::coded(FailureCode::Usage, sentence.join(" "))
    }

    /// Returns the exit code: 2 for wrong usage, 78 for unusable settings or keys, 1 otherwise.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.code {
            FailureCode::Failed
            | FailureCode::NotFound
            | FailureCode::NoInstallation
            | FailureCode::AuditLogTampered => 1,
            FailureCode::Usage => 2,
            FailureCode::Configuration => CONFIGURATION,
        })
    }

    /// Returns the failure as a line of JSON.
    pub(super) fn json(&self) -> String {
        let body = ErrorBody {
            code: self.code,
            error: &self.sentence,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// Explains why a file given to a command cannot be read. `wanted` is the expected content.
pub(super) fn unreadable(path: &Path, error: &io::Error, wanted: &str) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => format!("file not found: {path}; expected {wanted}"),
        _ => format!("cannot read {path}: {error}; expected {wanted}"),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<SettingsError> for Failure {
    fn from(mistakes: SettingsError) -> Self {
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
            StartError::Declared(_) => Self::of_configuration(error),
            StartError::Nothing(_) => Self::coded(FailureCode::NoInstallation, error),
        }
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(_) => Self::new(error),
            KeysError::None(_) => Self::coded(FailureCode::NoInstallation, error),
            error => Self::of_configuration(error),
        }
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Keys(error) => error.into(),
            OperatorError::Unknown(_) => Self::not_found(error),
            error => Self::new(error),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Password(fault) => Self::new(fault),
            error => Self::new(error),
        }
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Fault(fault) => Self::new(fault),
            error => Self::new(error),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unknown(_) => Self::not_found(error),
            ClientError::Key(error) => error.into(),
            error => Self::new(error),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Unknown(_) => Self::not_found(error),
            error => Self::new(error),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            error @ ApplyError::Refused(_) => Self::new(error),
            ApplyError::Client(error) => error.into(),
            ApplyError::Api(error) => error.into(),
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
    countersign_store::StoreError,
    countersign_store::MigrateError,
    countersign_store::OpenError,
    super::prompt::PromptError,
    crate::core::email::InvalidEmail,
    crate::core::server::BindError,
    crate::features::sign_in::auth::LoginError,
    countersign_jose::KeyError,
);
