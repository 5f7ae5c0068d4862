//! Unambiguous JSON objects: no duplicate members at any depth, bounded nesting, UTF-8, nothing after the end. Text
//! without escapes is borrowed from the input.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Malformed, Part};

/// The maximum nesting depth of objects and arrays, including the outermost object.
const MAX_DEPTH: usize = 16;

/// A JSON value, as far as members of a token need it.
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    /// Any other number. Always finite, because JSON has no others.
    Number(f64),
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
    Flag(bool),
    Null,
}

impl<'a> Value<'a> {
    /// Removes and returns a member of an object.
    pub(crate) fn into_member(self, name: &str) -> Option<Self> {
        let Self::Object(members) = self else { return None };
        members
            .into_iter()
            .find_map(|(member, value)| (member == name).then_some(value))
    }
}

/// Reads an object and passes each of its members to `take`.
pub(crate) fn read_object<'a>(part: Part, json: &'a [u8], take: impl FnMut(&str, Value<'a>)) -> Result<(), Malformed> {
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = (&mut deserializer).deserialize_any(Object {
        take,
        part,
        fault: &fault,
    });
    read.and_then(|()| deserializer.end())
        .map_err(|error| fault.get().unwrap_or_else(|| unreadable(part, &error)))
}

/// Returns whether the bytes are one unambiguous JSON object: UTF-8 without a byte order mark, no duplicate members at any
/// depth, no unpaired surrogates, no non-finite numbers, and at most 16 levels.
pub fn is_unambiguous_object(json: &[u8]) -> bool {
    read_object(Part::Claims, json, |_, _| ()).is_ok()
}

/// Returns the reason for an error of `serde_json`.
fn unreadable(part: Part, error: &serde_json::Error) -> Malformed {
    // Nested values may have any type, so only the outermost can have the wrong one.
    if error.is_data() {
        return Malformed::NotAnObject(part);
    }
    // This error can only be recognized by its text. If the text changes, a more general reason is reported.
    if error.to_string().starts_with("number out of range") {
        return Malformed::NotFinite(part);
    }
    Malformed::NotJson(part)
}

/// The outermost object.
struct Object<'f, F> {
    take: F,
    part: Part,
    fault: &'f Cell<Option<Malformed>>,
}

impl<'de, F: FnMut(&str, Value<'de>)> Visitor<'de> for Object<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        Strict {
            depth: 1,
            part: self.part,
            fault: self.fault,
        }
        .read_members(map, |name, value| (self.take)(name, value))
    }
}

/// A value of any type, at a depth.
#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    part: Part,
    fault: &'f Cell<Option<Malformed>>,
}

impl<'f> Strict<'f> {
    fn read_members<'de, A, F>(self, mut map: A, mut take: F) -> Result<(), A::Error>
    where
        A: MapAccess<'de>,
        F: FnMut(&Cow<'de, str>, Value<'de>),
    {
        let inner = self.deeper()?;
        let mut names = Vec::with_capacity(16);
        while let Some(name) = map.next_key_seed(inner)? {
            let value = map.next_value_seed(inner)?;
            // In JSON, names are always strings.
            if let Value::Text(name) = name {
                take(&name, value);
                names.push(name);
            }
        }
        // Sorting keeps a header with a thousand members cheap. Names are compared unescaped.
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.refuse(Malformed::DuplicateMember(self.part)));
        }
        Ok(())
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth > MAX_DEPTH {
            return Err(self.refuse(Malformed::TooDeep(self.part)));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// Errors of `serde` only carry text, so the reason is stored separately.
    fn refuse<E: Error>(self, fault: Malformed) -> E {
        self.fault.set(Some(fault));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(number).map_or(Value::Number(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
        let mut members = Vec::new();
        self.read_members(map, |name, value| members.push((name.clone(), value)))?;
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::Part::Claims;
    use super::{Malformed, read_object};

    fn read(json: &str) -> Result<usize, Malformed> {
        let mut members = 0;
        read_object(Claims, json.as_bytes(), |_, _| members += 1).map(|()| members)
    }

    #[test]
    fn members_are_handed_over_once_each() {
        assert_eq!(
            read(r#"{"a":1,"b":[1,"x",null,{"a":true}],"c":{"a":{}},"d":-1.5}"#),
            Ok(4)
        );
        assert_eq!(read(" {} "), Ok(0));
    }

    #[test]
    fn a_name_may_be_repeated_in_another_object_only() {
        assert_eq!(read(r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#), Ok(2));
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"a":null}"#,
            r#"{"exp":1,"e\u0078p":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[[{"a":1,"b":{},"a":2}]]}"#,
        ] {
            assert_eq!(read(json), Err(Malformed::DuplicateMember(Claims)), "{json}");
        }
    }

    #[test]
    fn nesting_ends_at_sixteen() {
        let lists = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert_eq!(read(&lists(15)), Ok(1));
        assert_eq!(read(&lists(16)), Err(Malformed::TooDeep(Claims)));
        assert_eq!(read(&objects(16)), Ok(1));
        assert_eq!(read(&objects(17)), Err(Malformed::TooDeep(Claims)));
        // Not even closed: it is rejected as soon as it is nested too deep.
        assert_eq!(
            read(&format!(r#"{{"a":{}"#, "[".repeat(5000))),
            Err(Malformed::TooDeep(Claims))
        );
    }

    #[test]
    fn what_is_no_object_is_named() {
        for json in ["[]", "1", "-1", "1.5", "null", "true", r#""text""#] {
            assert_eq!(read(json), Err(Malformed::NotAnObject(Claims)), "{json}");
        }
        for json in [
            "",
            "{",
            "{}}",
            "{} x",
            "{a:1}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "\u{feff}{}",
        ] {
            assert_eq!(read(json), Err(Malformed::NotJson(Claims)), "{json}");
        }
        assert_eq!(read(r#"{"a":1e400}"#), Err(Malformed::NotFinite(Claims)));
        assert_eq!(read(r#"{"a":"\ud800"}"#), Err(Malformed::NotJson(Claims)));
        let not_utf_8 = read_object(Claims, b"{\"a\":\"\xff\"}", |_, _| ());
        assert_eq!(not_utf_8, Err(Malformed::NotJson(Claims)));
    }
}
