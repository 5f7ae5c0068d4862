//! Public keys as JSON (RFC 7517) and the thumbprints that identify them (RFC 7638). Private members are rejected.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

pub(super) const KTY: &str = "EC";
pub(super) const CRV: &str = "P-256";
pub(super) const USE: &str = "sig";
pub(super) const ALG: &str = "ES256";
const VERIFY: &str = "verify";

/// A public P-256 key as a JWK. Parsing fails if it has the private member `d`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Incoming")]
#[non_exhaustive]
pub struct Jwk {
    /// `EC`.
    pub kty: String,
    /// `P-256`.
    pub crv: String,
    /// The x coordinate: 32 bytes in base64url.
    pub x: String,
    /// The y coordinate: 32 bytes in base64url.
    pub y: String,
    /// The RFC 7638 thumbprint; always written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// `sig`; always written.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    /// `ES256`; always written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What the key may be used for, such as `verify`. Never written, because `use` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
}

impl Jwk {
    /// Returns whether the JWK declares that it verifies ES256 signatures.
    pub(super) fn is_es256(&self) -> bool {
        let is = |member: &Option<String>, value| member.as_deref().is_none_or(|member| member == value);
        self.kty == KTY && self.crv == CRV && is(&self.use_, USE) && is(&self.alg, ALG) && self.may_verify()
    }

    /// RFC 7517 §4.3: the operations are a list without duplicates.
    fn may_verify(&self) -> bool {
        let Some(operations) = &self.key_ops else { return true };
        let distinct: BTreeSet<_> = operations.iter().collect();
        distinct.len() == operations.len() && operations.iter().any(|operation| operation == VERIFY)
    }
}

/// A JWK Set. Parsing ignores keys of other kinds, as RFC 7517 §5 requires, and keys with a private member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JwkSet {
    /// The keys, in the order of the document.
    pub keys: Vec<Jwk>,
}

impl FromIterator<Jwk> for JwkSet {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document = Document::deserialize(deserializer)?;
        let keys = document.keys.into_iter().filter_map(|key| Jwk::deserialize(key).ok());
        Ok(Self {
            keys: keys.filter(Jwk::is_es256).collect(),
        })
    }
}

/// RFC 7638 §3: the digest of the required members, ordered by name and without spaces. Neither names nor values may
/// contain characters that JSON escapes; base64url and the names of curves do not.
pub(super) fn thumbprint(required: &[(&str, &str)]) -> String {
    let members: Vec<_> = required
        .iter()
        .map(|(name, value)| format!(r#""{name}":"{value}""#))
        .collect();
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes()))
}

/// A received JWK, including the one member that must not be present.
#[derive(Deserialize)]
struct Incoming {
    kty: String,
    crv: String,
    x: String,
    y: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    use_: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    d: Option<IgnoredAny>,
}

impl TryFrom<Incoming> for Jwk {
    type Error = &'static str;

    fn try_from(incoming: Incoming) -> Result<Self, Self::Error> {
        let Incoming {
            kty,
            crv,
            x,
            y,
            kid,
            use_,
            alg,
            key_ops,
            d,
        } = incoming;
        if d.is_some() {
            return Err("a JWK with a private member is not a public key");
        }
        Ok(Self {
            kty,
            crv,
            x,
            y,
            kid,
            use_,
            alg,
            key_ops,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::thumbprint;

    /// RFC 7638 §3.1. Its key is RSA, which is not supported; the canonical form is the same, with other members.
    #[test]
    fn rfc_7638_3_1_known_answer() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let print = thumbprint(&[("e", "AQAB"), ("kty", "RSA"), ("n", n)]);
        assert_eq!(print, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
