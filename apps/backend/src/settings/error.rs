//! What is wrong with the settings: all of it at once, each with its place and what to write instead.

use std::fmt;

use super::source::Source;
use super::value_error::ValueError;

/// One mistake. No text of it holds the value of a secret.
#[derive(Debug)]
pub struct SettingError {
    /// Where it stands: file and line, variable or flag.
    pub source: Source,
    /// The setting, as its source spells it.
    pub setting: String,
    /// What is wrong, and what to write.
    pub fault: ValueError,
}

/// All mistakes of the settings; at least one.
pub struct SettingsError(pub Vec<SettingError>);

impl std::error::Error for SettingsError {}

impl fmt::Debug for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the settings hold a mistake:")?,
            count => write!(f, "the settings hold {count} mistakes:")?,
        }
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File { .. } if self.setting.is_empty() => write!(f, "{}: ", self.source)?,
            Source::File { .. } => write!(f, "{}: {} ", self.source, self.setting)?,
            Source::Default | Source::Variable(_) | Source::Flag(_) => write!(f, "{} ", self.setting)?,
        }
        f.write_str(&self.fault.what)?;
        match self.fault.write.as_str() {
            "" => f.write_str("."),
            write => write!(f, ". Write {write}."),
        }
    }
}
