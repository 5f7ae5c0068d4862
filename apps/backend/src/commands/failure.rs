//! Why a command failed, as a sentence, and the exit code that goes with it.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde::Serialize;

use crate::StartError;
use crate::features::accounts::AccountError;
use crate::features::auth::PasswordError;
use crate::features::keys::{KeysError, OperatorError};
use crate::settings::SettingsError;

/// The exit code of sysexits.h for a configuration that cannot be used.
const CONFIGURATION: u8 = 78;

/// A command failed.
#[derive(Debug)]
pub struct Failure {
    sentence: String,
    code: FailureCode,
}

/// What kind of failure it is: `code` in the JSON of an error. docs/guides/operating.md lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// It could not be done.
    Failed,
    /// There is no such account, session or key.
    NotFound,
    /// There is no installation to work on.
    NoInstallation,
    /// What is in the audit log is not what was sealed.
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
    /// It could not be done.
    pub(super) fn new(sentence: impl fmt::Display) -> Self {
        Self::coded(FailureCode::Failed, sentence)
    }

    /// The settings or the keys cannot be used.
    pub(super) fn of_configuration(sentence: impl fmt::Display) -> Self {
        Self::coded(FailureCode::Configuration, sentence)
    }

    /// There is no such account, session or key.
    pub(super) fn not_found(sentence: impl fmt::Display) -> Self {
        Self::coded(FailureCode::NotFound, sentence)
    }

    pub(super) fn coded(code: FailureCode, sentence: impl fmt::Display) -> Self {
        Self {
            sentence: sentence.to_string(),
            code,
        }
    }

    /// What clap says about a command line, without its colours, and without the usage that follows.
    pub(super) fn of_usage(error: &clap::Error) -> Self {
        // Which has printed its help instead, and begins with what the program is.
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

    /// 1; 2 for wrong usage; 78 where the settings or the keys are to be mended first.
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

    /// The failure as JSON, on one line.
    pub(super) fn json(&self) -> String {
        let body = ErrorBody {
            code: self.code,
            error: &self.sentence,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// Why a file that a command was told to read cannot be read, and what belongs there: `wanted`.
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
    crate::features::auth::LoginError,
    countersign_jose::KeyError,
);
