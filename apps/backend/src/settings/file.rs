//! `countersign.toml` as settings, each with its line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::SettingError;
use super::literal;
use super::source::{APPLICATIONS, RawApplication, RawSetting, Source};
use super::sources::SettingsFile;
use super::value_error::ValueError;

/// What a file gives.
pub(super) struct Given {
    pub(super) settings: Vec<RawSetting>,
    /// The entries of `[[applications]]`.
    pub(super) applications: Vec<RawApplication>,
    pub(super) mistakes: Vec<SettingError>,
}

/// The values of the file, or the errors in it.
pub(super) fn given(file: &SettingsFile) -> Result<Given, Vec<SettingError>> {
    let text = match &file.text {
        Ok(text) => text,
        Err(error) => return Err(vec![unreadable(&file.path, error)]),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reading = Reading {
        path: &file.path,
        text,
        given: Given {
            settings: Vec::new(),
            applications: Vec::new(),
            mistakes: Vec::new(),
        },
    };
    if errors.is_empty() {
        reading.all(table.get_ref());
        return Ok(reading.given);
    }
    let mut mistakes = Vec::new();
    // One typo often causes several errors: the first of each line is the one to fix.
    let starts = errors
        .iter()
        .map(|error| (reading.line(error.span().map_or(0, |span| span.start)), error));
    let first_of_line: BTreeMap<usize, &toml::de::Error> = starts.rev().collect();
    for (line, error) in first_of_line {
        // Only the message: the error's whole text repeats the line, which may hold a secret.
        let fault = ValueError::new(format!("invalid TOML: {}", error.message()), "");
        let source = Source::File {
            path: file.path.clone(),
            line: Some(line),
        };
        mistakes.push(SettingError {
            source,
            setting: String::new(),
            fault,
        });
    }
    Err(mistakes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> SettingError {
    let fault = match literal::fault(&path.to_string_lossy(), false) {
        Some(fault) => ValueError::new(format!("the path of the settings file {}", fault.what), fault.help),
        None => ValueError::new(format!("failed to read the settings file: {error}"), ""),
    };
    SettingError {
        source: Source::File {
            path: path.to_owned(),
            line: None,
        },
        setting: String::new(),
        fault,
    }
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    given: Given,
}

impl Reading<'_> {
    fn all(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (APPLICATIONS, list) => self.applications(self.source(key.span().start), list),
                _ => {
                    let settings = self.value("", key, value);
                    self.given.settings.extend(settings);
                }
            }
        }
    }

    /// `[[applications]]`, each entry with its line. `source` is that of the first.
    fn applications(&mut self, source: Source, list: &DeValue<'_>) {
        let entries = match list {
            DeValue::Array(entries) => entries.iter().collect(),
            _ => Vec::new(),
        };
        let is_table = |entry: &&Spanned<DeValue<'_>>| matches!(entry.get_ref(), DeValue::Table(_));
        if !matches!(list, DeValue::Array(_)) || !entries.iter().all(is_table) {
            self.given.mistakes.push(SettingError {
                source,
                setting: APPLICATIONS.to_owned(),
                fault: ValueError::new(
                    "is not a list of tables",
                    "begin each application with a line [[applications]]",
                ),
            });
            return;
        }
        for entry in entries {
            if let DeValue::Table(table) = entry.get_ref() {
                let given = self.table("", table);
                let source = self.source(entry.span().start);
                self.given.applications.push(RawApplication { source, given });
            }
        }
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) -> Vec<RawSetting> {
        let values = table.iter().map(|(key, value)| self.value(prefix, key, value));
        values.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn value(&mut self, prefix: &str, key: &Spanned<Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Vec<RawSetting> {
        let name = format!("{prefix}{}", key.get_ref());
        let source = self.source(key.span().start);
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => self.table(&format!("{name}."), inner),
            // An empty section says nothing, but its name may be wrong.
            DeValue::Table(_) if super::is_section(&name) => Vec::new(),
            value => match written(value) {
                Ok(text) => vec![RawSetting { name, text, source }],
                Err(fault) => {
                    let setting = name;
                    self.given.mistakes.push(SettingError { source, setting, fault });
                    Vec::new()
                }
            },
        }
    }

    fn source(&self, offset: usize) -> Source {
        Source::File {
            path: self.path.to_owned(),
            line: Some(self.line(offset)),
        }
    }

    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or(self.text).matches('\n').count() + 1
    }
}

/// A value as the environment would write it: lists are joined with commas.
fn written(value: &DeValue<'_>) -> Result<String, ValueError> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().replace('_', "")),
        DeValue::Integer(_) => Err(ValueError::new("is not a decimal number", "use the digits 0 to 9")),
        DeValue::Boolean(word) => Ok(word.to_string()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        DeValue::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| element(item.get_ref())).collect();
            Ok(items?.join(","))
        }
        DeValue::Table(table) if table.is_empty() => Ok(String::new()),
        DeValue::Table(_) => Err(ValueError::new("is a table", "expected a single value")),
    }
}

fn element(item: &DeValue<'_>) -> Result<String, ValueError> {
    match item {
        DeValue::String(text) if !text.contains(',') => match literal::fault(text, true) {
            Some(fault) => Err(ValueError::new(format!("an element {}", fault.what), fault.help)),
            None => Ok(text.to_string()),
        },
        DeValue::String(_) => Err(ValueError::new(
            "an element contains a comma",
            "write each element as a string of its own",
        )),
        _ => Err(ValueError::new(
            "an element is not a string",
            r#"expected a list such as ["one", "two"]"#,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Given, Vec<SettingError>> {
        given(&SettingsFile {
            path: "countersign.toml".into(),
            text: Ok(text.to_owned()),
        })
    }

    #[test]
    fn each_value_keeps_its_line() {
        let given =
            read("listen = \"a\"\napp_origins = [\"b\", \"c\"]\n\n[tokens]\naccess_ttl = \"1d\"\n[http]\n").unwrap();
        assert!(given.mistakes.is_empty());
        let lines: Vec<_> = given
            .settings
            .iter()
            .map(|given| format!("{} {}={}", given.source, given.name, given.text))
            .collect();
        let expected = [
            "countersign.toml:2 app_origins=b,c",
            "countersign.toml:1 listen=a",
            "countersign.toml:5 tokens.access_ttl=1d",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn every_error_of_syntax_is_told_without_the_line_itself() {
        let mistakes = read("a = = 1\nkeys_passphrase = \"hunter2\n").err().unwrap();
        assert_eq!(mistakes.len(), 2);
        let text = super::super::SettingsError(mistakes).to_string();
        assert!(
            text.contains("countersign.toml:1: invalid TOML") && text.contains("countersign.toml:2: "),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn what_is_no_plain_value_is_refused() {
        let given = read("listen = [[1]]\n[[tokens]]\nx = 1\n").unwrap();
        assert_eq!(given.mistakes.len(), 2);
        let given = read("app_origins = [\"a,b\"]\n[passwords]\nmemory_kib = 0x4c00\n").unwrap();
        assert_eq!(given.mistakes.len(), 2);
        for text in ["applications = 1", "applications = [1]", "[applications]\nname = \"a\""] {
            let given = read(text).unwrap();
            assert!(given.mistakes.len() == 1 && given.applications.is_empty(), "{text}");
        }
    }
}
