//! The request and response bodies of sessions and tokens.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refresh_token::RefreshToken;
use super::service::Tokens;
use super::store::Session;
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;

/// Tokens, in the format of RFC 6749 §5.1.
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
    /// The last sign-in or refresh. For a browser's session, only the day is exact.
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

/// A client's access to the account.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedGrant)]
pub struct GrantBody {
    id: SessionId,
    /// The client's id.
    client_id: String,
    /// The scopes that were granted.
    scopes: Vec<String>,
    /// The APIs that they were granted for.
    resources: Vec<String>,
    /// The device (its `User-Agent`) and IP address from which the user granted it.
    device: Option<String>,
    address: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The last time that the client got tokens.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<Session> for GrantBody {
    fn from(grant: Session) -> Self {
        let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect();
        Self {
            id: grant.id,
            scopes: words(&grant.scope),
            resources: words(grant.resources.as_deref().unwrap_or_default()),
            client_id: grant.client_id,
            device: grant.user_agent,
            address: grant.address,
            created_at: grant.created_at,
            last_used_at: grant.last_seen_at,
            expires_at: grant.expires_at,
        }
    }
}
