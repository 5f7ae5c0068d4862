//! `countersign settings`: what is in force, and where each value came from. Secrets are masked.

use std::io::{self, Write};

use serde::Serialize;

use super::output::{Output, Row};
use crate::settings::{InForce, Loaded, example, reference};

/// Prints the settings in force.
///
/// # Errors
/// When the output cannot be written.
pub fn show<W: Write>(loaded: &Loaded, output: &mut Output<W>) -> io::Result<()> {
    let rows: Vec<_> = loaded.in_force.iter().map(Shown::of).collect();
    output.rows(&rows)
}

/// Prints the reference of all settings, `docs/settings.md`, which asks for no settings.
///
/// # Errors
/// When the output cannot be written.
pub fn show_reference<W: Write>(output: &mut Output<W>) -> io::Result<()> {
    output.document(reference().as_bytes())
}

/// Prints a settings file that holds every setting, commented out, which asks for no settings.
///
/// # Errors
/// When the output cannot be written.
pub fn show_example<W: Write>(output: &mut Output<W>) -> io::Result<()> {
    output.document(example().as_bytes())
}

#[derive(Serialize)]
struct Shown<'a> {
    setting: &'static str,
    value: &'a str,
    source: String,
}

impl<'a> Shown<'a> {
    fn of(row: &'a InForce) -> Self {
        Self {
            setting: row.setting,
            value: &row.value,
            source: row.source.to_string(),
        }
    }
}

impl Row for Shown<'_> {
    const COLUMNS: &'static [&'static str] = &["setting", "value", "source"];

    fn cells(&self) -> Vec<String> {
        vec![self.setting.to_owned(), self.value.to_owned(), self.source.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Sources};

    #[test]
    fn values_and_their_sources_are_shown_but_no_secret() {
        let environment = [
            ("COUNTERSIGN_DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("COUNTERSIGN_KEYS_PASSPHRASE", "hunter2"),
        ];
        let environment = environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let loaded = Settings::load(&Sources {
            environment,
            ..Sources::default()
        })
        .unwrap();
        for json in [false, true] {
            let mut bytes = Vec::new();
            show(&loaded, &mut Output::to(json, &mut bytes)).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert!(!text.contains("hunter2"), "{text}");
            assert!(
                text.contains("postgres://u:***@h/d") && text.contains("COUNTERSIGN_KEYS_PASSPHRASE"),
                "{text}"
            );
        }
    }
}
