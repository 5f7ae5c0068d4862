//! Sign-up on the pages creates the account and its first session at the same time.

use countersign::core::clock::Timestamp;
use countersign::features::operations::audit::{EventKind, Filter};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};

use super::Browser;
use crate::health::{metrics, value};

#[apply(on_both_databases!)]
async fn a_sign_up_is_no_sign_in(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nlogin_per_address = \"1/1h\"\n").await;
    let mut ada = Browser::new(&server);
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    ada.post("/signin", &fields).await.assert_status(422);
    ada.post("/signin", &fields).await.assert_status(429);
    let before = metrics(&server).await;
    ada.post("/signup", &fields).await.assert_status(303);
    assert!(ada.is_signed_in().await);
    let after = metrics(&server).await;
    let hashes = |text: &str| value(text, "hashing_duration_seconds_count");
    assert_eq!(hashes(&after) - hashes(&before), 1.0);
    let logins = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("countersign_logins_total"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(logins(&after), logins(&before));
}

#[apply(on_both_databases!)]
async fn the_session_of_a_sign_up_is_opened_by_the_account(database: Database) {
    let server = TestServer::start(database).await;
    Browser::sign_up(&server, "ada").await;
    let sign_ins = Filter {
        account: None,
        kind: Some(EventKind::SignIn),
        since: Timestamp(0),
        until: Timestamp(i64::MAX),
        limit: 10,
    };
    let entries = server.services.audit.list(&sign_ins).await.unwrap();
    let actors: Vec<_> = entries.iter().map(|entry| &*entry.actor).collect();
    assert_eq!(actors, ["account"]);
}
