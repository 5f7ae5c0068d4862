//! Compares signing and verifying an access token with the `jsonwebtoken` crate on the same machine at the same time:

#![expect(clippy::print_stdout, reason = "it prints what it measured")]
//! `cargo bench -p countersign-jose`. Prints microseconds per token (the fastest of many short
//! rounds that alternate, so that other work on the machine weighs little) and the ratio.

use std::hint::black_box;
use std::time::Instant;

use countersign_jose::{
    AccessTokenClaims, AccessTokenExpectation, Present, RequiredClaims, SigningKey, StatusReference, Subject,
    TokenType, verify,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp};
use serde::Deserialize;
use uuid::Uuid;

const ROUNDS: usize = 401;
const TOKENS_PER_ROUND: u32 = 50;

fn main() {
    let issuer = "https://id.example.com";
    let audience = [issuer.to_owned()];
    let now = i64::try_from(get_current_timestamp()).expect("the epoch is not that long ago");
    let key = SigningKey::generate().expect("the system has randomness");
    let claims = claims(issuer, now);

    let pem = key.to_pkcs8_pem().expect("a key can be written");
    let their_key = EncodingKey::from_ec_pem(pem.as_bytes()).expect("the key is a key");
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(key.kid().to_owned());
    header.typ = Some("at+jwt".to_owned());
    compare(
        "sign",
        || drop(black_box(key.sign(TokenType::ACCESS_TOKEN, &claims).expect("it signs"))),
        || drop(black_box(encode(&header, &claims, &their_key).expect("it signs"))),
    );

    let token = key.sign(TokenType::ACCESS_TOKEN, &claims).expect("it signs");
    let expect = AccessTokenExpectation {
        issuer,
        audience: &audience,
        present: Present { now, leeway: 0 },
    };
    let public = key.verifying_key();
    let their_public = DecodingKey::from_ec_pem(public.to_spki_pem().as_bytes()).expect("the key is a key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&audience);
    compare(
        "verify",
        || {
            drop(black_box(
                verify::<AccessTokenClaims>(&token, |_| Some(public.clone()), &expect).expect("it is good"),
            ));
        },
        || {
            drop(black_box(
                decode::<TheirClaims>(&token, &their_public, &validation).expect("it is good"),
            ));
        },
    );

    let signed = token.rsplit_once('.').expect("a token has dots").0.as_bytes();
    let signature = raw_signature(&token);
    let bare = fastest(
        || black_box(public.verify(signed, &signature)).expect("it is good"),
        || (),
    )
    .0;
    println!("verify, the signature alone: {bare:.2} µs");
}

fn claims(issuer: &str, now: i64) -> AccessTokenClaims {
    let mut claims = AccessTokenClaims::from(RequiredClaims {
        iss: issuer.to_owned(),
        sub: Subject::Account(Uuid::from_u128(1)),
        aud: vec![issuer.to_owned()].into(),
        exp: now + 1_296_000,
        iat: now,
        jti: Uuid::from_u128(2),
        client_id: "countersign".to_owned(),
    });
    claims.sid = Some(Uuid::from_u128(3));
    claims.scope = Some("products:read products:write".to_owned());
    claims.auth_time = Some(now);
    claims.amr = Some(vec!["pwd".to_owned()]);
    claims.status = Some(StatusReference::new(
        4711,
        "https://id.example.com/oauth2/status-lists/1",
    ));
    claims
}

/// The same claims, as `jsonwebtoken` reads them.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what it costs to read them is measured")]
struct TheirClaims {
    iss: String,
    sub: Uuid,
    aud: String,
    exp: i64,
    iat: i64,
    jti: Uuid,
    client_id: String,
    sid: Uuid,
    scope: String,
    auth_time: i64,
    amr: Vec<String>,
    status: serde_json::Value,
}

fn raw_signature(token: &str) -> Vec<u8> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = token.rsplit_once('.').expect("a token has dots").1;
    URL_SAFE_NO_PAD.decode(text).expect("it is base64url")
}

fn compare(name: &str, ours: impl FnMut(), theirs: impl FnMut()) {
    let (ours, theirs) = fastest(ours, theirs);
    println!(
        "{name}: {ours:.2} µs; jsonwebtoken {theirs:.2} µs; ratio {:.2}",
        theirs / ours
    );
}

/// Rounds of the two alternate, so that a machine that slows down affects both equally.
fn fastest(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64) {
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        best = (best.0.min(round(&mut ours)), best.1.min(round(&mut theirs)));
    }
    best
}

fn round(work: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..TOKENS_PER_ROUND {
        work();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(TOKENS_PER_ROUND)
}
