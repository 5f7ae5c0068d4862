//! Each option of the builder.

use std::time::Duration;

use countersign_guard::{BuildError, Guard, Reason, StatusFault};

use crate::issuer::{Issuer, NOW, says, until};

#[tokio::test]
async fn a_base_url_stands_for_the_issuer() {
    let issuer = Issuer::named(Some("https://auth.example.com")).await;
    let guard = issuer.guard().base_url(issuer.url()).build().await.unwrap();
    let token = issuer.token(7);
    assert_eq!(says(&guard, &token).await, "valid");
    assert_eq!((issuer.asked("/jwks"), issuer.asked("/oauth2")), (1, 1));
    // The base URL is where the issuer is reached, not its name.
    let forged = issuer.token_with(7, |claims| claims.iss = issuer.url());
    assert_eq!(says(&guard, &forged).await, "wrong_issuer");
    let elsewhere = issuer.token_with(7, |claims| {
        claims.status.as_mut().unwrap().uri = format!("{}/oauth2/status-lists/1", issuer.url());
    });
    assert_eq!(says(&guard, &elsewhere).await, "status");
    issuer.revoke(7);
    until("it is refused", async || says(&guard, &token).await == "ended").await;
}

#[tokio::test]
async fn a_token_must_be_for_one_of_the_audiences() {
    let issuer = Issuer::start().await;
    let to = |audience: &str| {
        let audience = vec!["https://z.example.com".to_owned(), audience.to_owned()];
        issuer.token_with(1, |claims| claims.aud = audience.into())
    };
    let guard = issuer
        .guard()
        .audience("https://a.example.com")
        .audience("https://b.example.com")
        .build()
        .await
        .unwrap();
    assert_eq!(says(&guard, &to("https://a.example.com")).await, "valid");
    assert_eq!(says(&guard, &to("https://b.example.com")).await, "valid");
    assert_eq!(says(&guard, &to(&issuer.name)).await, "wrong_audience");
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &to(&issuer.name)).await, "valid");
    assert_eq!(says(&guard, &to("https://a.example.com")).await, "wrong_audience");
}

#[tokio::test]
async fn a_leeway_is_what_clocks_may_differ_by() {
    let issuer = Issuer::start().await;
    let token = issuer.token_with(1, |claims| claims.exp = NOW + 10);
    let usual = issuer.guard().build().await.unwrap();
    let strict = issuer.guard().leeway(Duration::ZERO).build().await.unwrap();
    assert_eq!(
        (says(&usual, &token).await, says(&strict, &token).await),
        ("valid", "valid")
    );
    issuer.pass(10);
    // Both have cached the token; the cache does not extend its life.
    assert_eq!(
        (says(&usual, &token).await, says(&strict, &token).await),
        ("valid", "expired")
    );
    issuer.pass(30);
    assert_eq!(says(&usual, &token).await, "expired");
}

#[tokio::test]
async fn a_token_without_status_is_refused_unless_told_otherwise() {
    let issuer = Issuer::start().await;
    let token = issuer.token_with(1, |claims| claims.status = None);
    let denied = issuer.guard().build().await.unwrap().verify(&token).await.unwrap_err();
    assert!(
        matches!(denied.reason, Reason::Status(StatusFault::Missing)),
        "{denied:?}"
    );
    let guard = issuer.guard().require_status(false).build().await.unwrap();
    assert_eq!(says(&guard, &token).await, "valid");
    // If a token has a status, it is checked all the same.
    issuer.revoke(5);
    assert_eq!(says(&guard, &issuer.token(5)).await, "ended");
}

#[tokio::test]
async fn without_a_cache_all_is_as_with_one() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().cache_size(0).build().await.unwrap();
    let token = issuer.token(7);
    for _ in 0..3 {
        assert_eq!(says(&guard, &token).await, "valid");
    }
    issuer.revoke(7);
    until("it is refused", async || says(&guard, &token).await == "ended").await;
}

#[tokio::test]
async fn options_that_cannot_be_right_are_refused() {
    let build = async |issuer: &str| Guard::discover(issuer).build().await.err();
    assert_eq!(build("auth.example.com").await, Some(BuildError::Issuer));
    assert_eq!(build("https://auth.example.com/").await, Some(BuildError::Issuer));
    assert_eq!(build("http://auth.example.com").await, Some(BuildError::PlainHttp));
    let bad = Guard::discover("https://auth.example.com")
        .base_url("auth:8000")
        .build()
        .await;
    assert_eq!(bad.err(), Some(BuildError::BaseUrl));
}
