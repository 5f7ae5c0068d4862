//! Queued emails are sent exactly once, despite crashes, unavailable mail servers and other nodes.

use std::time::Duration;

use countersign_store::{query, sql};
use countersign_testkit::{Database, PASSWORD, Person, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{REQUIRED, ask_to_change, register, verified};

#[apply(on_both_databases!)]
async fn the_database_holds_no_link_and_no_code(database: Database) {
    let server = TestServer::start(database).await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    let queued: Vec<String> = query(sql!("SELECT particulars FROM outbox"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert!(queued.len() == 1 && !queued[0].contains("cs"), "{queued:?}");
    let sent = server.mail().await;
    let stored: Vec<String> = query(sql!("SELECT code_hash FROM email_challenges"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert!(
        stored[0].starts_with("$argon2id$") && !stored[0].contains(&sent.code()),
        "{stored:?}"
    );
}

#[apply(on_both_databases!)]
async fn a_crash_between_the_claim_and_the_sending_loses_nothing(database: Database) {
    let server = TestServer::start(database).await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    let claimed = server.services.outbox.claim().await.unwrap().expect("a mail is due");
    assert!(
        !server.services.mail.deliver_next().await.unwrap(),
        "no other worker takes it meanwhile"
    );
    server.services.clock.advance(Duration::from_secs(60));
    let sent = server.mail().await;
    assert!(
        sent.id.starts_with(&claimed.id.to_string()),
        "it is known by its id: {}",
        sent.id
    );
    server.services.clock.advance(Duration::from_secs(3600));
    assert_eq!(server.mails().await.len(), 0);
}

#[apply(on_both_databases!)]
async fn what_is_of_no_use_any_more_is_not_sent(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    server.services.clock.advance(Duration::from_secs(3600));
    assert_eq!(server.mails().await.len(), 0);
    let listed = server.services.outbox.list(false, 10).await.unwrap();
    let asked = listed.iter().find(|mail| mail.purpose == "reset_password").unwrap();
    assert_eq!(asked.outcome.as_deref(), Some("expired"));
}

#[apply(on_both_databases!)]
async fn a_transaction_that_fails_queues_no_email(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    register(&server, "ada@example.com", "short")
        .await
        .assert_problem(422, "password_too_short");
    register(&server, "nobody", PASSWORD)
        .await
        .assert_problem(422, "invalid_email");
    assert_eq!(server.services.outbox.list(false, 10).await.unwrap().len(), 0);
}

#[apply(on_both_databases!)]
async fn deleting_an_account_takes_its_mails_along_and_an_export_shows_them(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    server.mails().await;
    let export: Value = ada.get("/api/auth/me/export").await.assert_status(200).json();
    assert_eq!(export["emails"][0]["purpose"], "verify_email");
    assert_eq!(export["emails"][0]["outcome"], "sent");
    assert_eq!(export["devices"].as_array().unwrap().len(), 1, "{}", export["devices"]);
    ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    assert_eq!(server.services.outbox.list(false, 10).await.unwrap().len(), 0);
    let challenges: Vec<String> = query(sql!("SELECT purpose FROM email_challenges"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert_eq!(challenges, Vec::<String>::new());
}

#[apply(on_both_databases!)]
async fn an_export_shows_the_emails_of_its_account_and_of_no_other(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    ask(&server, "/api/auth/recover").await;
    ask_to_change(&ada, "ada@example.org").await;
    let mails = server.mails().await;
    let token = mails.iter().find(|mail| mail.to == "ada@example.org").unwrap().token();
    ada.post("/api/auth/change-email/confirm", json!({ "token": token }))
        .await
        .assert_status(204);
    // The address is free, and another user takes it.
    let eve = server.user("ada").await;
    server.mails().await;
    let purposes = async |person: &Person<'_>| {
        let export: Value = person.get("/api/auth/me/export").await.assert_status(200).json();
        let emails = export["emails"].as_array().unwrap();
        let mut purposes: Vec<_> = emails
            .iter()
            .map(|mail| mail["purpose"].as_str().unwrap().to_owned())
            .collect();
        purposes.sort();
        purposes
    };
    assert_eq!(purposes(&eve).await, ["verify_email"]);
    let of_ada = purposes(&ada).await;
    for purpose in ["verify_email", "reset_password", "change_email", "email_changed"] {
        assert!(of_ada.iter().any(|one| one == purpose), "{purpose}: {of_ada:?}");
    }
}

#[apply(on_both_databases!)]
async fn an_export_shows_the_emails_from_before_the_account(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    verified(&server, "ada").await;
    // Another sign-up with the same address.
    register(&server, "ada@example.com", PASSWORD).await.assert_status(202);
    server.mails().await;
    let export: Value = server.sign_in("ada").await.get("/api/auth/me/export").await.json();
    let sent: Vec<_> = export["emails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mail| &mail["outcome"])
        .collect();
    assert!(
        sent.len() >= 2 && sent[sent.len() - 2..].iter().all(|&outcome| outcome == "sent"),
        "{export}"
    );
}

async fn ask(server: &TestServer, path: &str) {
    server
        .post(path, json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
}

#[apply(on_both_databases!)]
async fn what_ended_long_ago_is_removed(database: Database) {
    let server = TestServer::start(database).await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    server.mail().await;
    server.services.mail.sweep().await.unwrap();
    assert_eq!(server.services.outbox.list(false, 10).await.unwrap().len(), 1);
    server.services.clock.advance(Duration::from_secs(40 * 24 * 3600));
    server.services.mail.sweep().await.unwrap();
    assert_eq!(server.services.outbox.list(false, 10).await.unwrap().len(), 0);
    let challenges: Vec<String> = query(sql!("SELECT purpose FROM email_challenges"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert_eq!(challenges, Vec::<String>::new());
}

/// Two nodes look for the same emails at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_send_each_mail_once() {
    let server = TestServer::start(Database::Postgres).await;
    let other = server.another_node().await;
    for by in 0..20 {
        register(&server, &format!("p{by}@example.com"), PASSWORD)
            .await
            .assert_status(201);
    }
    let lane = async |services: &countersign::Services| {
        let mut sent = 0;
        while services.mail.deliver_next().await.unwrap() {
            sent += 1;
        }
        sent
    };
    let (one, two, three, four) = tokio::join!(
        lane(&server.services),
        lane(&other),
        lane(&server.services),
        lane(&other)
    );
    assert!(one + two + three + four >= 20);
    let listed = server.services.outbox.list(false, 100).await.unwrap();
    assert!(
        listed
            .iter()
            .all(|mail| mail.attempts == 1 && mail.outcome.as_deref() == Some("sent")),
        "{listed:?}"
    );
    assert_eq!(server.mails().await.len(), 20);
}
