//! ID tokens (OpenID Connect Core §2).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The claims that are fields of [`IdTokenClaims`], and those of JWTs that an ID token of ours does not have.
const OWN: [&str; 18] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "at_hash",
    "c_hash",
    "status",
    "cnf",
    "events",
];

/// The claims of an ID token. Times are in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The account.
    pub sub: Uuid,
    /// The client that the token is for.
    pub aud: String,
    /// When the token expires.
    pub exp: i64,
    /// When the token was issued.
    pub iat: i64,
    /// When the user signed in.
    pub auth_time: i64,
    /// The `nonce` of the authorization request, unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The authentication context class, such as `aal1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How the user signed in (RFC 8176), such as `pwd`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The grant, which the logout token names too.
    pub sid: Uuid,
    /// The hash of the access token that was issued with it ([`at_hash`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// What the token says about the user.
    #[serde(flatten)]
    pub user: UserClaims,
}

/// What a token says about the user: claims such as `name` and `email` (OpenID Connect Core §5.1). It contains none of the
/// claims that the protocol defines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct UserClaims(Map<String, Value>);

impl From<Map<String, Value>> for UserClaims {
    /// Drops the claims that the protocol defines, so that a profile never replaces one of them.
    fn from(mut claims: Map<String, Value>) -> Self {
        claims.retain(|name, _| !OWN.contains(&name.as_str()));
        Self(claims)
    }
}

/// Returns the value of `at_hash` for an access token: the left half of its SHA-256, in base64url (OpenID Connect Core
/// §3.1.3.6). RS256 and ES256 both use SHA-256.
pub fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{UserClaims, at_hash};

    /// OpenID Connect Core §A.3 and §A.4.
    #[test]
    fn openid_connect_core_a_4_known_answer() {
        assert_eq!(
            at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }

    #[test]
    fn user_claims_contain_no_protocol_claim() {
        let claims =
            json!({"name": "Ada", "sub": "somebody", "aud": "other", "nonce": "n", "sid": 1, "email": "a@example.com"});
        let claims = UserClaims::from(claims.as_object().cloned().unwrap());
        let left = serde_json::to_value(claims).unwrap();
        assert_eq!(left, json!({"name": "Ada", "email": "a@example.com"}));
    }
}
