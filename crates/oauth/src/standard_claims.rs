//! The standard claims of a user (OpenID Connect Core §5.1) that are stored as such. The name, the email address and what was
//! verified are fields of the account.

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::text::{is_line, is_lines};
use crate::uri::is_web_url;

/// The scopes that ask for claims of the user, and their claims (OpenID Connect Core §5.4).
pub const STANDARD_CLAIMS: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

const NAME: Rule = Rule {
    is_valid: |text| is_line(text) && text.chars().count() <= 200,
    problem: "must have 1 to 200 characters, without control characters",
};
const URL: Rule = Rule {
    is_valid: |text| is_web_url(text, false),
    problem: "must be an https URL without a fragment or user name, of at most 2000 characters",
};

/// The claims that are stored, and what they must be.
const RULES: [(&str, Rule); 13] = [
    ("given_name", NAME),
    ("family_name", NAME),
    ("middle_name", NAME),
    ("nickname", NAME),
    ("preferred_username", NAME),
    ("profile", URL),
    ("picture", URL),
    ("website", URL),
    ("gender", NAME),
    (
        "birthdate",
        Rule {
            is_valid: is_birthdate,
            problem: "must be a date such as 1815-12-10, 0000-12-10 without the year, or 1815",
        },
    ),
    (
        "zoneinfo",
        Rule {
            is_valid: is_time_zone,
            problem: "must be a time zone such as Europe/Berlin",
        },
    ),
    (
        "locale",
        Rule {
            is_valid: is_language,
            problem: "must be a language tag such as en, de-AT or zh-Hans",
        },
    ),
    (
        "phone_number",
        Rule {
            is_valid: is_phone_number,
            problem: "must be an international telephone number such as +49 30 123456 or +1 (425) 555-1212;ext=12",
        },
    ),
];

/// The members of the claim `address` (§5.1.1). The first two may have several lines.
const ADDRESS: [&str; 6] = [
    "formatted",
    "street_address",
    "locality",
    "region",
    "postal_code",
    "country",
];
const MAX_ADDRESS_LINES: usize = 500;
/// The maximum length of all claims together as JSON, in bytes: they must fit into an ID token.
const MAX_LENGTH: usize = 8 << 10;

#[derive(Clone, Copy)]
struct Rule {
    is_valid: fn(&str) -> bool,
    problem: &'static str,
}

/// Claims of a user, each of which is valid. None is empty or null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardClaims(Map<String, Value>);

/// A claim that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{claim} {problem}")]
pub struct InvalidClaim {
    /// The name of the claim.
    pub claim: String,
    /// What is wrong with it: the rest of a sentence.
    pub problem: &'static str,
}

impl StandardClaims {
    /// Returns the names of the claims that are stored.
    pub fn names() -> impl Iterator<Item = &'static str> {
        RULES.iter().map(|(name, _)| *name).chain(["address"])
    }

    /// Returns a claim.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns whether there are no claims.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the claims.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the given name and the family name as one text, for users who have not entered a full name.
    pub fn composed_name(&self) -> Option<String> {
        let names = [self.text("given_name"), self.text("family_name")];
        let names: Vec<_> = names.into_iter().flatten().collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    /// Returns the claims as a JSON object.
    pub fn to_object(&self) -> Map<String, Value> {
        self.0.clone()
    }

    /// Returns the claims after a change (RFC 7396): members that are null or empty are removed, others are set, and those of
    /// an `address` likewise.
    ///
    /// # Errors
    /// The first claim that is unknown or invalid, or that all together are too long.
    pub fn changed(&self, changes: Map<String, Value>) -> Result<Self, InvalidClaim> {
        let mut claims = self.0.clone();
        for (name, value) in changes {
            let value = match name.as_str() {
                "address" => address(claims.get("address"), value)?,
                _ => text(&name, value)?,
            };
            match value {
                Some(value) => claims.insert(name, value),
                None => claims.remove(&name),
            };
        }
        let claims = Value::Object(claims);
        match claims {
            claims if claims.to_string().len() > MAX_LENGTH => Err(InvalidClaim {
                claim: "claims".to_owned(),
                problem: "must have at most 8192 bytes together as JSON",
            }),
            Value::Object(claims) => Ok(Self(claims)),
            _ => Ok(Self::default()),
        }
    }
}

fn text(name: &str, value: Value) -> Result<Option<Value>, InvalidClaim> {
    let wrong = |problem| InvalidClaim {
        claim: name.to_owned(),
        problem,
    };
    let Some((_, rule)) = RULES.iter().find(|(own, _)| *own == name) else {
        return Err(wrong(not_stored(name)));
    };
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) if (rule.is_valid)(&text) => Ok(Some(text.into())),
        _ => Err(wrong(rule.problem)),
    }
}

fn not_stored(name: &str) -> &'static str {
    match name {
        "name" => "is the name of the account; `countersign users edit` changes it",
        "email" => "is the email address of the account, which only its user can change",
        "email_verified" | "phone_number_verified" | "sub" | "updated_at" => "cannot be set",
        _ => "is not a standard claim",
    }
}

fn address(former: Option<&Value>, value: Value) -> Result<Option<Value>, InvalidClaim> {
    let wrong = |problem| InvalidClaim {
        claim: "address".to_owned(),
        problem,
    };
    const PROBLEM: &str = "must be an object with the text fields formatted, street_address, locality, region, postal_code and country, \
                           of at most 200 characters (formatted and street_address: 500, in several lines)";
    let members = match value {
        Value::Null => return Ok(None),
        Value::Object(members) => members,
        _ => return Err(wrong(PROBLEM)),
    };
    let mut address = former.and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in members {
        let has_lines = ADDRESS[..2].contains(&name.as_str());
        match value {
            _ if !ADDRESS.contains(&name.as_str()) => return Err(wrong(PROBLEM)),
            Value::Null => {
                address.remove(&name);
            }
            Value::String(text) if text.is_empty() => {
                address.remove(&name);
            }
            Value::String(text) if has_lines && is_lines(&text) && text.chars().count() <= MAX_ADDRESS_LINES => {
                address.insert(name, text.into());
            }
            Value::String(text) if (NAME.is_valid)(&text) => {
                address.insert(name, text.into());
            }
            _ => return Err(wrong(PROBLEM)),
        }
    }
    Ok((!address.is_empty()).then_some(Value::Object(address)))
}

impl TryFrom<Map<String, Value>> for StandardClaims {
    type Error = InvalidClaim;

    fn try_from(claims: Map<String, Value>) -> Result<Self, InvalidClaim> {
        Self::default().changed(claims)
    }
}

impl Serialize for StandardClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StandardClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

/// §5.1: ISO 8601 `YYYY-MM-DD`, with the year 0000 if it is omitted, or `YYYY`.
fn is_birthdate(text: &str) -> bool {
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_number)
    };
    match text.split('-').collect::<Vec<_>>()[..] {
        [year] => number(year, 4).is_some_and(|year| year > 0),
        [year, month, day] => match (number(year, 4), number(month, 2), number(day, 2)) {
            (Some(year), Some(month @ 1..=12), Some(day)) => day >= 1 && day <= days(year, month),
            _ => false,
        },
        _ => false,
    }
}

fn days(year: u16, month: u16) -> u16 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A name as in the IANA time zone database: `Area/Location`, or one such as `UTC`.
fn is_time_zone(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    text.len() <= 64 && text.split('/').all(is_part)
}

/// A language tag in the form of BCP 47 (RFC 5646 §2.1), without a check that its parts are registered.
pub(crate) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    text.len() <= 35
        && (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// §5.1: E.164 with separators, and an extension as in RFC 3966.
fn is_phone_number(text: &str) -> bool {
    let (number, extension) = match text.split_once(";ext=") {
        Some((number, extension)) => (number, Some(extension)),
        None => (text, None),
    };
    let Some(number) = number.strip_prefix('+') else {
        return false;
    };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    text.len() <= 40
        && number.starts_with(|c: char| c.is_ascii_digit())
        && (7..=15).contains(&digits)
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b" ()-.".contains(&byte))
        && extension.is_none_or(|text| (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{STANDARD_CLAIMS, StandardClaims};

    fn claims(value: &Value) -> Result<StandardClaims, String> {
        serde_json::from_value(value.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_standard_claim_is_taken() {
        let all = json!({
            "given_name": "Ada", "family_name": "Lovelace", "middle_name": "King", "nickname": "Ada",
            "preferred_username": "ada", "profile": "https://example.com/ada", "picture": "https://example.com/ada.png",
            "website": "https://ada.example.com", "gender": "female", "birthdate": "1815-12-10", "zoneinfo": "Europe/London",
            "locale": "en-GB", "phone_number": "+44 20 7946 0000",
            "address": { "formatted": "12 St James's Square\nLondon", "street_address": "12 St James's Square",
                "locality": "London", "region": "England", "postal_code": "SW1Y 4JH", "country": "United Kingdom" },
        });
        let read = claims(&all).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), all);
        assert_eq!(read.iter().count(), StandardClaims::names().count());
        assert_eq!(read.composed_name().as_deref(), Some("Ada Lovelace"));
        for name in StandardClaims::names() {
            assert!(
                STANDARD_CLAIMS.iter().any(|(_, claims)| claims.contains(&name)),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_not_a_value_of_the_claim_is_refused() {
        for (claim, value) in [
            ("given_name", json!("a\nb")),
            ("given_name", json!("\u{202e}a")),
            ("given_name", json!("  ")),
            ("given_name", json!("x".repeat(201))),
            ("given_name", json!(["Ada"])),
            ("nickname", json!(1)),
            ("profile", json!("javascript:alert(1)")),
            ("picture", json!("http://example.com/a.png")),
            ("website", json!("https://u:p@example.com")),
            ("website", json!("//example.com")),
            ("birthdate", json!("10.12.1815")),
            ("birthdate", json!("1815-13-01")),
            ("birthdate", json!("2023-02-29")),
            ("birthdate", json!("0000")),
            ("birthdate", json!("1815-12")),
            ("birthdate", json!("+815-12-10")),
            ("zoneinfo", json!("../etc/passwd")),
            ("zoneinfo", json!("Europe/")),
            ("locale", json!("en_GB")),
            ("locale", json!("e")),
            ("phone_number", json!("030 123456")),
            ("phone_number", json!("+49")),
            ("phone_number", json!("+49 30 123456;x=1")),
            ("phone_number", json!("+1234567890123456")),
            ("phone_number_verified", json!(true)),
            ("email_verified", json!(true)),
            ("email", json!("eve@example.com")),
            ("sub", json!("0190")),
            ("updated_at", json!(0)),
            ("name", json!("Ada")),
            ("groups", json!(["admins"])),
            ("address", json!("London")),
            ("address", json!({ "city": "London" })),
            ("address", json!({ "country": "a\nb" })),
            ("address", json!({ "formatted": "a\u{0}b" })),
        ] {
            let error = claims(&json!({ claim: value })).unwrap_err();
            assert!(error.starts_with(claim), "{claim} {value}: {error}");
        }
        for (claim, value) in [
            ("birthdate", "0000-02-29"),
            ("birthdate", "2024-02-29"),
            ("birthdate", "1815"),
            ("zoneinfo", "America/Argentina/Buenos_Aires"),
            ("zoneinfo", "Etc/GMT+5"),
            ("locale", "zh-Hans"),
            ("phone_number", "+1 (425) 555-1212;ext=5678"),
            ("phone_number", "+15551234567"),
        ] {
            assert!(claims(&json!({ claim: value })).is_ok(), "{claim} {value}");
        }
    }

    #[test]
    fn all_claims_together_fit_into_an_id_token() {
        let url = format!("https://example.com/{}", "x".repeat(1_900));
        let lines = "\u{1f600}".repeat(500);
        let half = json!({ "profile": url, "picture": url, "address": { "formatted": lines } });
        assert!(claims(&half).is_ok());
        let all = json!({ "profile": url, "picture": url, "website": url, "address": { "formatted": lines, "street_address": lines } });
        assert_eq!(
            claims(&all).unwrap_err(),
            "claims must have at most 8192 bytes together as JSON"
        );
    }

    #[test]
    fn null_and_empty_remove_a_claim() {
        let before = json!({ "nickname": "Ada", "gender": "x", "address": { "country": "UK", "region": "England" } });
        let before = claims(&before).unwrap();
        let changes = json!({ "nickname": null, "gender": "", "address": { "country": null }, "locale": "en" });
        let Value::Object(changes) = changes else {
            unreachable!()
        };
        let after = before.changed(changes).unwrap();
        let left = json!({ "locale": "en", "address": { "region": "England" } });
        assert_eq!(serde_json::to_value(&after).unwrap(), left);
        let Value::Object(changes) = json!({ "address": { "region": "" } }) else {
            unreachable!()
        };
        let after = after.changed(changes).unwrap();
        assert_eq!(serde_json::to_value(after).unwrap(), json!({ "locale": "en" }));
        assert!(claims(&json!({ "nickname": null })).unwrap().is_empty());
    }
}
