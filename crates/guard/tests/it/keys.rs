//! Keys: how they are found and when they are fetched, also if the issuer hangs, lies or stops.

use std::sync::Arc;

use axum::http::StatusCode;
use countersign_jose::{SigningKey, TokenType};
use futures_util::future::join_all;
use serde_json::json;

use crate::issuer::{Instead, Issuer, says, until};

const JWKS: &str = "/jwks";

/// A token with an unknown `kid`.
fn unknown(issuer: &Issuer, idx: u64) -> String {
    let stranger = SigningKey::generate().unwrap();
    stranger.sign(TokenType::ACCESS_TOKEN, &issuer.claims(idx)).unwrap()
}

fn say(body: impl Into<Vec<u8>>) -> Instead {
    Instead::Say(StatusCode::OK, "content-type: application/json", body.into())
}

/// Wrong responses instead of the keys, each with its path.
fn lies(issuer: &Issuer) -> Vec<(&'static str, &'static str, Instead)> {
    let rsa = json!({ "keys": [{ "kty": "RSA", "kid": "1", "e": "AQAB", "n": "AQAB" }] });
    let okp = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwUrYEdnWaE" }] });
    let off_curve = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43) }] });
    let right = issuer.books.keys.lock().unwrap()[0].verifying_key().to_jwk();
    let large = json!({ "keys": [right], "padding": "x".repeat(10 << 20) }).to_string();
    // Its keys are the right ones, so that only its name is wrong.
    let of_another = json!({ "issuer": "https://evil.example.com", "jwks_uri": format!("{}/jwks", issuer.name) });
    let metadata = "/.well-known";
    vec![
        ("an RSA key", JWKS, say(rsa.to_string())),
        ("an OKP key", JWKS, say(okp.to_string())),
        ("a point that is not on the curve", JWKS, say(off_curve.to_string())),
        ("no keys", JWKS, say(r#"{"keys":[]}"#)),
        ("no set", JWKS, say("[]")),
        ("HTML", JWKS, say("<html><body>Sign in</body></html>")),
        ("nothing", JWKS, say("")),
        ("ten megabytes with the right key in them", JWKS, say(large)),
        ("not found", JWKS, Instead::Say(StatusCode::NOT_FOUND, "", Vec::new())),
        (
            "a failure",
            JWKS,
            Instead::Say(StatusCode::INTERNAL_SERVER_ERROR, "", Vec::new()),
        ),
        (
            "a redirect",
            JWKS,
            Instead::Say(StatusCode::FOUND, "location: /elsewhere", Vec::new()),
        ),
        (
            "metadata that redirect",
            metadata,
            Instead::Say(StatusCode::TEMPORARY_REDIRECT, "location: /elsewhere", Vec::new()),
        ),
        ("metadata of another issuer", metadata, say(of_another.to_string())),
        ("metadata in HTML", metadata, say("<html></html>")),
        ("metadata of ten megabytes", metadata, say(" ".repeat(10 << 20))),
    ]
}

#[tokio::test]
async fn keys_are_discovered_and_asked_for_once() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let verified = guard.verify(&issuer.token(7)).await.unwrap();
    assert_eq!(*verified.subject(), issuer.claims(7).sub);
    assert!(verified.scopes().contains("products:read"));
    for idx in 0..100 {
        assert_eq!(says(&guard, &issuer.token(idx)).await, "valid");
    }
    assert_eq!((issuer.asked("/.well-known"), issuer.asked(JWKS)), (1, 1));
}

#[tokio::test]
async fn c_6_a_thousand_unknown_kids_cause_one_fetch() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let tokens: Vec<_> = (0..1000).map(|idx| unknown(&issuer, idx)).collect();
    // All at the same time, then all again one after the other.
    let said = join_all(tokens.iter().map(|token| says(&guard, token))).await;
    assert_eq!(said, ["unknown_key"; 1000]);
    for token in &tokens {
        assert_eq!(says(&guard, token).await, "unknown_key");
    }
    assert_eq!(issuer.asked(JWKS), 2, "one at the start, one for all of them");
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
}

#[tokio::test]
async fn without_a_cooldown_each_unknown_kid_is_looked_for() {
    let issuer = Issuer::start().await;
    let guard = issuer
        .guard()
        .unknown_key_cooldown(std::time::Duration::ZERO)
        .build()
        .await
        .unwrap();
    for idx in 0..3 {
        assert_eq!(says(&guard, &unknown(&issuer, idx)).await, "unknown_key");
    }
    assert_eq!(issuer.asked(JWKS), 4);
}

#[tokio::test]
async fn a_key_that_is_new_is_found_with_its_first_token() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let old = issuer.token(1);
    issuer
        .books
        .keys
        .lock()
        .unwrap()
        .insert(0, SigningKey::generate().unwrap());
    let new = issuer.token(2);
    assert_eq!((says(&guard, &new).await, says(&guard, &old).await), ("valid", "valid"));
    assert_eq!(issuer.asked(JWKS), 2);
}

/// Requests that arrive during the fetch are not rejected.
#[tokio::test]
async fn a_key_that_is_new_is_fetched_once_for_all_its_tokens() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    issuer
        .books
        .keys
        .lock()
        .unwrap()
        .insert(0, SigningKey::generate().unwrap());
    let tokens: Vec<_> = (0..200).map(|idx| issuer.token(idx)).collect();
    let said = join_all(tokens.iter().map(|token| says(&guard, token))).await;
    assert_eq!(said, ["valid"; 200]);
    assert_eq!(issuer.asked(JWKS), 2);
}

#[tokio::test]
async fn a_list_that_a_new_key_signed_has_the_key_fetched() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let token = issuer.token(1);
    issuer
        .books
        .keys
        .lock()
        .unwrap()
        .insert(0, SigningKey::generate().unwrap());
    assert_eq!(says(&guard, &token).await, "valid");
    assert_eq!((issuer.asked(JWKS), issuer.asked("/oauth2")), (2, 1));
}

/// Also from the cache: an entry is removed with its key.
#[tokio::test]
async fn a_key_that_leaves_the_set_verifies_no_more() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let old = issuer.token(1);
    assert_eq!(says(&guard, &old).await, "valid");
    *issuer.books.keys.lock().unwrap() = vec![SigningKey::generate().unwrap()];
    assert_eq!(says(&guard, &old).await, "valid");
    // The token of the new key causes the keys to be fetched.
    assert_eq!(says(&guard, &issuer.token(2)).await, "valid");
    assert_eq!(says(&guard, &old).await, "unknown_key");
}

#[tokio::test]
async fn a_88_an_issuer_with_invalid_metadata_is_unavailable_until_it_is_corrected() {
    let lies_of_one = lies(&Issuer::start().await).len();
    for number in 0..lies_of_one {
        let issuer = Issuer::start().await;
        let (lie, path, instead) = lies(&issuer).swap_remove(number);
        issuer.answer(path, instead);
        let guard = issuer.guard().build().await.unwrap();
        assert_eq!(says(&guard, &issuer.token(1)).await, "unavailable", "{lie}");
        assert_eq!(issuer.asked("/elsewhere"), 0, "{lie}");
        issuer.answer_rightly();
        until(lie, async || says(&guard, &issuer.token(1)).await == "valid").await;
    }
}

#[tokio::test]
async fn an_issuer_that_begins_to_lie_changes_nothing() {
    let issuer = Issuer::start().await;
    for (lie, path, instead) in lies(&issuer).into_iter().filter(|(_, path, _)| *path == JWKS) {
        issuer.answer_rightly();
        let guard = issuer.guard().build().await.unwrap();
        let asked = issuer.asked(JWKS);
        issuer.answer(path, instead);
        assert_eq!(says(&guard, &unknown(&issuer, 1)).await, "unknown_key", "{lie}");
        assert!(issuer.asked(JWKS) > asked, "{lie}");
        assert_eq!(says(&guard, &issuer.token(1)).await, "valid", "{lie}");
        assert_eq!(issuer.asked("/elsewhere"), 0, "{lie}");
    }
}

/// Waiting for an unknown key does not delay requests with valid tokens.
#[tokio::test]
async fn an_issuer_that_hangs_does_not_delay_tokens_of_known_keys() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
    issuer.answer(JWKS, Instead::Hang);
    let (asking, token) = (guard.clone(), unknown(&issuer, 1));
    let asking = tokio::spawn(async move { says(&asking, &token).await });
    until("the set is asked for", async || issuer.asked(JWKS) == 2).await;
    for idx in 0..100 {
        assert_eq!(says(&guard, &issuer.token(idx)).await, "valid");
    }
    assert!(!asking.is_finished());
    assert_eq!(asking.await.unwrap(), "unknown_key");
}

#[tokio::test]
async fn an_issuer_that_hangs_from_the_start_is_unavailable() {
    let issuer = Arc::new(Issuer::start().await);
    issuer.answer(JWKS, Instead::Hang);
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "unavailable");
    issuer.answer_rightly();
    until("it answers", async || says(&guard, &issuer.token(1)).await == "valid").await;
}

#[tokio::test]
async fn an_issuer_that_never_ends_its_answer_is_unavailable_until_it_does() {
    let issuer = Issuer::start().await;
    issuer.answer(JWKS, Instead::Stall);
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "unavailable");
    issuer.answer_rightly();
    until("it answers", async || says(&guard, &issuer.token(1)).await == "valid").await;
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_unavailable_until_it_comes() {
    let issuer = Issuer::start().await;
    issuer.die().await;
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "unavailable");
    issuer.come_back().await;
    until("it comes", async || says(&guard, &issuer.token(1)).await == "valid").await;
}

#[tokio::test]
async fn an_issuer_that_stops_does_not_affect_known_keys() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    issuer.revoke(5);
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
    issuer.die().await;
    for idx in 10..100 {
        assert_eq!(says(&guard, &issuer.token(idx)).await, "valid");
    }
    assert_eq!(says(&guard, &issuer.token(5)).await, "ended");
    assert_eq!(says(&guard, &unknown(&issuer, 1)).await, "unknown_key");
}
