//! Reads the fields of a body and collects all errors in them.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::known::{Known, shown};
use crate::core::platform::Platform;
use crate::core::problem::{Code, FieldError, Problem};
use crate::core::profile::REASONS;

/// The validation rules of a body, for `Checked`.
pub trait Rules {
    /// Returns the fields that break a rule.
    fn mistakes(&self, platform: &Platform) -> Vec<FieldError>;
}

/// The result of reading a body.
pub struct Read<T> {
    /// The body. Fields that could not be read have a harmless placeholder.
    value: Option<T>,
    mistakes: Vec<FieldError>,
}

impl<T> Read<T> {
    pub(super) fn whole(value: T) -> Self {
        Self {
            value: Some(value),
            mistakes: Vec::new(),
        }
    }

    /// The result for a body of which nothing could be read.
    pub(super) fn only(mistake: FieldError) -> Self {
        Self {
            value: None,
            mistakes: vec![mistake],
        }
    }

    /// Returns what was read, with placeholders for what could not be. For a form that is only shown again.
    pub fn value(self) -> Option<T> {
        self.value
    }

    /// Adds an error unless others were found.
    pub(super) fn or(mut self, mistake: impl FnOnce() -> FieldError) -> Self {
        if self.mistakes.is_empty() {
            self.mistakes.push(mistake());
        }
        self
    }

    /// Returns the value if there were no errors.
    ///
    /// # Errors
    /// All errors found.
    pub fn without_mistakes(self) -> Result<T, Problem> {
        match self.value {
            Some(value) if self.mistakes.is_empty() => Ok(value),
            _ => Err(Problem::validation(self.mistakes)),
        }
    }

    /// Returns the value if there were no errors and it meets its rules.
    ///
    /// # Errors
    /// All errors found, and all rules broken.
    pub fn checked(mut self, platform: &Platform) -> Result<T, Problem>
    where
        T: Rules,
    {
        let broken = self.value.as_ref().map(|value| value.mistakes(platform));
        for mistake in broken.unwrap_or_default() {
            // A placeholder may break a rule.
            if self.mistakes.iter().all(|known| known.field != mistake.field) {
                self.mistakes.push(mistake);
            }
        }
        self.without_mistakes()
    }
}

/// The maximum number of errors in a response.
const MAX_MISTAKES: usize = 20;

/// Placeholders, of which most field types accept one, used to find further errors.
const STAND_INS: [Value; 4] = [
    Value::String(String::new()),
    Value::Null,
    Value::Bool(false),
    Value::Array(Vec::new()),
];

/// Reads the fields repeatedly, replacing each unreadable one with a placeholder, until all errors are known. Fields that `T`
/// does not have are errors, whether or not it is derived with `deny_unknown_fields`.
pub(super) fn read_fields<T: DeserializeOwned>(sent: Vec<(String, Value)>) -> Read<T> {
    let known = Known::of::<T>();
    let mut fields = Map::new();
    let mut read = Read {
        value: None,
        mistakes: Vec::new(),
    };
    for (name, value) in sent {
        if !known.contains(&name) {
            read.note(known.unknown(&name));
        } else if fields.insert(name.clone(), value).is_some() {
            read.note(twice(&name));
        }
    }
    let mut tried: HashMap<String, usize> = HashMap::new();
    while read.mistakes.len() < MAX_MISTAKES {
        let misfit = match serde_path_to_error::deserialize(Value::Object(fields.clone())) {
            Ok(value) => {
                read.value = Some(value);
                break;
            }
            Err(error) => Misfit::of(&error),
        };
        let name = misfit.name().to_owned();
        let next = tried.entry(name.clone()).or_default();
        if *next == 0 {
            read.note(misfit.mistake(known));
        }
        match (&misfit, STAND_INS.get(*next)) {
            (Misfit::Missing(_) | Misfit::Misshapen(..), Some(stand_in)) => {
                fields.insert(name, stand_in.clone());
            }
            _ => break,
        }
        *next += 1;
    }
    read
}

impl<T> Read<T> {
    fn note(&mut self, mistake: FieldError) {
        let is_new = || self.mistakes.iter().all(|known| known.field != mistake.field);
        if self.mistakes.len() < MAX_MISTAKES && is_new() {
            self.mistakes.push(mistake);
        }
    }
}

/// An error of serde, without the value that caused it.
pub(super) enum Misfit {
    Missing(String),
    Unknown(String),
    Twice(String),
    /// The path of a value with the wrong type or format, and the reason if it repeats nothing of the value.
    Misshapen(String, Option<&'static str>),
}

impl Misfit {
    pub(super) fn of(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let text = error.inner().to_string();
        let named = |start: &str| {
            text.strip_prefix(start)
                .and_then(|rest| rest.split('`').next())
                .map(str::to_owned)
        };
        named("missing field `")
            .map(Self::Missing)
            .or_else(|| named("unknown field `").map(Self::Unknown))
            .or_else(|| named("duplicate field `").map(Self::Twice))
            .unwrap_or_else(|| {
                let reason = REASONS.iter().copied().find(|reason| text.starts_with(*reason));
                Self::Misshapen(error.path().to_string(), reason)
            })
    }

    /// Returns the name of the field.
    fn name(&self) -> &str {
        match self {
            Self::Missing(name) | Self::Unknown(name) | Self::Twice(name) => name,
            Self::Misshapen(path, _) => path.split(['.', '[']).next().unwrap_or_default(),
        }
    }

    pub(super) fn mistake(&self, known: Known) -> FieldError {
        match self {
            Self::Missing(name) => FieldError::new(name.clone(), Code::Missing),
            Self::Unknown(name) => known.unknown(name),
            Self::Twice(name) => twice(name),
            Self::Misshapen(path, _) if path == "." => FieldError::new("body", Code::Invalid),
            Self::Misshapen(path, reason) => {
                let error = FieldError::new(shown(path), Code::Invalid);
                reason.map_or(error.clone(), |reason| error.detail(reason))
            }
        }
    }
}

/// Returns the error for a field that appears more than once.
pub fn twice(name: &str) -> FieldError {
    FieldError::new(shown(name), Code::Invalid).detail("This field must not appear more than once.")
}
