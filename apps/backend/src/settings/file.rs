//! `countersign.toml` as settings, each with its line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::error::SettingError;
use super::literal;
use super::source::{APIS, APPLICATIONS, CLIENTS, RawApplication, RawMember, RawSetting, RawTable, Source};
use super::sources::SettingsFile;
use super::value_error::ValueError;

/// What a file gives.
pub(super) struct Given {
    pub(super) settings: Vec<RawSetting>,
    /// The entries of `[[applications]]`.
    pub(super) applications: Vec<RawApplication>,
    /// The entries of `[[clients]]`.
    pub(super) clients: Vec<RawTable>,
    /// The entries of `[[apis]]`.
    pub(super) apis: Vec<RawTable>,
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
            clients: Vec::new(),
            apis: Vec::new(),
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
                (CLIENTS, list) => {
                    let tables = self.tables(self.source(key.span().start), CLIENTS, "client", list);
                    self.given.clients.extend(tables);
                }
                (APIS, list) => {
                    let tables = self.tables(self.source(key.span().start), APIS, "API", list);
                    self.given.apis.extend(tables);
                }
                _ => {
                    let settings = self.value("", key, value);
                    self.given.settings.extend(settings);
                }
            }
        }
    }

    /// `[[applications]]`, each entry with its line. `source` is that of the first.
    fn applications(&mut self, source: Source, list: &DeValue<'_>) {
        for (source, table) in self.entries(source, APPLICATIONS, "application", list) {
            let given = self.table("", table);
            self.given.applications.push(RawApplication { source, given });
        }
    }

    /// The entries of another list, each with its line, and their members as JSON.
    fn tables(&mut self, source: Source, list: &str, what: &str, value: &DeValue<'_>) -> Vec<RawTable> {
        let mut tables = Vec::new();
        for (source, table) in self.entries(source, list, what, value) {
            let mut given = Vec::new();
            for (key, value) in table {
                let (name, source) = (key.get_ref().to_string(), self.source(key.span().start));
                match json(value.get_ref()) {
                    Ok(value) => given.push(RawMember { name, value, source }),
                    Err(fault) => self.given.mistakes.push(SettingError {
                        source,
                        setting: format!("{list}[{}].{name}", tables.len()),
                        fault,
                    }),
                }
            }
            tables.push(RawTable { source, given });
        }
        tables
    }

    /// The tables of a list, each with its line. `source` is that of the first.
    fn entries<'v, 't>(
        &mut self,
        source: Source,
        name: &str,
        what: &str,
        list: &'v DeValue<'t>,
    ) -> Vec<(Source, &'v DeTable<'t>)> {
        let tables = match list {
            DeValue::Array(entries) => entries.iter().map(|entry| self.entry(entry)).collect(),
            _ => None,
        };
        tables.unwrap_or_else(|| {
            self.given.mistakes.push(SettingError {
                source,
                setting: name.to_owned(),
                fault: ValueError::new(
                    "is not a list of tables",
                    format!("begin each {what} with a line [[{name}]]"),
                ),
            });
            Vec::new()
        })
    }

    fn entry<'v, 't>(&self, entry: &'v Spanned<DeValue<'t>>) -> Option<(Source, &'v DeTable<'t>)> {
        match entry.get_ref() {
            DeValue::Table(table) => Some((self.source(entry.span().start), table)),
            _ => None,
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

/// A value as JSON, where it may have parts.
fn json(value: &DeValue<'_>) -> Result<Json, ValueError> {
    match value {
        DeValue::Boolean(word) => Ok(Json::Bool(*word)),
        DeValue::Integer(_) => {
            let number: Option<i64> = written(value)?.parse().ok();
            number
                .map(Json::from)
                .ok_or_else(|| ValueError::new("is too large", ""))
        }
        DeValue::Array(items) => members(items),
        DeValue::Table(table) => {
            let members = table
                .iter()
                .map(|(key, value)| Ok((key.get_ref().to_string(), json(value.get_ref())?)));
            Ok(Json::Object(members.collect::<Result<Map<_, _>, ValueError>>()?))
        }
        DeValue::String(_) | DeValue::Float(_) | DeValue::Datetime(_) => Ok(Json::String(written(value)?)),
    }
}

fn members(items: &DeArray<'_>) -> Result<Json, ValueError> {
    let items = items.iter().map(|item| json(item.get_ref()));
    Ok(Json::Array(items.collect::<Result<_, _>>()?))
}

fn element(item: &DeValue<'_>) -> Result<String, ValueError> {
    match item {
        DeValue::String(text) if !text.contains(',') => match literal::fault(text, true) {
            Some(fault) => Err(ValueError::new(format!("an element {}", fault.what), fault.help)),
            None => Ok(text.to_string()),
        },
        DeValue::String(_) => Err(ValueError::new(
            "an element contains a comma",
            "write each element as a separate string",
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
    fn every_syntax_error_is_reported_without_the_line_itself() {
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
