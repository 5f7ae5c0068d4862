//! The claims of our access tokens (RFC 9068 §2.2).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::received::Received;
use super::{Claims, ClaimsError, Payload, Present, Times, TokenError};
use crate::TokenType;

/// What an access token says. Times are in seconds since the epoch.
///
/// Claims beyond these are not kept: nothing here could vouch for their meaning, and each would cost an allocation in
/// every request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// Who issued the token.
    pub iss: String,
    /// The account.
    pub sub: Uuid,
    /// Whom the token is for.
    pub aud: Audience,
    /// When the token ends: from this second on it is refused.
    pub exp: i64,
    /// When the token was issued.
    pub iat: i64,
    /// The token's own name.
    pub jti: Uuid,
    /// The client that the token was issued to.
    pub client_id: String,
    /// The session.
    pub sid: Uuid,
    /// The granted scopes, separated by spaces (RFC 8693 §4.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When the person signed in.
    pub auth_time: i64,
    /// How the person signed in (RFC 8176), such as `pwd`.
    pub amr: Vec<String>,
    /// Where it is said whether the token was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusReference>,
}

/// What a verifier expects of an access token.
///
/// There are no defaults, and no constructor either: each of these, forgotten, would be a hole.
#[derive(Clone, Copy, Debug)]
pub struct AccessTokenExpectation<'a> {
    /// The issuer, compared exactly.
    pub issuer: &'a str,
    /// The verifier's own names; the token must be for at least one of them. With none, every token is refused.
    pub audience: &'a [String],
    /// The time.
    pub present: Present,
}

/// The whole check (RFC 9068 §4, RFC 8725 §3).
impl Claims for AccessTokenClaims {
    const TYPE: TokenType = TokenType::ACCESS_TOKEN;
    type Expectation<'a> = AccessTokenExpectation<'a>;

    fn read(payload: Payload<'_>, expect: &AccessTokenExpectation<'_>) -> Result<Self, TokenError> {
        let received = Received::read(payload.json())?;
        let nbf = received.not_before()?;
        let claims = received.into_claims()?;
        if claims.iss != expect.issuer {
            return Err(ClaimsError::WrongIssuer.into());
        }
        // RFC 7519 §4.1.3: a token may be for several; it is for us if one of them is us.
        if !claims.aud.contains_any_of(expect.audience) {
            return Err(ClaimsError::WrongAudience.into());
        }
        let times = Times {
            iat: claims.iat,
            exp: claims.exp,
            nbf,
        };
        times.check(expect.present)?;
        Ok(claims)
    }
}

/// The place of a token's state (draft-ietf-oauth-status-list §6.2). On the wire
/// `{"status_list": {"idx": 4711, "uri": "https://…/oauth2/status-lists/1"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StatusClaim", into = "StatusClaim")]
pub struct StatusReference {
    /// The place in the list, from 0 on.
    pub idx: u64,
    /// The list.
    pub uri: String,
}

/// Whom a token is for. On the wire one string where there is one, else a list (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct Audience(Vec<String>);

impl Audience {
    /// The audiences, in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether any of `expected` is among them, compared exactly.
    pub fn contains_any_of(&self, expected: &[String]) -> bool {
        self.0.iter().any(|audience| expected.contains(audience))
    }
}

impl From<Vec<String>> for Audience {
    fn from(audiences: Vec<String>) -> Self {
        Self(audiences)
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Audience {
    fn from(wire: OneOrMany) -> Self {
        match wire {
            OneOrMany::One(audience) => Self(vec![audience]),
            OneOrMany::Many(audiences) => Self(audiences),
        }
    }
}

impl From<Audience> for OneOrMany {
    fn from(Audience(mut audiences): Audience) -> Self {
        match audiences.len() {
            1 => Self::One(audiences.remove(0)),
            _ => Self::Many(audiences),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StatusClaim {
    status_list: Place,
}

#[derive(Serialize, Deserialize)]
struct Place {
    idx: u64,
    uri: String,
}

impl From<StatusClaim> for StatusReference {
    fn from(
        StatusClaim {
            status_list: Place { idx, uri },
        }: StatusClaim,
    ) -> Self {
        Self { idx, uri }
    }
}

impl From<StatusReference> for StatusClaim {
    fn from(StatusReference { idx, uri }: StatusReference) -> Self {
        Self {
            status_list: Place { idx, uri },
        }
    }
}
