//! The claims of our access tokens (RFC 9068 §2.2).

use serde::Serialize;
use uuid::Uuid;

use super::Subject;

/// The claims that RFC 9068 §2.2 requires of every access token. Times are in seconds since the epoch.
///
/// The RFC's list is final, so the compiler reports a missing claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaims {
    /// The issuer of the token.
    pub iss: String,
    /// The subject of the token.
    pub sub: Subject,
    /// The audience of the token.
    pub aud: Audience,
    /// When the token expires: it is rejected from this second on.
    pub exp: i64,
    /// When the token was issued.
    pub iat: i64,
    /// The token's id.
    pub jti: Uuid,
    /// The client that the token was issued to.
    pub client_id: String,
}

/// The claims of an access token. Times are in seconds since the epoch.
///
/// Create it from [`RequiredClaims`] and set the optional claims. Other claims are dropped: nothing here could check them, and
/// each would cost an allocation per request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AccessTokenClaims {
    /// The issuer of the token.
    pub iss: String,
    /// The subject of the token.
    pub sub: Subject,
    /// The audience of the token.
    pub aud: Audience,
    /// When the token expires: it is rejected from this second on.
    pub exp: i64,
    /// When the token was issued.
    pub iat: i64,
    /// The token's id.
    pub jti: Uuid,
    /// The client that the token was issued to.
    pub client_id: String,
    /// The session, if the token belongs to one; never set for a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// The granted scopes, separated by spaces (RFC 8693 §4.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When the user signed in (RFC 9068 §2.2.1); never set for a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How the user signed in (RFC 8176), such as `pwd`; never set for a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
    /// The authentication context class that was reached (RFC 9068 §2.2.1), such as `aal1`; never set for a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The user's email address (OpenID Connect Core §5.1), if the issuer includes it; never set for a client. Without
    /// `email_verified`, it may belong to someone else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the user has shown control of the email address (OpenID Connect Core §5.1); never set for a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The name that the user has given (OpenID Connect Core §5.1), any text to be escaped; never set for a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the revocation status of the token is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusReference>,
}

impl From<RequiredClaims> for AccessTokenClaims {
    fn from(required: RequiredClaims) -> Self {
        let RequiredClaims {
            iss,
            sub,
            aud,
            exp,
            iat,
            jti,
            client_id,
        } = required;
        Self {
            iss,
            sub,
            aud,
            exp,
            iat,
            jti,
            client_id,
            sid: None,
            scope: None,
            auth_time: None,
            amr: None,
            acr: None,
            email: None,
            email_verified: None,
            name: None,
            status: None,
        }
    }
}

/// Where a token's status is published (draft-ietf-oauth-status-list §6.2). On the wire
/// `{"status_list": {"idx": 4711, "uri": "https://…/oauth2/status-lists/1"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "StatusClaim")]
#[non_exhaustive]
pub struct StatusReference {
    /// The index in the list, starting at 0.
    pub idx: u64,
    /// The URL of the list.
    pub uri: String,
}

impl StatusReference {
    /// Creates a reference to index `idx` of the list at `uri`.
    pub fn new(idx: u64, uri: impl Into<String>) -> Self {
        Self { idx, uri: uri.into() }
    }
}

/// The audience of a token. On the wire a string if there is one, otherwise an array (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "OneOrMany")]
pub struct Audience(Vec<String>);

impl Audience {
    /// Returns the audiences in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns whether the audience contains any of `expected`, compared exactly.
    pub fn contains_any_of(&self, expected: &[String]) -> bool {
        self.0.iter().any(|audience| expected.contains(audience))
    }
}

impl From<Vec<String>> for Audience {
    fn from(audiences: Vec<String>) -> Self {
        Self(audiences)
    }
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<Audience> for OneOrMany {
    fn from(Audience(mut audiences): Audience) -> Self {
        match audiences.len() {
            1 => Self::One(audiences.remove(0)),
            _ => Self::Many(audiences),
        }
    }
}

#[derive(Serialize)]
struct StatusClaim {
    status_list: Place,
}

#[derive(Serialize)]
struct Place {
    idx: u64,
    uri: String,
}

impl From<StatusReference> for StatusClaim {
    fn from(StatusReference { idx, uri }: StatusReference) -> Self {
        Self {
            status_list: Place { idx, uri },
        }
    }
}
