//! Logout tokens (OpenID Connect Back-Channel Logout §2.4).

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use uuid::Uuid;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token. Times are in seconds since the epoch. `events` is added when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The account that was signed out.
    pub sub: Uuid,
    /// The client that the token is for.
    pub aud: String,
    /// When the token expires.
    pub exp: i64,
    /// When the token was issued.
    pub iat: i64,
    /// The token's id.
    pub jti: Uuid,
    /// The grant that has ended: the `sid` of the ID tokens of it.
    pub sid: Uuid,
}

impl Serialize for LogoutTokenClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            iss,
            sub,
            aud,
            exp,
            iat,
            jti,
            sid,
        } = self;
        let mut map = serializer.serialize_map(Some(8))?;
        map.serialize_entry("iss", iss)?;
        map.serialize_entry("sub", sub)?;
        map.serialize_entry("aud", aud)?;
        map.serialize_entry("exp", exp)?;
        map.serialize_entry("iat", iat)?;
        map.serialize_entry("jti", jti)?;
        map.serialize_entry("sid", sid)?;
        map.serialize_entry("events", &serde_json::json!({ EVENT: {} }))?;
        map.end()
    }
}
