//! Compares `guard.verify`, for cached and for new tokens, with the bare signature check and with the `jsonwebtoken`
//! crate: `cargo bench -p countersign-guard`. The issuer is real and local, and its status list is followed.
//!
//! Prints microseconds per token (the fastest of many short rounds that alternate, so that other work on the machine
//! weighs little) and ratios to the bare check of aws-lc-rs.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it prints what it measured, and serves for itself alone"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use axum::Router;
use axum::http::header::ETAG;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_guard::{AccessTokenClaims, Guard};
use countersign_jose::{RequiredClaims, SigningKey, StatusList, StatusListClaims, StatusReference, Subject, TokenType};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, get_current_timestamp};
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;

const ROUNDS: usize = 301;
const TOKENS_PER_ROUND: u32 = 50;
const ISSUER: &str = "https://auth.example.com";
const LIST: &str = "https://auth.example.com/oauth2/status-lists/1";

fn main() {
    let runtime = Runtime::new().expect("there are threads");
    let now = i64::try_from(get_current_timestamp()).expect("the epoch is not that long ago");
    let key = SigningKey::generate().expect("the system has randomness");
    let base = runtime.block_on(serve(&key, now));
    let build = |cache| Guard::discover(ISSUER).base_url(&base).cache_size(cache).build();
    let cached = runtime.block_on(build(10_000)).expect("the options are right");
    let uncached = runtime.block_on(build(0)).expect("the options are right");
    let token = key.sign(TokenType::ACCESS_TOKEN, &claims(now)).expect("it signs");
    println!("a token of {} bytes", token.len());

    let (signed, signature) = token.rsplit_once('.').expect("a token has dots");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("it is base64url");
    let point = point(&key);
    let bare_key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).expect("it is a key");
    let their_key = DecodingKey::from_ec_pem(key.verifying_key().to_spki_pem().as_bytes()).expect("it is a key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);

    let verify = |guard: &Guard| drop(black_box(runtime.block_on(guard.verify(&token)).expect("it is good")));
    let mut bare = || black_box(bare_key.verify_sig(signed.as_bytes(), &signature)).expect("it is good");
    let mut theirs = || {
        drop(black_box(
            decode::<TheirClaims>(&token, &their_key, &validation).expect("it is good"),
        ));
    };
    let mut not_cached = || verify(&uncached);
    let mut in_cache = || verify(&cached);
    let times = fastest([&mut bare, &mut theirs, &mut not_cached, &mut in_cache]);
    for (name, time) in [
        "aws-lc-rs, the signature alone",
        "jsonwebtoken",
        "guard, not cached",
        "guard, cached",
    ]
    .iter()
    .zip(times)
    {
        println!("{name:31} {time:8.3} µs   {:6.3} of the bare check", time / times[0]);
    }
}

/// What an issuer publishes. It does not hold requests, so the list is requested every few seconds.
async fn serve(key: &SigningKey, now: i64) -> String {
    let list = StatusListClaims {
        iss: ISSUER.to_owned(),
        sub: LIST.to_owned(),
        iat: now,
        exp: now + 3600,
        ttl: 30,
        version: 1,
        status_list: StatusList::with_capacity(1 << 17).expect("it is not that large"),
    };
    let list = key.sign(TokenType::STATUS_LIST, &list).expect("it signs");
    let keys = json!({ "keys": [key.verifying_key().to_jwk()] }).to_string();
    let metadata = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") }).to_string();
    let app = Router::new()
        .route("/.well-known/oauth-authorization-server", get(async || metadata))
        .route("/jwks", get(async || keys))
        .route("/oauth2/status-lists/1", get(async || ([(ETAG, "\"1\"")], list)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("there are ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async { axum::serve(listener, app).await });
    format!("http://{address}")
}

fn claims(now: i64) -> AccessTokenClaims {
    let mut claims = AccessTokenClaims::from(RequiredClaims {
        iss: ISSUER.to_owned(),
        sub: Subject::Account(Uuid::from_u128(1)),
        aud: vec![ISSUER.to_owned()].into(),
        exp: now + 1_296_000,
        iat: now,
        jti: Uuid::from_u128(2),
        client_id: "countersign".to_owned(),
    });
    claims.sid = Some(Uuid::from_u128(3));
    claims.scope = Some("products:read products:write".to_owned());
    claims.auth_time = Some(now);
    claims.amr = Some(vec!["pwd".to_owned()]);
    claims.status = Some(StatusReference::new(4711, LIST));
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

/// `04 ‖ x ‖ y`.
fn point(key: &SigningKey) -> Vec<u8> {
    let jwk = key.verifying_key().to_jwk();
    let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("it is base64url");
    [vec![4], coordinate(&jwk.x), coordinate(&jwk.y)].concat()
}

/// Rounds alternate, so that a machine that slows down affects all of them equally.
fn fastest(mut all: [&mut dyn FnMut(); 4]) -> [f64; 4] {
    let mut best = [f64::MAX; 4];
    for _ in 0..ROUNDS {
        for (work, best) in all.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..TOKENS_PER_ROUND {
                work();
            }
            *best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(TOKENS_PER_ROUND));
        }
    }
    best
}
