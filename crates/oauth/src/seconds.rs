//! Durations in client metadata.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// A number of seconds. Operators may also write `30d`, `12h`, `15m` or `45s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u64);

const EXPECTED: &str = "a number of seconds, or a duration such as 30d, 12h, 15m or 45s";

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
        Ok(Seconds(seconds))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Seconds, E> {
        u64::try_from(seconds)
            .map(Seconds)
            .map_err(|_| E::custom(format_args!("expected {EXPECTED}")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
        parse(text).ok_or_else(|| E::custom(format_args!("expected {EXPECTED}")))
    }
}

fn parse(text: &str) -> Option<Seconds> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    number.checked_mul(unit).map(Seconds)
}

#[cfg(test)]
mod tests {
    use super::Seconds;

    #[test]
    fn are_numbers_or_durations() {
        let read = |json: &str| serde_json::from_str::<Seconds>(json).ok();
        assert_eq!(read("90"), Some(Seconds(90)));
        assert_eq!(read("\"30d\""), Some(Seconds(2_592_000)));
        assert_eq!(read("\"15m\""), Some(Seconds(900)));
        for json in [
            "-1",
            "1.5",
            "null",
            "\"\"",
            "\"30\"",
            "\"d\"",
            "\"+1d\"",
            "\"1w\"",
            "\"1é\"",
            "\"99999999999999999999d\"",
            "\"999999999999999999d\"",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
        assert_eq!(serde_json::to_string(&Seconds(90)).unwrap(), "90");
    }
}
