//! Reads the fields of a body and collects all errors in them.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::core::platform::Platform;
use crate::core::problem::{Code, FieldError, Problem};

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

/// The maximum length of an unknown field name in a response.
const MAX_NAME: usize = 64;

/// Placeholders, of which most field types accept one, used to find further errors.
const STAND_INS: [Value; 4] = [
    Value::String(String::new()),
    Value::Null,
    Value::Bool(false),
    Value::Array(Vec::new()),
];

/// Reads the fields repeatedly, replacing each unreadable one with a placeholder, until all errors are known.
pub(super) fn read_fields<T: DeserializeOwned>(sent: Vec<(String, Value)>) -> Read<T> {
    let mut fields = Map::new();
    let mut read = Read {
        value: None,
        mistakes: Vec::new(),
    };
    for (name, value) in sent {
        if fields.insert(name.clone(), value).is_some() {
            read.note(FieldError::new(shortened(&name), Code::Invalid).detail(
                "This field must not appear more than \
                 once.",
            ));
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
            read.note(misfit.mistake());
        }
        match (&misfit, STAND_INS.get(*next)) {
            (Misfit::Unknown(_), _) if fields.remove(&name).is_some() => {}
            (Misfit::Missing(_) | Misfit::Misshapen(_), Some(stand_in)) => {
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
        if self.mistakes.iter().all(|known| known.field != mistake.field) {
            self.mistakes.push(mistake);
        }
    }
}

/// An error of serde, without the value that caused it.
pub(super) enum Misfit {
    Missing(String),
    Unknown(String),
    Twice(String),
    /// The path of a value with the wrong type or format.
    Misshapen(String),
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
            .unwrap_or_else(|| Self::Misshapen(error.path().to_string()))
    }

    /// Returns the name of the field.
    fn name(&self) -> &str {
        match self {
            Self::Missing(name) | Self::Unknown(name) | Self::Twice(name) => name,
            Self::Misshapen(path) => path.split(['.', '[']).next().unwrap_or_default(),
        }
    }

    pub(super) fn mistake(&self) -> FieldError {
        match self {
            Self::Missing(name) => FieldError::new(name.clone(), Code::Missing),
            Self::Unknown(name) => FieldError::new(shortened(name), Code::UnknownField),
            Self::Twice(name) => {
                FieldError::new(name.clone(), Code::Invalid).detail("This field must not appear more than once.")
            }
            Self::Misshapen(path) if path == "." => FieldError::new("body", Code::Invalid),
            Self::Misshapen(path) => FieldError::new(shortened(path), Code::Invalid),
        }
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// The members of an object in order, including duplicates.
pub(super) struct Fields(pub(super) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Fields(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
