//! What each policy does if a list is unavailable.

use axum::http::StatusCode;
use countersign_guard::{Guard, WhenStale};

use crate::issuer::{Instead, Issuer, says};

/// A guard with a list in which index 5 is revoked, and whose issuer is down.
async fn bereft(policy: WhenStale) -> (Issuer, Guard) {
    let issuer = Issuer::start().await;
    issuer.revoke(5);
    let guard = issuer.guard().when_stale(policy).build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
    issuer.die().await;
    (issuer, guard)
}

/// A guard that never received a list.
async fn without_list(policy: WhenStale) -> (Issuer, Guard) {
    let issuer = Issuer::start().await;
    issuer.answer(
        "/oauth2",
        Instead::Say(StatusCode::INTERNAL_SERVER_ERROR, "", Vec::new()),
    );
    let guard = issuer.guard().when_stale(policy).build().await.unwrap();
    (issuer, guard)
}

#[tokio::test]
async fn by_default_a_list_serves_until_its_exp() {
    let (issuer, guard) = bereft(WhenStale::default()).await;
    issuer.pass(3600 + 29);
    assert_eq!(
        (
            says(&guard, &issuer.token(1)).await,
            says(&guard, &issuer.token(5)).await
        ),
        ("valid", "ended")
    );
    issuer.pass(1);
    // Not 401, because the token is not at fault. Revoked tokens stay revoked.
    assert_eq!(
        (
            says(&guard, &issuer.token(1)).await,
            says(&guard, &issuer.token(5)).await
        ),
        ("unavailable", "ended")
    );
    issuer.come_back().await;
    crate::issuer::until("it comes back", async || {
        says(&guard, &issuer.token(1)).await == "valid"
    })
    .await;
}

#[tokio::test]
async fn fail_open_accepts_tokens_that_are_not_known_to_be_revoked() {
    let (issuer, guard) = bereft(WhenStale::FailOpen).await;
    issuer.pass(1_000_000);
    assert_eq!(
        (
            says(&guard, &issuer.token(1)).await,
            says(&guard, &issuer.token(5)).await
        ),
        ("valid", "ended")
    );
    let (issuer, guard) = without_list(WhenStale::FailOpen).await;
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
}

/// A unit test with a controlled clock covers that it also stops before `exp`.
#[tokio::test]
async fn fail_closed_refuses_all_tokens_without_a_valid_list() {
    let (issuer, guard) = bereft(WhenStale::FailClosed).await;
    assert_eq!(
        (
            says(&guard, &issuer.token(1)).await,
            says(&guard, &issuer.token(5)).await
        ),
        ("valid", "ended")
    );
    issuer.pass(3600 + 30);
    assert_eq!(
        (
            says(&guard, &issuer.token(1)).await,
            says(&guard, &issuer.token(5)).await
        ),
        ("unavailable", "ended")
    );
}

#[tokio::test]
async fn without_any_list_the_other_policies_refuse_all_tokens() {
    for policy in [WhenStale::ServeUntilExpiry, WhenStale::FailClosed] {
        let (issuer, guard) = without_list(policy).await;
        assert_eq!(says(&guard, &issuer.token(1)).await, "unavailable", "{policy:?}");
        issuer.answer_rightly();
        crate::issuer::until("it is there", async || says(&guard, &issuer.token(1)).await == "valid").await;
    }
}

/// Accepting a token with unknown status does not mean accepting an unverified token.
#[tokio::test]
async fn fail_open_still_needs_keys() {
    let issuer = Issuer::start().await;
    issuer.die().await;
    let guard = issuer.guard().when_stale(WhenStale::FailOpen).build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "unavailable");
}
