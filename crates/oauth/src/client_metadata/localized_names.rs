//! The names of a client in several languages.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The name of a member before its language: `client_name#de`.
pub(super) const NAME_IN: &str = "client_name#";

/// The names of a client by language. On the wire they are members of the metadata itself: `client_name#de`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalizedNames(pub BTreeMap<String, String>);

impl LocalizedNames {
    /// Returns the name in exactly this language. Tags are compared without case (BCP 47 §2.1.1).
    pub fn get(&self, language: &str) -> Option<&str> {
        let mut names = self.0.iter();
        let found = names.find(|(own, _)| own.eq_ignore_ascii_case(language));
        found.map(|(_, name)| name.as_str())
    }
}

impl Serialize for LocalizedNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(language, name)| (format!("{NAME_IN}{language}"), name)),
        )
    }
}

impl<'de> Deserialize<'de> for LocalizedNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = LocalizedNames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<LocalizedNames, A::Error> {
        let mut names = BTreeMap::new();
        while let Some(member) = members.next_key::<String>()? {
            match member.strip_prefix(NAME_IN) {
                Some(language) => {
                    names.insert(language.to_owned(), members.next_value()?);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(LocalizedNames(names))
    }
}
