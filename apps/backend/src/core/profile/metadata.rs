//! An account's metadata: an object of an application's own, which its user may read and write.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use countersign_store::{Cell, Column, Value as Stored};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

/// The maximum length of an account's metadata as JSON, in bytes.
const MAX_METADATA: usize = 4 << 10;
/// The maximum number of members of the object.
const MAX_MEMBERS: usize = 32;
/// The maximum number of levels, including the outermost object.
const MAX_DEPTH: usize = 8;
/// Beyond it, numbers of JSON are not exact (RFC 7493 §2.2).
const MAX_NUMBER: u64 = (1 << 53) - 1;

const NOT_AN_OBJECT: &str = "The metadata must be an object.";
const TOO_DEEP: &str = "The metadata must be nested at most 8 levels deep.";
const DUPLICATE: &str = "Two members of an object in the metadata have the same name.";
const PROTO: &str = "No member of the metadata may be named __proto__.";
const INEXACT: &str =
    "Numbers in the metadata must be exact in JSON: from -(2^53 - 1) to 2^53 - 1. Send other numbers as strings.";
const NUL: &str = "The metadata must not contain the character U+0000.";

/// All reasons of errors when a [`MetadataPatch`] is deserialized. They repeat nothing of the input.
pub const REASONS: [&str; 6] = [NOT_AN_OBJECT, TOO_DEEP, DUPLICATE, PROTO, INEXACT, NUL];

/// An account's metadata: at most [`MAX_MEMBERS`] members and [`MAX_METADATA`] bytes. Empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Map<String, Value>);

/// A change of metadata (RFC 7396): members that are null are removed, others are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataPatch(Map<String, Value>);

/// Why metadata is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    #[error("The metadata must be at most 4096 bytes long as JSON.")]
    TooLarge,
    #[error("The metadata must have at most 32 members.")]
    TooMany,
}

impl Metadata {
    /// Creates it from an object. Members that are null are left out.
    ///
    /// # Errors
    /// [`InvalidMetadata`].
    pub fn new(object: &MetadataPatch) -> Result<Self, InvalidMetadata> {
        Self::default().patched(object)
    }

    /// Applies a change (RFC 7396 §2).
    ///
    /// # Errors
    /// [`InvalidMetadata`] if the result is too large.
    pub fn patched(&self, patch: &MetadataPatch) -> Result<Self, InvalidMetadata> {
        let mut merged = self.0.clone();
        merge(&mut merged, &patch.0);
        if merged.len() > MAX_MEMBERS {
            return Err(InvalidMetadata::TooMany);
        }
        let merged = Self(merged);
        match merged.to_string().len() > MAX_METADATA {
            true => Err(InvalidMetadata::TooLarge),
            false => Ok(merged),
        }
    }

    /// Returns whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(members) => {
                let inner = target.entry(name.as_str()).or_insert_with(|| Value::Object(Map::new()));
                if !inner.is_object() {
                    *inner = Value::Object(Map::new());
                }
                if let Value::Object(inner) = inner {
                    merge(inner, members);
                }
            }
            value => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

impl fmt::Display for Metadata {
    /// The JSON text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Column for Metadata {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(text) => serde_json::from_str(text).ok().map(Self),
            _ => None,
        }
    }
}

impl From<&Metadata> for Stored {
    fn from(metadata: &Metadata) -> Self {
        metadata.to_string().into()
    }
}

impl FromStr for MetadataPatch {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl<'de> Deserialize<'de> for MetadataPatch {
    /// Accepts only what every program reads alike: an object without members of the same name at any depth, without
    /// numbers that are not exact, and without U+0000.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Strict(1).deserialize(deserializer)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(Error::custom(NOT_AN_OBJECT)),
        }
    }
}

/// Reads a value at a depth.
#[derive(Clone, Copy)]
struct Strict(usize);

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.0 > MAX_DEPTH {
            true => Err(E::custom(TOO_DEEP)),
            false => Ok(Self(self.0 + 1)),
        }
    }
}

fn text<E: Error>(text: &str) -> Result<String, E> {
    match text.contains('\0') {
        true => Err(E::custom(NUL)),
        false => Ok(text.to_owned()),
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        match value.unsigned_abs() > MAX_NUMBER {
            true => Err(E::custom(INEXACT)),
            false => Ok(value.into()),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        match value > MAX_NUMBER {
            true => Err(E::custom(INEXACT)),
            false => Ok(value.into()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).filter(|_| value.abs() <= MAX_NUMBER as f64);
        number.map(Value::Number).ok_or_else(|| E::custom(INEXACT))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let (mut members, mut names) = (Map::new(), HashSet::new());
        while let Some(name) = map.next_key::<String>()? {
            // In JavaScript, assigning to it changes the prototype of an object.
            if name == "__proto__" {
                return Err(Error::custom(PROTO));
            }
            let value = map.next_value_seed(inner)?;
            if !names.insert(name.clone()) {
                return Err(Error::custom(DUPLICATE));
            }
            members.insert(text(&name)?, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(text: &str) -> MetadataPatch {
        text.parse().unwrap()
    }

    /// The examples of RFC 7396, appendix A, as far as both documents are objects.
    #[test]
    fn a_change_is_merged_as_rfc_7396_says() {
        for (original, change, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":1}"#, r#"{"a":1}"#, r#"{"a":1,"e":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let original = Metadata(patch(original).0);
            assert_eq!(
                original.patched(&patch(change)).unwrap().to_string(),
                result,
                "{change}"
            );
        }
    }

    #[test]
    fn what_programs_read_differently_is_refused() {
        for text in [
            "1",
            "[]",
            "null",
            "\"a\"",
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            r#"{"a":9007199254740992}"#,
            r#"{"a":-9007199254740992}"#,
            r#"{"a":18446744073709551616}"#,
            r#"{"a":1e16}"#,
            r#"{"a":1e400}"#,
            r#"{"a":"\u0000"}"#,
            r#"{"a\u0000":1}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"__proto__":{"admin":true}}"#,
            r#"{"a":{"__proto__":1}}"#,
            r#"{"\u005f_proto__":1}"#,
            r#"{"a":[[[[[[[[1]]]]]]]]}"#,
        ] {
            assert!(text.parse::<MetadataPatch>().is_err(), "{text}");
        }
        for text in [
            r#"{"a":9007199254740991}"#,
            r#"{"a":-9007199254740991}"#,
            r#"{"a":0.1}"#,
            r#"{"a":[[[[[[[1]]]]]]]}"#,
            r#"{"constructor":1,"":"\u202e","é":"<script>"}"#,
        ] {
            assert!(text.parse::<MetadataPatch>().is_ok(), "{text}");
        }
    }

    #[test]
    fn the_result_is_bounded_and_not_only_the_change() {
        let many = |from: usize, to: usize| -> MetadataPatch {
            let members: Vec<_> = (from..to).map(|n| format!("\"k{n}\":1")).collect();
            patch(&format!("{{{}}}", members.join(",")))
        };
        let full = Metadata::new(&many(0, 32)).unwrap();
        assert_eq!(full.patched(&many(32, 33)), Err(InvalidMetadata::TooMany));
        assert!(full.patched(&patch(r#"{"k0":null,"x":1}"#)).is_ok());
        let long = |length: usize| patch(&format!("{{\"a\":\"{}\"}}", "x".repeat(length)));
        let empty = r#"{"a":""}"#.len();
        assert!(Metadata::new(&long(MAX_METADATA - empty)).is_ok());
        assert_eq!(
            Metadata::new(&long(MAX_METADATA - empty + 1)),
            Err(InvalidMetadata::TooLarge)
        );
    }
}
