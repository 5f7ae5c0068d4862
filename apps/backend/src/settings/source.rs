//! One source of a value: where it is, and how it spells names.

use std::fmt;
use std::path::PathBuf;

/// What the names of our environment variables begin with.
pub(super) const PREFIX: &str = "COUNTERSIGN_";

/// Where the value in force came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The setting was not set.
    Default,
    /// The settings file.
    File {
        /// Its path, as it was given.
        path: PathBuf,
        /// The line, counted from 1; none for the whole file.
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

/// The name of the list of applications in the settings file.
pub(super) const APPLICATIONS: &str = "applications";

/// An entry of `[[applications]]`. Its settings have the names that they have inside: `mail_links.verify`.
pub(super) struct RawApplication {
    /// The line at which it begins.
    pub(super) source: Source,
    pub(super) given: Vec<RawSetting>,
}

/// The names of the lists of clients and APIs in the settings file.
pub(super) const CLIENTS: &str = "clients";
pub(super) const APIS: &str = "apis";
/// All lists of tables, which only the settings file can have.
pub(super) const LISTS: [&str; 3] = [APPLICATIONS, CLIENTS, APIS];

/// An entry of `[[clients]]` or `[[apis]]`, whose members may be nested.
pub(super) struct RawTable {
    /// The line at which it begins.
    pub(super) source: Source,
    pub(super) given: Vec<RawMember>,
}

/// A member of an entry.
pub(super) struct RawMember {
    pub(super) name: String,
    pub(super) value: serde_json::Value,
    pub(super) source: Source,
}

/// A value that a source gives, by a name that may be unknown.
pub(super) struct RawSetting {
    /// `tokens.access_ttl`; or, for the file of a secret, `database_url_file`.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) source: Source,
}

impl RawSetting {
    /// A variable has one spelling, so that `COUNTERSIGN_listen` and `COUNTERSIGN_LISTEN` cannot both be set.
    pub(super) fn is_spelled_right(&self) -> bool {
        match &self.source {
            Source::Variable(spelled) => *spelled == self.source.spell(&self.name),
            Source::Default | Source::File { .. } | Source::Flag(_) => true,
        }
    }
}

impl Source {
    /// The name of a setting as this source spells it.
    pub(super) fn spell(&self, name: &str) -> String {
        match self {
            Self::Default | Self::File { .. } => name.to_owned(),
            Self::Variable(_) => variable(name),
            Self::Flag(_) => flag(name),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The flag of a setting: `--database-url`.
pub(super) fn flag(name: &str) -> String {
    format!("--{}", name.replace(['_', '.'], "-"))
}

/// The variable of a setting: `COUNTERSIGN_TOKENS__ACCESS_TTL` for `tokens.access_ttl`.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "__").to_ascii_uppercase())
}
