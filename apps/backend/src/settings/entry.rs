//! An entry of `[[clients]]` or `[[apis]]` while it is read.

use serde_json::{Map, Value as Json};

use super::error::SettingError;
use super::nearest::nearest;
use super::setting::Setting;
use super::source::{RawMember, RawTable, Source};
use super::value::Value;
use super::value_error::ValueError;
use super::values::{self, InForce, Values};

/// An entry while it is read. Its mistakes are kept.
pub(super) struct Entry {
    list: &'static str,
    index: usize,
    raw: RawTable,
    mistakes: Vec<SettingError>,
    shown: Vec<InForce>,
}

impl Entry {
    pub(super) fn new(list: &'static str, index: usize, raw: RawTable) -> Self {
        Self {
            list,
            index,
            raw,
            mistakes: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Its name in errors: `clients[0]`.
    pub(super) fn place(&self) -> String {
        format!("{}[{}]", self.list, self.index)
    }

    /// Removes and reports members that are not in the table. `is_known` allows others.
    pub(super) fn refuse_unknown(&mut self, fields: &[Setting], is_known: impl Fn(&str) -> bool) {
        let known = || fields.iter().map(|field| field.name);
        let mut unknown = Vec::new();
        self.raw.given.retain(|given| {
            let name = given.name.as_str();
            let is_known = known().any(|known| known == name) || is_known(name);
            if !is_known {
                let what = format!("unknown setting {name:?}");
                let fault = match nearest(name, known()) {
                    Some(name) => ValueError::new(what, format!("did you mean {name:?}?")),
                    None => ValueError::new(what, "docs/settings.md lists the settings of an entry"),
                };
                unknown.push((given.source.clone(), fault));
            }
            is_known
        });
        let place = self.place();
        self.mistakes
            .extend(unknown.into_iter().map(|(source, fault)| SettingError {
                source,
                setting: place.clone(),
                fault,
            }));
    }

    /// Reports a member that is missing.
    pub(super) fn require(&mut self, name: &str) {
        if !self.has(name) {
            let fault = ValueError::new(format!("`{name}` is missing"), format!("add `{name}`"));
            self.blame("", fault);
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// Removes a member and reads it like a setting.
    pub(super) fn take<T: Value>(&mut self, name: &str) -> Option<T> {
        let at = self.raw.given.iter().position(|given| given.name == name)?;
        let given = self.raw.given.swap_remove(at);
        let text = match &given.value {
            Json::String(text) => text.clone(),
            Json::Bool(_) | Json::Number(_) => given.value.to_string(),
            Json::Null | Json::Array(_) | Json::Object(_) => {
                self.blame_at(
                    &given.source,
                    name,
                    ValueError::new("is not a single value", format!("expected {}", T::FORM)),
                );
                return None;
            }
        };
        match values::read::<T>(&text, &given.source) {
            Ok(value) => {
                self.show(&given, T::shown(&text));
                Some(value)
            }
            Err(fault) => {
                self.blame_at(&given.source, name, fault);
                None
            }
        }
    }

    /// Removes a text. `fault` says what is wrong with it.
    pub(super) fn take_checked(&mut self, name: &str, fault: impl Fn(&str) -> Option<ValueError>) -> Option<String> {
        let source = self.member(name).map(|given| given.source.clone());
        let text = self.take::<String>(name)?;
        match (fault(&text), source) {
            (Some(fault), Some(source)) => {
                self.blame_at(&source, name, fault);
                None
            }
            _ => Some(text),
        }
    }

    /// Removes a text that is a secret, or the path of one, and reads it. It is masked where it is shown.
    pub(super) fn take_secret<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, ValueError>) -> Option<T> {
        let at = self.raw.given.iter().position(|given| given.name == name)?;
        let given = self.raw.given.swap_remove(at);
        let read = match given.value.as_str() {
            Some(text) => read(text),
            None => Err(ValueError::new("is not a string", "write it in quotation marks")),
        };
        match read {
            Ok(value) => {
                self.show(&given, "***".to_owned());
                Some(value)
            }
            Err(fault) => {
                self.blame_at(&given.source, name, fault);
                None
            }
        }
    }

    /// Removes a member that must not be there, and says why. Returns whether it was there.
    pub(super) fn refuse(&mut self, name: &str, fault: impl Fn() -> ValueError) -> bool {
        let Some(at) = self.raw.given.iter().position(|given| given.name == name) else {
            return false;
        };
        let given = self.raw.given.swap_remove(at);
        self.blame_at(&given.source, "", fault());
        true
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.member(name).is_some_and(|given| given.value == true)
    }

    /// Removes all other members and returns them as an object. `check` says what is wrong with one.
    pub(super) fn take_rest(
        &mut self,
        check: impl Fn(&str, &Json) -> Result<(), ValueError>,
    ) -> (Map<String, Json>, Lines) {
        let (mut object, mut lines) = (Map::new(), Vec::new());
        for given in std::mem::take(&mut self.raw.given) {
            match check(&given.name, &given.value) {
                Ok(()) => {
                    self.show(&given, written(&given.value));
                    lines.push((given.name.clone(), given.source));
                    object.insert(given.name, given.value);
                }
                Err(fault) => self.blame_at(&given.source, &given.name, fault),
            }
        }
        (object, Lines(lines))
    }

    /// Records a mistake in a member, or in the entry as a whole.
    pub(super) fn blame(&mut self, name: &str, fault: ValueError) {
        let source = self
            .member(name)
            .map_or(&self.raw.source, |given| &given.source)
            .clone();
        self.blame_at(&source, name, fault);
    }

    /// Records a mistake in a member that was taken.
    pub(super) fn blame_taken(&mut self, lines: &Lines, name: &str, fault: ValueError) {
        let line = lines.0.iter().find(|(taken, _)| taken == name);
        let source = line.map_or(&self.raw.source, |(_, source)| source).clone();
        self.blame_at(&source, name, fault);
    }

    /// Hands its mistakes and its values to `values`. Returns whether there are no mistakes.
    pub(super) fn finish(self, values: &mut Values) -> bool {
        let is_sound = self.mistakes.is_empty();
        values.mistakes.extend(self.mistakes);
        values.listed.extend(self.shown);
        is_sound
    }

    fn member(&self, name: &str) -> Option<&RawMember> {
        self.raw.given.iter().find(|given| given.name == name)
    }

    fn show(&mut self, given: &RawMember, value: String) {
        self.shown.push(InForce {
            setting: format!("{}.{}", self.place(), given.name).into(),
            value,
            source: given.source.clone(),
        });
    }

    fn blame_at(&mut self, source: &Source, name: &str, fault: ValueError) {
        let place = self.place();
        self.mistakes.push(SettingError {
            source: source.clone(),
            setting: match name {
                "" => place,
                name => format!("{place}.{name}"),
            },
            fault,
        });
    }
}

/// The lines of members that were taken.
pub(super) struct Lines(Vec<(String, Source)>);

/// A member as an operator reads it: lists of texts as elsewhere, all else as JSON.
fn written(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) if items.iter().all(Json::is_string) => {
            let items: Vec<_> = items.iter().filter_map(Json::as_str).collect();
            items.join(",")
        }
        other => other.to_string(),
    }
}
