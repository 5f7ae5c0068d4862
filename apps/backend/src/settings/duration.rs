//! Durations as they are written: `15d`, `30s`, `1h30m`.
//!
//! The crate `humantime` is not used here: it takes `1M` for a month and `1m` for a minute, and years of 365.25 days.

use std::time::Duration;

/// What to write.
pub(super) const EXAMPLES: &str = "expected a duration such as 15d, 12h, 30m, 45s or 250ms";

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a duration: numbers with the units `d`, `h`, `m`, `s`, `ms`, the largest first.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse(text: &str) -> Result<Duration, String> {
    let fault = || format!("invalid duration {text:?}");
    let (mut rest, mut millis, mut coarser) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let (number, after) = split(rest, |byte| byte.is_ascii_digit());
        let (unit, after) = split(after, |byte| byte.is_ascii_alphabetic());
        let size = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        let size = size.filter(|size| *size < coarser).ok_or_else(fault)?;
        let number: u64 = number.parse().map_err(|_| fault())?;
        millis = number
            .checked_mul(size)
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(fault)?;
        (rest, coarser) = (after, size);
    }
    if text.is_empty() {
        Err(fault())
    } else {
        Ok(Duration::from_millis(millis))
    }
}

/// Writes a duration in the largest unit that says it exactly.
pub fn written(duration: Duration) -> String {
    let millis = duration.as_millis();
    let exact = UNITS
        .iter()
        .find(|(_, size)| millis > 0 && millis.is_multiple_of(u128::from(*size)));
    exact.map_or_else(
        || "0s".to_owned(),
        |(unit, size)| format!("{}{unit}", millis / u128::from(*size)),
    )
}

fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !belongs(byte)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, seconds) in [
            ("15d", 1_296_000),
            ("12h", 43_200),
            ("30m", 1800),
            ("45s", 45),
            ("1h30m", 5400),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        for text in ["15d", "12h", "45s", "250ms", "90m", "0s"] {
            assert_eq!(parse(&written(parse(text).unwrap())), parse(text));
        }
        assert_eq!(written(Duration::from_secs(7200)), "2h");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "15",
            "d",
            "15 d",
            "-1s",
            "1.5h",
            "1M",
            "1y",
            "30m1h",
            "1s1s",
            "99999999999999999d",
            "1d!",
            "１s",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
