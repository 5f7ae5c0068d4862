//! The parameter `claims` (OpenID Connect Core §5.5).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use countersign_jose::is_unambiguous_object;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::standard_claims::STANDARD_CLAIMS;

/// The maximum length of the parameter, in bytes.
const MAX_LENGTH: usize = 4 << 10;
/// The maximum number of levels, including the outermost object.
const MAX_DEPTH: usize = 5;

/// The claims that a client requests by name. Unknown members are ignored (§5.5).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Claims for the response of the UserInfo endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: BTreeMap<String, ClaimRequest>,
    /// Claims for the ID token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, ClaimRequest>,
}

/// How one claim is requested (§5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClaimRequest {
    /// Whether the client cannot do without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// The requested value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The requested values, in order of preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// The text is not a claims request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "claims must be a JSON object as defined in OpenID Connect Core section 5.5, of at most 4096 bytes and 5 levels"
)]
pub struct InvalidClaimsRequest;

impl ClaimsRequest {
    /// Returns whether no claim is requested.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// Returns the scopes that ask for the same claims (§5.4): the user must consent to them too, and a client that may not
    /// have such a scope may not have its claims.
    pub fn scopes(&self) -> impl Iterator<Item = &'static str> {
        let is_asked = |claim: &&str| self.userinfo.contains_key(*claim) || self.id_token.contains_key(*claim);
        let with_claims = STANDARD_CLAIMS.iter();
        with_claims.filter_map(move |(scope, claims)| claims.iter().any(&is_asked).then_some(*scope))
    }

    /// Returns the `sub` that the ID token must have (§5.5.1), if one is requested.
    pub fn subject(&self) -> Option<&str> {
        self.id_token.get("sub")?.value.as_ref()?.as_str()
    }

    /// Returns the values of `acr` of which the ID token must have one; empty if none is essential (§5.5.1.1).
    pub fn essential_acr(&self) -> Vec<&str> {
        let acr = self.id_token.get("acr").filter(|acr| acr.essential);
        let values = acr.into_iter().flat_map(|acr| acr.value.iter().chain(&acr.values));
        values.filter_map(Value::as_str).collect()
    }
}

impl FromStr for ClaimsRequest {
    type Err = InvalidClaimsRequest;

    fn from_str(text: &str) -> Result<Self, InvalidClaimsRequest> {
        if text.len() > MAX_LENGTH || !is_unambiguous_object(text.as_bytes()) {
            return Err(InvalidClaimsRequest);
        }
        let value: Value = serde_json::from_str(text).map_err(|_| InvalidClaimsRequest)?;
        if depth(&value) > MAX_DEPTH {
            return Err(InvalidClaimsRequest);
        }
        serde_json::from_value(value).map_err(|_| InvalidClaimsRequest)
    }
}

impl fmt::Display for ClaimsRequest {
    /// The JSON text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// §5.5.1: null, or an object.
impl<'de> Deserialize<'de> for ClaimRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            #[serde(default)]
            essential: bool,
            #[serde(default)]
            value: Option<Value>,
            #[serde(default)]
            values: Vec<Value>,
        }
        let members = Option::<Members>::deserialize(deserializer)?;
        Ok(members.map_or_else(Self::default, |members| Self {
            essential: members.essential,
            value: members.value,
            values: members.values,
        }))
    }
}

/// Returns the number of levels of a value that has few: the input is short and was checked before.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{ClaimsRequest, InvalidClaimsRequest};

    /// The example of §5.5.
    const EXAMPLE: &str = r#"{"userinfo":{"given_name":{"essential":true},"nickname":null,"email":{"essential":true},
        "picture":null,"http://example.info/claims/groups":null},
        "id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}}}"#;

    #[test]
    fn the_example_of_the_specification_is_read() {
        let claims: ClaimsRequest = EXAMPLE.parse().unwrap();
        assert_eq!(claims.userinfo.len(), 5);
        assert!(claims.userinfo["email"].essential && !claims.userinfo["picture"].essential);
        assert!(claims.essential_acr().is_empty() && claims.subject().is_none());
        assert_eq!(claims.scopes().collect::<Vec<_>>(), ["profile", "email"]);
        assert_eq!(claims.to_string().parse(), Ok(claims));
    }

    #[test]
    fn what_is_required_is_found() {
        let text = r#"{"id_token":{"sub":{"value":"0190"},"acr":{"essential":true,"value":"aal2","values":["aal3",1]}},"x":1}"#;
        let claims: ClaimsRequest = text.parse().unwrap();
        assert_eq!(claims.subject(), Some("0190"));
        assert_eq!(claims.essential_acr(), ["aal2", "aal3"]);
        assert!("{}".parse::<ClaimsRequest>().unwrap().is_empty());
        assert_eq!("{}".parse::<ClaimsRequest>().unwrap().to_string(), "{}");
    }

    #[test]
    fn o_60_everything_else_is_refused() {
        let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "x".repeat(4_096));
        let deep = format!("{}1{}", r#"{"x":"#.repeat(2_000), "}".repeat(2_000));
        for text in [
            "",
            "null",
            "[]",
            "1",
            r#"{"userinfo":[]}"#,
            r#"{"userinfo":"name"}"#,
            r#"{"userinfo":{"name":true}}"#,
            r#"{"userinfo":{"name":"x"}}"#,
            r#"{"userinfo":{"name":{"essential":"yes"}}}"#,
            r#"{"id_token":{"acr":{"values":"a"}}}"#,
            r#"{"id_token":{},"id_token":{}}"#,
            r#"{"id_token":{"acr":null,"acr":{"essential":true}}}"#,
            r#"{"id_token":{"acr":{"value":[[[]]]}}}"#,
            r#"{"x":[[[[[]]]]]}"#,
            "{} {}",
            &long,
            &deep,
        ] {
            assert_eq!(text.parse::<ClaimsRequest>(), Err(InvalidClaimsRequest), "{text}");
        }
        assert!(r#"{"id_token":{"acr":{"value":[[]]}}}"#.parse::<ClaimsRequest>().is_ok());
    }
}
