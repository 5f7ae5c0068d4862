//! Signed answers of the userinfo endpoint (OpenID Connect Core §5.3.2).

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::id_token::UserClaims;

/// The claims of a signed answer of the userinfo endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserInfoClaims {
    /// The issuer.
    pub iss: String,
    /// The account.
    pub sub: Uuid,
    /// The client that the answer is for.
    pub aud: String,
    /// What the answer says about the user.
    #[serde(flatten)]
    user: UserClaims,
}

impl UserInfoClaims {
    /// Creates the claims of an answer. Claims in `user` that the protocol defines are dropped.
    pub fn new(iss: impl Into<String>, sub: Uuid, aud: impl Into<String>, user: Map<String, Value>) -> Self {
        Self {
            iss: iss.into(),
            sub,
            aud: aud.into(),
            user: user.into(),
        }
    }
}
