//! `countersign settings`: shows the effective settings and their sources. Secrets are masked.

use std::io::{self, Write};

use serde::Serialize;

use super::Failure;
use super::cli::SettingsArguments;
use super::output::{Output, Row, Standard};
use super::process::Process;
use crate::settings::{InForce, Loaded, example, reference};

pub(super) fn run(asked: &SettingsArguments, process: Process, output: &mut Standard) -> Result<(), Failure> {
    // Generated documents need no settings, and are printed even if the settings are invalid.
    if asked.reference {
        return Ok(output.document(reference().as_bytes())?);
    }
    if asked.example {
        return Ok(output.document(example().as_bytes())?);
    }
    process.with_settings(async |loaded| Ok(show(loaded, output)?))
}

fn show<W: Write>(loaded: &Loaded, output: &mut Output<W>) -> io::Result<()> {
    let rows: Vec<_> = loaded.in_force.iter().map(ShownSetting::of).collect();
    output.rows(&rows)
}

#[derive(Serialize)]
struct ShownSetting<'a> {
    setting: &'a str,
    value: &'a str,
    source: String,
}

impl<'a> ShownSetting<'a> {
    fn of(row: &'a InForce) -> Self {
        Self {
            setting: &row.setting,
            value: &row.value,
            source: row.source.to_string(),
        }
    }
}

impl Row for ShownSetting<'_> {
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
