//! The layers of settings, one over the other, and the mistakes found on the way.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use super::error::SettingError;
use super::literal;
use super::nearest::nearest;
use super::regular_file::{self, LONGEST_SECRET};
use super::setting::Setting;
use super::source::{APPLICATIONS, LISTS, PREFIX, RawApplication, RawSetting, RawTable, Source};
use super::value::{Measure, Value};
use super::value_error::ValueError;

/// A setting that is in force: what `countersign settings` shows.
#[derive(Clone)]
pub struct InForce {
    /// Its name in the settings file.
    pub setting: Cow<'static, str>,
    /// Its value as it was written; secrets are masked.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// Every setting's value as text, with its source; and all mistakes so far.
pub(super) struct Values {
    entries: BTreeMap<&'static str, Entry>,
    faulty: BTreeSet<&'static str>,
    pub(super) mistakes: Vec<SettingError>,
    /// The entries of `[[applications]]`, which the settings file alone can give.
    pub(super) applications: Vec<RawApplication>,
    /// The entries of `[[clients]]` and `[[apis]]`, likewise.
    pub(super) clients: Vec<RawTable>,
    pub(super) apis: Vec<RawTable>,
    /// Their values, as they are shown.
    pub(super) listed: Vec<InForce>,
}

struct Entry {
    setting: &'static Setting,
    text: String,
    shown: String,
    /// The name by which it was set: its own or, for a secret in a file, `database_url_file`.
    set_as: String,
    source: Source,
}

impl Entry {
    fn set(&mut self, given: RawSetting) {
        self.text = given.text;
        self.set_as = given.name;
        self.source = given.source;
    }
}

impl Values {
    pub(super) fn defaults(table: impl Iterator<Item = &'static Setting>) -> Self {
        let entry = |setting: &'static Setting| {
            let text = setting.default.to_owned();
            (
                setting.name,
                Entry {
                    setting,
                    text,
                    shown: String::new(),
                    set_as: setting.name.to_owned(),
                    source: Source::Default,
                },
            )
        };
        Self {
            entries: table.map(entry).collect(),
            faulty: BTreeSet::new(),
            mistakes: Vec::new(),
            applications: Vec::new(),
            clients: Vec::new(),
            apis: Vec::new(),
            listed: Vec::new(),
        }
    }

    /// Applies the values of a source over the existing ones.
    pub(super) fn adopt(&mut self, layer: Vec<RawSetting>) {
        let names: BTreeSet<String> = layer.iter().map(|given| given.name.clone()).collect();
        for given in layer {
            if !given.is_spelled_right() {
                self.refuse(given);
                continue;
            }
            let secret = given.name.strip_suffix("_file").and_then(|name| self.secret(name));
            match (secret, self.entries.get_mut(given.name.as_str())) {
                (_, Some(entry)) => entry.set(given),
                (Some(secret), None) if names.contains(secret) => {
                    let what = format!("cannot be combined with {}", given.source.spell(secret));
                    self.blame_given(secret, given, ValueError::new(what, "set only one of the two"));
                }
                (Some(secret), None) => self.read_secret(secret, given),
                (None, None) => self.refuse(given),
            }
        }
    }

    /// Sets a default that depends on other settings, unless the setting was set.
    pub(super) fn fill(&mut self, name: &str, text: String) {
        if let Some(entry) = self
            .entries
            .get_mut(name)
            .filter(|entry| entry.source == Source::Default)
        {
            entry.text = text;
        }
    }

    /// The value of a setting before it is taken, if it is set to something that can be read.
    pub(super) fn peek<T: Value>(&self, name: &str) -> Option<T> {
        self.entries.get(name).and_then(|entry| T::parse(&entry.text).ok())
    }

    pub(super) fn is_default(&self, name: &str) -> bool {
        self.entries
            .get(name)
            .is_some_and(|entry| entry.source == Source::Default)
    }

    /// Returns the value of a setting. If it is invalid, records an error and returns the default.
    pub(super) fn take<T: Value>(&mut self, name: &'static str) -> T {
        let entry = self
            .entries
            .get_mut(name)
            .expect("`section!` makes the row of the table and this call from one field");
        let (setting, source) = (entry.setting, entry.source.clone());
        match read_entry::<T>(entry) {
            Ok(value) => {
                entry.shown = T::shown(&entry.text);
                value
            }
            Err(fault) => {
                self.blame(name, source, fault);
                T::parse(setting.default).expect("every default of the table can be read, which a test holds")
            }
        }
    }

    /// Records an error unless `holds`. It is attributed to the first of the named settings that was set; nothing is
    /// recorded
    /// when one of them is wrong by itself.
    pub(super) fn require(&mut self, holds: bool, names: &[&'static str], fault: ValueError) {
        if holds || names.iter().any(|name| self.faulty.contains(name)) {
            return;
        }
        let set = names.iter().find(|name| !self.is_default(name)).or(names.first());
        if let Some((name, entry)) = set.and_then(|name| self.entries.get_key_value(name)) {
            self.blame(name, entry.source.clone(), fault);
        }
    }

    /// Records an error unless the value is in the range.
    pub(super) fn within<T: Measure>(&mut self, name: &'static str, value: T, range: RangeInclusive<T>) {
        let fault = ValueError::new(
            format!("{} is out of range", value.written()),
            format!("expected {} to {}", range.start().written(), range.end().written()),
        );
        self.require(range.contains(&value), &[name], fault);
    }

    /// What is in force, in the order of the table.
    pub(super) fn in_force(&self, table: impl Iterator<Item = &'static Setting>) -> Vec<InForce> {
        let entries = table.filter_map(|setting| self.entries.get(setting.name));
        let shown = |entry: &Entry| InForce {
            setting: entry.setting.name.into(),
            value: entry.shown.clone(),
            source: entry.source.clone(),
        };
        entries.map(shown).chain(self.listed.iter().cloned()).collect()
    }

    fn secret(&self, name: &str) -> Option<&'static str> {
        self.entries
            .get(name)
            .filter(|entry| entry.setting.secret)
            .map(|entry| entry.setting.name)
    }

    fn read_secret(&mut self, name: &'static str, given: RawSetting) {
        if let Some(fault) = literal::fault(&given.text, false) {
            self.blame_given(name, given, fault);
            return;
        }
        match regular_file::read_text(given.text.as_ref(), LONGEST_SECRET) {
            Ok(text) => {
                // Editors and `echo` end a file with a line break, which no secret of ours does.
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text).to_owned();
                if let Some(entry) = self.entries.get_mut(name) {
                    entry.set(RawSetting { text, ..given });
                }
            }
            Err(error) => {
                let what = format!("failed to read {:?}: {error}", given.text);
                let help = "expected the path of a file that contains the secret and nothing else";
                self.blame_given(name, given, ValueError::new(what, help));
            }
        }
    }

    fn refuse(&mut self, given: RawSetting) {
        let secrets = self.entries.values().filter(|entry| entry.setting.secret);
        let files: Vec<String> = secrets.map(|entry| format!("{}_file", entry.setting.name)).collect();
        let known = self.entries.keys().copied().chain(files.iter().map(String::as_str));
        let spelled = match &given.source {
            Source::Variable(variable) => variable.clone(),
            source => source.spell(&given.name),
        };
        let quoted = |name: &str| match &given.source {
            Source::Variable(_) | Source::Flag(_) => name.to_owned(),
            Source::Default | Source::File { .. } => format!("{name:?}"),
        };
        let unknown = format!("unknown setting {}", quoted(&spelled));
        let list = given.name.split('.').next().filter(|name| LISTS.contains(name));
        let fault = match nearest(&given.name, known) {
            _ if list == Some(APPLICATIONS) => ValueError::new(
                format!("{spelled} can be set in the settings file only"),
                format!(
                    "use [[{}]] in countersign.toml, or {}",
                    APPLICATIONS,
                    given.source.spell("app_origins")
                ),
            ),
            _ if list.is_some() => {
                let list = list.unwrap_or_default();
                ValueError::new(
                    format!("{spelled} can be set in the settings file only"),
                    format!("use [[{list}]] in countersign.toml, or `countersign {list} create`"),
                )
            }
            _ if self.is_section(&given.name) => ValueError::new(
                format!("{} is a section, not a setting", given.name),
                format!("write [{}], and put its settings on the lines after it", given.name),
            ),
            nearest => ValueError::new(unknown, unknown_help(&given.source, nearest, quoted)),
        };
        self.mistakes.push(SettingError {
            source: given.source,
            setting: String::new(),
            fault,
        });
    }

    /// Whether a name is a section's: `tokens`.
    fn is_section(&self, name: &str) -> bool {
        let mut names = self.entries.keys();
        names.any(|setting| setting.split_once('.').is_some_and(|(section, _)| section == name))
    }

    /// Records an error in the value in force.
    fn blame(&mut self, name: &'static str, source: Source, fault: ValueError) {
        let set_as = self.entries.get(name).map_or(name, |entry| &entry.set_as);
        let setting = spelled(&source, set_as);
        self.faulty.insert(name);
        self.mistakes.push(SettingError { source, setting, fault });
    }

    /// Records an error in a value that was not set, because of its name or its file.
    fn blame_given(&mut self, name: &'static str, given: RawSetting, fault: ValueError) {
        let setting = spelled(&given.source, &given.name);
        self.faulty.insert(name);
        self.mistakes.push(SettingError {
            source: given.source,
            setting,
            fault,
        });
    }
}

/// What to do about an unknown name. Other programs may have variables that begin like ours.
fn unknown_help(source: &Source, nearest: Option<&str>, quoted: impl Fn(&str) -> String) -> String {
    let meant = nearest.map(|name| format!("did you mean {}?", quoted(&source.spell(name))));
    match (source, meant) {
        (Source::Variable(_), Some(meant)) => format!("{meant} Otherwise, unset it, or rename it"),
        (Source::Variable(_), None) => format!(
            "unset it, or rename it: all variables that begin with {PREFIX} are settings (`countersign settings` lists \
             them)"
        ),
        (_, Some(meant)) => meant,
        (_, None) => "`countersign settings` lists all settings".to_owned(),
    }
}

/// The name of a setting in an error. Variables and flags are their own names.
fn spelled(source: &Source, name: &str) -> String {
    match source {
        Source::Default | Source::File { .. } => name.to_owned(),
        Source::Variable(spelled) | Source::Flag(spelled) => spelled.clone(),
    }
}

/// An empty secret means that a deployment lost it, not that none is wanted.
fn read_entry<T: Value>(entry: &Entry) -> Result<T, ValueError> {
    if T::SECRET && entry.text.is_empty() && entry.source != Source::Default {
        return Err(ValueError::new(
            "must not be empty",
            "set a value or remove the setting",
        ));
    }
    read(&entry.text, &entry.source)
}

/// Reads a value as text from this source.
pub(super) fn read<T: Value>(text: &str, source: &Source) -> Result<T, ValueError> {
    // Text from the environment that is not UTF-8 arrives with this character.
    if text.contains('\u{fffd}') {
        return Err(ValueError::new("is not valid UTF-8", ""));
    }
    // Defaults are ours.
    if *source != Source::Default
        && let Some(fault) = literal::fault(text, T::QUOTES_MAY_BEGIN)
    {
        return Err(fault);
    }
    T::parse(text)
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} ({})", self.setting, self.value, self.source)
    }
}
