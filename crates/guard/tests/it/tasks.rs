//! Background tasks end with the last guard.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::issuer::{Issuer, NOW, says, until};

#[tokio::test]
async fn nothing_is_asked_for_when_the_last_guard_is_gone() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let clone = guard.clone();
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
    let held = || issuer.books.held.load(Ordering::SeqCst);
    until("a request is held", async || held() == 1).await;
    drop(guard);
    // The clone still needs them.
    issuer.revoke(5);
    until("the clone hears of it", async || {
        says(&clone, &issuer.token(5)).await == "ended"
    })
    .await;
    until("a request is held again", async || held() == 1).await;
    drop(clone);
    until("no request is held", async || held() == 0).await;
    let asked = issuer.asked("");
    issuer.revoke(6);
    // A new guard starts fresh; nothing remains of the old one.
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(6)).await, "ended");
    until("the new one is held", async || held() == 1).await;
    assert_eq!(
        issuer.asked("") - asked,
        4,
        "metadata, keys, the list, and the request that is held"
    );
}

/// A guard in a router is dropped with the router.
#[tokio::test]
async fn a_router_takes_its_guard_with_it() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
    let held = || issuer.books.held.load(Ordering::SeqCst);
    let app: axum::Router = axum::Router::new().layer(guard.layer());
    drop(guard);
    until("a request is held", async || held() == 1).await;
    drop(app);
    until("no request is held", async || held() == 0).await;
}

/// Tasks hold the clock; once nothing holds it, no task is running.
#[tokio::test]
async fn nothing_is_left_of_a_guard_that_is_gone() {
    let issuer = Issuer::start().await;
    let witness = Arc::new(());
    let clock = Arc::clone(&witness);
    let guard = issuer
        .guard()
        .clock(move || NOW + i64::from(Arc::strong_count(&clock) == 0))
        .build()
        .await
        .unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
    assert_eq!(Arc::strong_count(&witness), 2);
    drop(guard);
    until("nothing holds the clock", async || Arc::strong_count(&witness) == 1).await;
}
