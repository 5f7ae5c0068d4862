//! A valid token and its expectations.

use countersign_jose::{
    AccessTokenClaims, AccessTokenExpectation, Present, RequiredClaims, SigningKey, StatusReference, Subject,
    TokenError, TokenType, verify,
};
use uuid::Uuid;

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn claims(now: i64) -> AccessTokenClaims {
    let mut claims = AccessTokenClaims::from(RequiredClaims {
        iss: ISSUER.to_owned(),
        sub: Subject::Account(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001)),
        aud: vec![AUDIENCE.to_owned()].into(),
        exp: now + 1_296_000,
        iat: now,
        jti: Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0002),
        client_id: "countersign".to_owned(),
    });
    claims.sid = Some(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0003));
    claims.scope = Some("products:read products:write".to_owned());
    claims.auth_time = Some(now);
    claims.amr = Some(vec!["pwd".to_owned()]);
    claims.status = Some(StatusReference::new(
        4711,
        "https://id.example.com/oauth2/status-lists/1",
    ));
    claims
}

pub(crate) fn token(key: &SigningKey, claims: &AccessTokenClaims) -> String {
    key.sign(TokenType::ACCESS_TOKEN, claims).unwrap()
}

/// Verifies with one key at a given time.
pub(crate) fn judge(key: &SigningKey, token: &str, now: i64) -> Result<AccessTokenClaims, TokenError> {
    let audience = [AUDIENCE.to_owned()];
    let expect = AccessTokenExpectation {
        issuer: ISSUER,
        audience: &audience,
        present: Present { now, leeway: 0 },
    };
    let public = key.verifying_key();
    verify::<AccessTokenClaims>(token, |kid| (kid == public.kid()).then(|| public.clone()), &expect)
}
