//! The claims of an ID token (OpenID Connect Core §2): a pure function of the grant, the client, the user and the time.

use std::time::Duration;

use countersign_jose::{IdTokenClaims, UserClaims};
use serde_json::{Map, Value};

use crate::core::clock::Timestamp;
use crate::features::oauth::clients::Client;
use crate::features::sign_in::sessions::{Session, acr};

/// What an ID token says, and what it is issued with.
pub(super) struct IdTokenOf<'a> {
    pub(super) issuer: &'a str,
    pub(super) session: &'a Session,
    pub(super) client: &'a Client,
    /// The claims about the user.
    pub(super) user: Map<String, Value>,
    pub(super) nonce: Option<&'a str>,
    /// Of the access token of the same response.
    pub(super) at_hash: String,
    pub(super) now: Timestamp,
    pub(super) ttl: Duration,
}

/// Returns the claims. At a refresh, `iss`, `sub`, `aud`, `auth_time`, `acr`, `amr` and `sid` are the same as at first, because
/// the grant keeps them (OpenID Connect Core §12.2).
pub(super) fn claims(of: IdTokenOf<'_>) -> IdTokenClaims {
    let session = of.session;
    IdTokenClaims {
        iss: of.issuer.to_owned(),
        sub: session.account_id.0,
        aud: of.client.client_id.clone(),
        exp: (of.now + of.ttl).seconds(),
        iat: of.now.seconds(),
        auth_time: session.auth_time.seconds(),
        nonce: of.nonce.map(str::to_owned),
        acr: Some(acr(&session.amr).name().to_owned()),
        amr: session.amr.split_ascii_whitespace().map(str::to_owned).collect(),
        sid: session.id.0,
        at_hash: Some(of.at_hash),
        user: UserClaims::from(of.user),
    }
}
