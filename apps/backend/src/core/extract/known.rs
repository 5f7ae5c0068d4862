//! The fields that a body may have, and the error for any other.

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor, value};
use serde::forward_to_deserialize_any;

use crate::core::problem::{Code, FieldError};
use crate::core::text::harmless;
use crate::settings::nearest;

/// The maximum length of a field name in a response, and of one that is compared with the known ones.
const MAX_NAME: usize = 64;

/// The names of the fields of a type. `None` for a type without fixed fields, such as a map.
#[derive(Clone, Copy)]
pub struct Known(Option<&'static [&'static str]>);

impl Known {
    /// Returns the names of the fields of `T`.
    pub(super) fn of<T: DeserializeOwned>() -> Self {
        let mut names = None;
        // Always fails, because there is nothing to read.
        let _ = T::deserialize(Introspection(&mut names));
        Self(names)
    }

    /// Creates it from names.
    pub fn named(names: &'static [&'static str]) -> Self {
        Self(Some(names))
    }

    /// Returns whether the type has fixed fields.
    pub fn is_fixed(self) -> bool {
        self.0.is_some()
    }

    /// Returns whether there may be a field of this name.
    pub fn contains(self, name: &str) -> bool {
        self.0.is_none_or(|names| names.contains(&name))
    }

    /// Returns the error for a field that `T` does not have. It names the most similar one that `T` has, or all of them.
    pub fn unknown(self, name: &str) -> FieldError {
        let names = self.0.unwrap_or_default();
        let error = FieldError::new(shown(name), Code::UnknownField);
        let detail = match similar(name, names) {
            Some(similar) => format!("Unknown field `{}`. Did you mean `{similar}`?", shown(name)),
            None if names.is_empty() => format!("Unknown field `{}`. This request has no fields.", shown(name)),
            None => format!(
                "Unknown field `{}`. Known fields: `{}`.",
                shown(name),
                names.join("`, `")
            ),
        };
        error.detail(detail)
    }
}

/// Returns a name for a response: not too long, and without characters that a terminal or a log viewer would interpret.
pub(super) fn shown(name: &str) -> String {
    harmless(&name.chars().take(MAX_NAME).collect::<String>())
}

/// The most similar name, also of one written in camel case or with hyphens.
fn similar(name: &str, names: &[&'static str]) -> Option<&'static str> {
    if name.chars().count() > MAX_NAME {
        return None;
    }
    let mut snake = String::new();
    for c in name.chars() {
        match c {
            '-' | ' ' => snake.push('_'),
            c if c.is_uppercase() => {
                snake.push('_');
                snake.extend(c.to_lowercase());
            }
            c => snake.push(c),
        }
    }
    nearest(snake.trim_matches('_'), names.iter().copied())
        .or_else(|| nearest(&name.to_lowercase(), names.iter().copied()))
}

/// Records the names that a derived implementation of `Deserialize` asks for.
struct Introspection<'n>(&'n mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Introspection<'_> {
    type Error = value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = Some(fields);
        Err(Error::custom("there is nothing to read"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Error::custom("there is nothing to read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}
