//! Status lists: one fetch for all tokens, immediate revocation, and invalid lists.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use countersign_guard::{Guard, Reason, StatusFault};
use countersign_jose::{MAX_STATUS_LIST_BYTES, SigningKey, StatusList, StatusReference, TokenType};
use futures_util::future::join_all;

use crate::issuer::{Instead, Issuer, says, until};

const LIST: &str = "/oauth2/status-lists/1";
const HELD: &str = "held:/oauth2/status-lists/1";

async fn held(issuer: &Issuer) {
    until("a request is held", async || {
        issuer.books.held.load(Ordering::SeqCst) == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_at_once_cause_one_fetch() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let token: Arc<str> = issuer.token(7).into();
    let asking = (0..10_000).map(|_| {
        let (guard, token) = (guard.clone(), Arc::clone(&token));
        tokio::spawn(async move { says(&guard, &token).await })
    });
    for said in join_all(asking.collect::<Vec<_>>()).await {
        assert_eq!(said.unwrap(), "valid");
    }
    assert_eq!(issuer.asked(LIST), 1);
    assert!(issuer.asked(HELD) <= 1);
}

#[tokio::test]
async fn a_revocation_arrives_by_the_request_that_is_held() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let (mine, yours) = (issuer.token(7), issuer.token(8));
    assert_eq!(
        (says(&guard, &mine).await, says(&guard, &yours).await),
        ("valid", "valid")
    );
    held(&issuer).await;
    issuer.revoke(7);
    until("it is refused", async || says(&guard, &mine).await == "ended").await;
    assert_eq!(says(&guard, &yours).await, "valid");
    assert_eq!(issuer.asked(LIST), 1, "it was not asked for anew");
    // The next request is held again, and returns the next revocation.
    held(&issuer).await;
    issuer.revoke(8);
    until("the other is refused", async || says(&guard, &yours).await == "ended").await;
    assert_eq!(issuer.asked(LIST), 1);
    assert!(issuer.asked(HELD) <= 3);
}

#[tokio::test]
async fn revocations_survive_a_restart_of_the_issuer() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let (gone, lives) = (issuer.token(7), issuer.token(8));
    assert_eq!(says(&guard, &gone).await, "valid");
    held(&issuer).await;
    issuer.revoke(7);
    until("it is refused", async || says(&guard, &gone).await == "ended").await;
    issuer.die().await;
    assert_eq!(
        (says(&guard, &gone).await, says(&guard, &lives).await),
        ("ended", "valid")
    );
    issuer.revoke(8);
    issuer.come_back().await;
    until("what came meanwhile arrives", async || {
        says(&guard, &lives).await == "ended"
    })
    .await;
    assert_eq!(says(&guard, &gone).await, "ended");
}

#[tokio::test]
async fn an_older_list_is_not_believed() {
    let issuer = Issuer::start().await;
    let old = issuer.signed_list(|_| ());
    // Older, although it expires later.
    let old_but_fresh = issuer.signed_list(|claims| claims.exp += 86_400);
    let guard = issuer.guard().build().await.unwrap();
    issuer.revoke(7);
    let token = issuer.token(7);
    assert_eq!(says(&guard, &token).await, "ended");
    for list in [old, old_but_fresh] {
        let asked = issuer.asked(HELD) + issuer.asked("changed");
        for path in [LIST, HELD, "changed"] {
            issuer.answer(path, Instead::Say(StatusCode::OK, "etag: \"0\"", list.clone().into()));
        }
        until("it was handed out", async || {
            issuer.asked(HELD) + issuer.asked("changed") > asked + 2
        })
        .await;
        assert_eq!(says(&guard, &token).await, "ended");
        issuer.answer_rightly();
    }
    assert_eq!(says(&guard, &issuer.token(8)).await, "valid");
}

/// The list may have been signed again meanwhile, in which case the outdated response expires sooner.
#[tokio::test]
async fn of_one_version_the_list_that_lives_longer_is_kept() {
    let issuer = Issuer::start().await;
    let overtaken = issuer.signed_list(|claims| claims.exp -= 1800);
    let guard = issuer.guard().build().await.unwrap();
    let token = issuer.token(7);
    assert_eq!(says(&guard, &token).await, "valid");
    held(&issuer).await;
    let asked = issuer.asked(HELD) + issuer.asked("changed");
    for path in [LIST, HELD, "changed"] {
        issuer.answer(
            path,
            Instead::Say(StatusCode::OK, "etag: \"0\"", overtaken.clone().into()),
        );
    }
    until("it was handed out", async || {
        issuer.asked(HELD) + issuer.asked("changed") > asked + 2
    })
    .await;
    issuer.pass(1800 + 60);
    assert_eq!(says(&guard, &token).await, "valid");
}

/// Nothing is requested, neither there nor from the issuer.
#[tokio::test]
async fn a_status_elsewhere_is_refused_unseen() {
    let (issuer, elsewhere) = (Issuer::start().await, Issuer::start().await);
    let guard = issuer.guard().build().await.unwrap();
    for uri in [
        elsewhere.list_uri(1),
        "http://127.0.0.1/l".to_owned(),
        "/oauth2/status-lists/1".to_owned(),
    ] {
        let token = issuer.token_with(1, |claims| claims.status = Some(StatusReference::new(1, uri)));
        let denied = guard.verify(&token).await.unwrap_err();
        assert!(
            matches!(denied.reason, Reason::Status(StatusFault::Foreign)),
            "{denied:?}"
        );
        assert_eq!(denied.status(), 401);
    }
    assert_eq!(
        (elsewhere.asked(""), issuer.asked("/oauth2"), issuer.asked("held:")),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn a_place_behind_the_list_is_refused() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(999)).await, "valid");
    let denied = guard.verify(&issuer.token(1000)).await.unwrap_err();
    assert!(
        matches!(denied.reason, Reason::Status(StatusFault::OutsideOfList)),
        "{denied:?}"
    );
}

#[tokio::test]
async fn each_list_is_followed_for_itself() {
    let issuer = Issuer::start().await;
    issuer.add_list(2);
    let guard = issuer.guard().build().await.unwrap();
    let uri = issuer.list_uri(2);
    let second = issuer.token_with(7, |claims| claims.status = Some(StatusReference::new(7, uri)));
    assert_eq!(
        (says(&guard, &issuer.token(7)).await, says(&guard, &second).await),
        ("valid", "valid")
    );
    until("both are held", async || issuer.books.held.load(Ordering::SeqCst) == 2).await;
    issuer.revoke(7);
    until("the one is refused", async || {
        says(&guard, &issuer.token(7)).await == "ended"
    })
    .await;
    assert_eq!(says(&guard, &second).await, "valid");
    // A list that does not exist is unavailable.
    let uri = issuer.list_uri(3);
    let third = issuer.token_with(7, |claims| claims.status = Some(StatusReference::new(7, uri)));
    assert_eq!(says(&guard, &third).await, "unavailable");
}

#[tokio::test]
async fn a_88_invalid_status_lists_are_rejected() {
    let issuer = Issuer::start().await;
    let stranger = SigningKey::generate().unwrap();
    let claims = serde_json::json!({ "iss": issuer.name, "sub": issuer.list_uri(1) });
    let bomb = StatusList::with_capacity(MAX_STATUS_LIST_BYTES * 8).unwrap();
    let say = |body: String| Instead::Say(StatusCode::OK, "etag: \"1\"", body.into());
    let lies = [
        ("HTML", say("<html></html>".to_owned())),
        ("nothing", say(String::new())),
        ("five megabytes", say("e".repeat(5 << 20))),
        ("an access token", say(issuer.token(1))),
        (
            "signed with an unknown key",
            say(stranger.sign(TokenType::STATUS_LIST, &claims).unwrap()),
        ),
        ("another list", say(issuer.signed_list(|claims| claims.sub.push('0')))),
        (
            "another issuer's",
            say(issuer.signed_list(|claims| claims.iss.push('0'))),
        ),
        ("an expired one", say(issuer.signed_list(|claims| claims.exp -= 7200))),
        ("no UTF-8", Instead::Say(StatusCode::OK, "", vec![0xff; 100])),
        (
            "not modified, though nothing was known",
            Instead::Say(StatusCode::NOT_MODIFIED, "", Vec::new()),
        ),
        ("not found", Instead::Say(StatusCode::NOT_FOUND, "", Vec::new())),
        (
            "a redirect",
            Instead::Say(StatusCode::FOUND, "location: /elsewhere", Vec::new()),
        ),
    ];
    for (lie, instead) in lies {
        issuer.answer(LIST, instead);
        let guard = issuer.guard().build().await.unwrap();
        assert_eq!(says(&guard, &issuer.token(1)).await, "unavailable", "{lie}");
        issuer.answer_rightly();
        until(lie, async || says(&guard, &issuer.token(1)).await == "valid").await;
    }
    assert_eq!(issuer.asked("/elsewhere"), 0);
    // The largest allowed list is accepted.
    issuer.answer(LIST, say(issuer.signed_list(|claims| claims.status_list = bomb)));
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(100_000_000)).await, "valid");
}

/// A server that answers immediately without changes is requested less and less often, not in a tight loop.
#[tokio::test]
async fn an_issuer_that_holds_nothing_is_not_asked_without_end() {
    let issuer = Issuer::start().await;
    let list = issuer.signed_list(|_| ());
    issuer.answer(LIST, Instead::Say(StatusCode::OK, "etag: \"1\"", list.clone().into()));
    issuer.answer(HELD, Instead::Say(StatusCode::NOT_MODIFIED, "etag: \"1\"", Vec::new()));
    let guard = issuer.guard().build().await.unwrap();
    assert_eq!(says(&guard, &issuer.token(1)).await, "valid");
    until("it was asked thrice", async || issuer.asked(HELD) >= 3).await;
    // In the time of three growing pauses, a tight loop would have made thousands of requests.
    assert!(issuer.asked(HELD) < 10, "{}", issuer.asked(HELD));
}

#[tokio::test]
async fn guards_of_one_issuer_are_independent() {
    let issuer = Issuer::start().await;
    let guards: Vec<Guard> = join_all((0..3).map(|_| issuer.guard().build()))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for guard in &guards {
        assert_eq!(says(guard, &issuer.token(7)).await, "valid");
    }
    until("all are held", async || issuer.books.held.load(Ordering::SeqCst) == 3).await;
    issuer.revoke(7);
    for guard in &guards {
        until("it is refused", async || says(guard, &issuer.token(7)).await == "ended").await;
    }
}
