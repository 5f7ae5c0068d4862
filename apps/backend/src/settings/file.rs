//! `countersign.toml` as settings, each with its line.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::SettingError;
use super::literal;
use super::source::{RawSetting, Source};
use super::sources::SettingsFile;
use super::value_error::ValueError;

/// The values of the file, or the errors in it.
pub(super) fn given(file: &SettingsFile) -> Result<(Vec<RawSetting>, Vec<SettingError>), Vec<SettingError>> {
    let text = match &file.text {
        Ok(text) => text,
        Err(error) => return Err(vec![unreadable(&file.path, error)]),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reading = Reading {
        path: &file.path,
        text,
        given: Vec::new(),
        mistakes: Vec::new(),
    };
    if errors.is_empty() {
        reading.table("", table.get_ref());
        return Ok((reading.given, reading.mistakes));
    }
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
        reading.mistakes.push(SettingError {
            source,
            setting: String::new(),
            fault,
        });
    }
    Err(reading.mistakes)
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
    given: Vec<RawSetting>,
    mistakes: Vec<SettingError>,
}

impl Reading<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let source = self.source(key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => self.table(&format!("{name}."), inner),
                // An empty section says nothing, but its name may be wrong.
                DeValue::Table(_) if super::is_section(&name) => {}
                value => match written(value) {
                    Ok(text) => self.given.push(RawSetting { name, text, source }),
                    Err(fault) => self.mistakes.push(SettingError {
                        source,
                        setting: name,
                        fault,
                    }),
                },
            }
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

    fn read(text: &str) -> Result<(Vec<RawSetting>, Vec<SettingError>), Vec<SettingError>> {
        given(&SettingsFile {
            path: "countersign.toml".into(),
            text: Ok(text.to_owned()),
        })
    }

    #[test]
    fn each_value_keeps_its_line() {
        let (given, mistakes) =
            read("listen = \"a\"\ncors_origins = [\"b\", \"c\"]\n\n[tokens]\naccess_ttl = \"1d\"\n[http]\n").unwrap();
        assert!(mistakes.is_empty());
        let lines: Vec<_> = given
            .iter()
            .map(|given| format!("{} {}={}", given.source, given.name, given.text))
            .collect();
        let expected = [
            "countersign.toml:2 cors_origins=b,c",
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
        let (_, mistakes) = read("listen = [[1]]\n[[tokens]]\nx = 1\n").unwrap();
        assert_eq!(mistakes.len(), 2);
        let (_, mistakes) = read("cors_origins = [\"a,b\"]\n[passwords]\nmemory_kib = 0x4c00\n").unwrap();
        assert_eq!(mistakes.len(), 2);
    }
}
