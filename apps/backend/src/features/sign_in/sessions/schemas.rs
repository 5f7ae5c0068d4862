//! The request and response bodies of sessions and tokens.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refresh_token::RefreshToken;
use super::service::Tokens;
use super::store::Session;
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;

/// Tokens, as RFC 6749 §5.1 shapes them.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenBody {
    /// A JWT (RFC 9068): send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// The lifetime of the access token in seconds.
    #[schema(minimum = 0)]
    expires_in: i64,
    /// An opaque token, to be used once at `/api/auth/refresh`.
    refresh_token: String,
    /// The granted scopes, if any.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    scope: String,
}

impl From<Tokens> for TokenBody {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token.reveal(),
            scope: tokens.scope,
        }
    }
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Refresh)]
pub struct RefreshBody {
    #[schema(value_type = String, example = "csr_…")]
    refresh_token: SecretString,
}

impl RefreshBody {
    /// Returns the token, if the text is a valid one.
    pub fn token(&self) -> Option<RefreshToken> {
        self.refresh_token.expose_secret().parse().ok()
    }
}

/// A session of the account.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    id: SessionId,
    /// The device (its `User-Agent`).
    device: Option<String>,
    /// The IP address it was created from.
    address: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The last sign-in or refresh; of a browser's session, to the day.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the session of this request.
    current: bool,
}

impl SessionBody {
    /// Creates the body of a session, for a request of the session `asking`.
    pub fn seen_by(asking: SessionId, session: Session) -> Self {
        Self {
            id: session.id,
            device: session.user_agent,
            address: session.address,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            current: session.id == asking,
        }
    }
}
