//! The response bodies of browser sessions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::BrowserTokens;
use crate::features::identity::accounts::UserBody;
use crate::features::sign_in::sessions::TokenBody;

/// How a client holds its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SessionKind)]
pub enum SessionKind {
    /// With a refresh token.
    #[default]
    Token,
    /// With an HttpOnly cookie of this server. Only pages of this server, and of applications on the same site, may ask for
    /// it.
    Cookie,
}

/// An access token of the browser's session. There is no refresh token: while the session is active, the cookie gives the
/// next access token.
#[derive(Serialize, ToSchema)]
#[schema(as = BrowserToken)]
pub struct BrowserTokenBody {
    /// A JWT (RFC 9068): send it as `Authorization: Bearer …`. Keep it in memory only.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// The lifetime of the access token in seconds.
    #[schema(minimum = 0)]
    expires_in: i64,
    /// The granted scopes, if any.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    scope: String,
    user: UserBody,
}

impl From<BrowserTokens> for BrowserTokenBody {
    fn from(tokens: BrowserTokens) -> Self {
        Self {
            access_token: tokens.access.token,
            token_type: "Bearer",
            expires_in: tokens.access.expires_in,
            scope: tokens.access.scope,
            user: tokens.account.into(),
        }
    }
}

/// The response to a sign-in: with `"session": "cookie"`, without a refresh token.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SignedIn)]
pub enum SignedInBody {
    Token(TokenBody),
    Cookie(BrowserTokenBody),
}
