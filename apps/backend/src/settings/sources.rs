//! All that settings are read from. The one place of the program that reads the process's environment.

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::regular_file::{self, LONGEST_SETTINGS};

/// The file that is read from the working folder when no other is named.
pub const DEFAULT_FILE: &str = "countersign.toml";

/// All that settings are made of, handed in, so that a test needs no process. Empty, it gives the defaults.
#[derive(Default)]
pub struct Sources {
    /// The settings file, if there is one.
    pub file: Option<SettingsFile>,
    /// Environment variables; only those whose name begins with `COUNTERSIGN_` are looked at.
    pub environment: Vec<(String, String)>,
    /// Settings by name, as the command line gave them: `("listen", "127.0.0.1:9000")`.
    pub flags: Vec<(&'static str, String)>,
    /// How many threads this machine runs at once; 1 when unknown.
    pub cores: Option<NonZero<usize>>,
}

/// A settings file that exists or was named.
pub struct SettingsFile {
    /// Its path, as it was given.
    pub path: PathBuf,
    /// Its text, or why it cannot be read.
    pub text: io::Result<String>,
}

impl Sources {
    /// Reads the process's environment, and the file that `config`, else `COUNTERSIGN_CONFIG`, names; else
    /// `countersign.toml` in the working folder, if there is one.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one home of reading the environment"
    )]
    pub fn of_process(flags: Vec<(&'static str, String)>, config: Option<PathBuf>) -> Self {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .filter(|(name, _)| name.starts_with("COUNTERSIGN_"))
            .collect();
        let variable = || environment.iter().find(|(name, _)| name == "COUNTERSIGN_CONFIG");
        let named = config.or_else(|| variable().map(|(_, path)| PathBuf::from(path)));
        Self {
            file: SettingsFile::find(named),
            environment,
            flags,
            cores: std::thread::available_parallelism().ok(),
        }
    }
}

impl SettingsFile {
    /// Reads the named file, or the default one if it exists.
    fn find(named: Option<PathBuf>) -> Option<Self> {
        let required = named.is_some();
        let path = named.unwrap_or_else(|| Path::new(DEFAULT_FILE).to_owned());
        let text = match required {
            true => regular_file::read_text_or_pipe(&path, LONGEST_SETTINGS),
            false => regular_file::read_text(&path, LONGEST_SETTINGS),
        };
        match &text {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => None,
            _ => Some(Self { path, text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_named_and_is_missing_stays_a_source() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.toml");
        let found = SettingsFile::find(Some(missing.clone())).unwrap();
        assert_eq!(found.path, missing);
        assert_eq!(found.text.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_default_file_may_be_missing() {
        // The tests run in the package's folder, which holds no settings.
        assert!(SettingsFile::find(None).is_none());
    }
}
