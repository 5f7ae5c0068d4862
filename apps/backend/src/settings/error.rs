//! Errors in the settings: all of them at once, each with its place and what to do about it.

use std::fmt;

use super::source::Source;
use super::value_error::ValueError;

/// One error. It never contains the value of a secret.
#[derive(Debug)]
pub struct SettingError {
    /// Where it was set: file and line, variable or flag.
    pub source: Source,
    /// The setting, as its source spells it; empty if the error is about no setting in particular.
    pub setting: String,
    /// What is wrong, and what to do about it.
    pub fault: ValueError,
}

/// All errors of the settings; at least one.
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
            1 => write!(f, "invalid configuration:")?,
            count => write!(f, "invalid configuration ({count} errors):")?,
        }
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File { .. } if self.setting.is_empty() => write!(f, "{}: ", self.source)?,
            _ if self.setting.is_empty() => {}
            Source::File { .. } => write!(f, "{}: {}: ", self.source, self.setting)?,
            Source::Default | Source::Variable(_) | Source::Flag(_) => write!(f, "{}: ", self.setting)?,
        }
        f.write_str(&self.fault.what)?;
        match self.fault.help.as_str() {
            "" => Ok(()),
            help => write!(f, "; {help}"),
        }
    }
}
