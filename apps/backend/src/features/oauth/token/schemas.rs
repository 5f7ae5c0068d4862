//! The request and response bodies of the token, revocation and introspection endpoints.

use serde::Serialize;
use utoipa::ToSchema;

use super::service::{Introspected, IssuedTokens};

/// A request for tokens (RFC 6749 §4). The specification of each grant type defines the parameters that it needs. A
/// confidential client authenticates with `Authorization: Basic` or with `client_id` and `client_secret`; a public one
/// sends its `client_id`.
#[derive(ToSchema)]
#[schema(as = TokenRequest)]
#[expect(
    dead_code,
    reason = "documents the form, which is read by the names of its parameters"
)]
pub struct TokenForm {
    /// `authorization_code`, `refresh_token`, `client_credentials` or `urn:ietf:params:oauth:grant-type:device_code`.
    #[schema(example = "authorization_code")]
    grant_type: String,
    #[schema(example = "grafana")]
    client_id: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<String>,
    /// The authorization code of the redirect.
    #[schema(example = "csa_…")]
    code: Option<String>,
    /// The redirect URI of the authorization request.
    #[schema(example = "https://grafana.example.com/login/generic_oauth")]
    redirect_uri: Option<String>,
    /// The secret of the `code_challenge` in the authorization request (RFC 7636).
    code_verifier: Option<String>,
    /// The refresh token of the last response.
    #[schema(example = "csg_…")]
    refresh_token: Option<String>,
    /// The device code (RFC 8628).
    #[schema(example = "csv_…")]
    device_code: Option<String>,
    /// The requested scopes, separated by spaces. In a refresh, they narrow only this access token.
    #[schema(example = "orders:read")]
    scope: Option<String>,
    /// The API that the access token is for (RFC 8707).
    #[schema(example = "https://api.example.com")]
    resource: Option<String>,
}

/// Tokens (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Serialize, ToSchema)]
#[schema(as = OauthTokens)]
pub struct TokenBody {
    /// A JWT (RFC 9068) for one API: send it as `Authorization: Bearer …`.
    #[schema(example = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIs…")]
    pub(super) access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub(super) token_type: &'static str,
    /// The lifetime of the access token in seconds.
    #[schema(minimum = 0, example = 600)]
    pub(super) expires_in: i64,
    /// The next refresh token, if the client uses them. It replaces the one that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "csg_…")]
    pub(super) refresh_token: Option<String>,
    /// The ID token, if the scope `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIs…")]
    pub(super) id_token: Option<String>,
    /// The scopes of the access token, separated by spaces, if any.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "openid orders:read")]
    pub(super) scope: String,
}

/// A token to be revoked or introspected. The client authenticates as at the token endpoint.
#[derive(ToSchema)]
#[schema(as = TokenQuery)]
#[expect(
    dead_code,
    reason = "documents the form, which is read by the names of its parameters"
)]
pub struct QueryForm {
    /// An access token, or a refresh token of this client.
    #[schema(example = "csg_…")]
    token: String,
    /// Ignored, because the type is recognized from the token.
    token_type_hint: Option<String>,
    #[schema(example = "grafana")]
    client_id: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<String>,
}

/// The state of a token (RFC 7662 §2.2). If the token is not valid, or the client may not know about it, only `active` is
/// present.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Introspection)]
pub struct IntrospectionBody {
    /// Whether the token is valid at this moment, and the client may know about it.
    #[schema(example = true)]
    pub(super) active: bool,
    /// The scopes, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "openid orders:read")]
    pub(super) scope: Option<String>,
    /// The client that the token was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "grafana")]
    pub(super) client_id: Option<String>,
    /// `Bearer`, for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Bearer")]
    pub(super) token_type: Option<&'static str>,
    /// When it expires, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) exp: Option<i64>,
    /// When it was issued, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) iat: Option<i64>,
    /// The id of the account; for a token without a user, that of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) sub: Option<String>,
    /// The APIs that the token is for: a string if there is one, otherwise an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, example = "https://api.example.com")]
    pub(super) aud: Option<countersign_jose::Audience>,
    /// The issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://auth.example.com")]
    pub(super) iss: Option<String>,
    /// The id of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) jti: Option<uuid::Uuid>,
    /// The session or grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) sid: Option<uuid::Uuid>,
    /// When the user signed in, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) auth_time: Option<i64>,
    /// The authentication context class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "aal1")]
    pub(super) acr: Option<String>,
    /// How the user signed in (RFC 8176).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Vec<String>>, example = json!(["pwd"]))]
    pub(super) amr: Option<Vec<String>>,
}

impl From<IssuedTokens> for TokenBody {
    fn from(issued: IssuedTokens) -> Self {
        Self {
            access_token: issued.access_token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token: issued.refresh_token,
            id_token: issued.id_token,
            scope: issued.scope,
        }
    }
}

impl From<Option<Introspected>> for IntrospectionBody {
    fn from(seen: Option<Introspected>) -> Self {
        let claims = match seen {
            None => return Self::default(),
            Some(Introspected::Access(claims)) => claims,
            Some(Introspected::Refresh {
                issuer,
                session,
                expires_at,
            }) => {
                return Self {
                    active: true,
                    scope: Some(session.scope).filter(|scope| !scope.is_empty()),
                    client_id: Some(session.client_id),
                    exp: Some(expires_at.seconds()),
                    iss: Some(issuer),
                    sub: Some(session.account_id.to_string()),
                    sid: Some(session.id.0),
                    ..Self::default()
                };
            }
        };
        Self {
            active: true,
            scope: claims.scope,
            client_id: Some(claims.client_id),
            token_type: Some("Bearer"),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            sub: Some(claims.sub.to_string()),
            aud: Some(claims.aud),
            iss: Some(claims.iss),
            jti: Some(claims.jti),
            sid: claims.sid,
            auth_time: claims.auth_time,
            acr: claims.acr,
            amr: claims.amr,
        }
    }
}
