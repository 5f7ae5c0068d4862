//! A rate in the settings: a number per duration, `10/15m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::duration;

const MOST: u32 = 1_000_000;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// At most `count` at once, and on average `count` in each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many: 1 to 1,000,000.
    pub count: u32,
    /// In which time: a second to 366 days.
    pub per: Duration,
}

/// Why a text is not a valid rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateFault {
    /// Not of the form `<count>/<duration>`.
    #[error("a rate is a count, a slash and a duration")]
    Malformed,
    /// The count is 0 or absurd.
    #[error("the count of a rate must be between 1 and {MOST}; to turn limits off, set limits.enabled = false")]
    Count,
    /// The time is too short or too long.
    #[error("the duration of a rate must be between 1s and 366d")]
    Time,
}

impl FromStr for Rate {
    type Err = RateFault;

    fn from_str(text: &str) -> Result<Self, RateFault> {
        let (count, per) = text.split_once('/').ok_or(RateFault::Malformed)?;
        let count = count.trim().parse().map_err(|_| RateFault::Malformed)?;
        let per = duration::parse(per.trim()).map_err(|_| RateFault::Malformed)?;
        match (1..=MOST).contains(&count) {
            false => Err(RateFault::Count),
            true if !(SHORTEST..=LONGEST).contains(&per) => Err(RateFault::Time),
            true => Ok(Self { count, per }),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, duration::written(self.per))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_and_written_in_one_form() {
        for text in ["10/15m", "30/1m", "3/1h", "5/1d", "1000000/1s"] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            " 10 / 15m ".parse(),
            Ok(Rate {
                count: 10,
                per: Duration::from_secs(900)
            })
        );
    }

    #[test]
    fn what_is_no_rate_is_refused_with_the_reason() {
        let faults = [
            ("10", RateFault::Malformed),
            ("ten/1m", RateFault::Malformed),
            ("10/m", RateFault::Malformed),
            ("10/1M", RateFault::Malformed),
            ("10/1y", RateFault::Malformed),
            ("10/15min", RateFault::Malformed),
            ("10/15 m", RateFault::Malformed),
            ("-1/1m", RateFault::Malformed),
            ("0/1m", RateFault::Count),
            ("1000001/1m", RateFault::Count),
            ("10/0s", RateFault::Time),
            ("10/999ms", RateFault::Time),
            ("10/367d", RateFault::Time),
        ];
        for (text, fault) in faults {
            assert_eq!(text.parse::<Rate>(), Err(fault), "{text}");
        }
    }
}
