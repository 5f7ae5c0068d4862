//! The owner of a mailbox can sign in while others request emails to it, or are signed in to an account with the
//! owner's unverified email address.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_testkit::{Answer, Database, PASSWORD, ReceivedMail, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{REQUIRED, login, register, verified};

const ADA: &str = "ada@example.com";
const OTHER: &str = "a stranger's umbrella";
const NEW_PASSWORD: &str = "another umbrella for tests";
/// The default limits of emails; the others are disabled.
const LIMITED: &str = "[limits]\nregister_per_address = \"1000/1m\"\nemails_per_address = \"1000/1m\"\n";

async fn post_from(server: &TestServer, path: &str, from: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .extension(ConnectInfo(format!("{from}:1").parse::<SocketAddr>().unwrap()))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

/// Twelve networks: IPv4, IPv6 of one household, and IPv6 of separate households.
fn crowds() -> [Vec<String>; 3] {
    [
        (0..12).map(|at| format!("203.0.113.{at}")).collect(),
        (0..12).map(|at| format!("[2001:db8:1:{at}::1]")).collect(),
        (0..12).map(|at| format!("[2001:db8:{at:x}00:1::1]")).collect(),
    ]
}

/// The endpoints that request and confirm this kind of email, and the text that identifies its link.
fn opens(kind: &str) -> (&'static str, &'static str, &'static str) {
    match kind {
        "recover" => ("/api/auth/recover", "/api/auth/recover/confirm", "recover/password?"),
        "sign in" => (
            "/api/auth/login/email",
            "/api/auth/login/email/confirm",
            "signin/email?",
        ),
        _ => ("/api/auth/verify-email", "/api/auth/verify-email/confirm", "/verify?"),
    }
}

/// Whether a recovery link works, without using it up.
async fn works(server: &TestServer, mail: &ReceivedMail) -> bool {
    let own = json!({ "token": mail.token(), "new_password": ADA });
    let answer = server.post("/api/auth/recover/confirm", own).await;
    answer.code() == "password_contains_context"
}

async fn those_that_work(server: &TestServer, mails: Vec<ReceivedMail>) -> Vec<ReceivedMail> {
    let mut working = Vec::new();
    for mail in mails {
        if works(server, &mail).await {
            working.push(mail);
        }
    }
    working
}

#[apply(on_both_databases!)]
async fn a_1_a_20_many_networks_cannot_block_a_reset_of_the_owner(database: Database) {
    for crowd in crowds() {
        let server = TestServer::start_with(database, LIMITED).await;
        verified(&server, "ada").await;
        let resets = |mails: &[ReceivedMail]| {
            let resets = mails.iter().filter(|mail| mail.link().contains("recover/password?"));
            resets.cloned().collect::<Vec<_>>()
        };
        // All emails, and those that may still reset the password.
        let (mut mailbox, mut working) = (Vec::new(), Vec::new());
        // An hour and a half, in steps in which links expire.
        for step in 0..18 {
            for stranger in &crowd {
                for path in ["/api/auth/recover", "/api/auth/login/email", "/api/auth/verify-email"] {
                    post_from(&server, path, stranger, json!({ "email": ADA }))
                        .await
                        .assert_status(202);
                }
            }
            let mut arrived = server.mails().await;
            post_from(
                &server,
                "/api/auth/recover",
                "198.51.100.9",
                json!({ "email": "Ada@example.com" }),
            )
            .await
            .assert_status(202);
            arrived.extend(server.mails().await);
            working.extend(resets(&arrived));
            mailbox.extend(arrived);
            working = those_that_work(&server, working).await;
            assert_eq!(
                working.len(),
                1,
                "step {step}: the owner has nothing that works, of {} mails",
                mailbox.len()
            );
            server.services.clock.advance(Duration::from_secs(5 * 60));
        }
        // What stopped working has not begun to work again.
        let all = those_that_work(&server, resets(&mailbox)).await;
        assert!(all.len() <= 1, "{} emails work", all.len());
        // A limit per kind of email, in addition to those of all networks, protects the mailbox from flooding.
        assert!(mailbox.len() <= 9 * 2 + 2 * 6 * 2, "{} mails", mailbox.len());
        let newest = mailbox
            .iter()
            .rfind(|mail| mail.link().contains("recover/password?"))
            .unwrap();
        let answer = json!({ "token": newest.token(), "new_password": NEW_PASSWORD });
        server
            .post("/api/auth/recover/confirm", answer)
            .await
            .assert_status(204);
        login(&server, ADA, NEW_PASSWORD).await.assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn a_1_a_household_counts_as_one_network_in_email_limits(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    verified(&server, "ada").await;
    let mut mails = 0;
    for stranger in &crowds()[1] {
        post_from(&server, "/api/auth/recover", stranger, json!({ "email": ADA }))
            .await
            .assert_status(202);
        mails += server.mails().await.len();
    }
    assert_eq!(mails, 3);
}

#[apply(on_both_databases!)]
async fn a_1_an_email_requested_while_the_mail_server_is_down_is_sent_later(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    verified(&server, "ada").await;
    for stranger in &crowds()[0] {
        post_from(&server, "/api/auth/recover", stranger, json!({ "email": ADA }))
            .await
            .assert_status(202);
    }
    post_from(&server, "/api/auth/recover", "198.51.100.9", json!({ "email": ADA }))
        .await
        .assert_status(202);
    let mails = server.mails().await;
    assert!((1..=9).contains(&mails.len()), "{}", mails.len());
    let mut working = 0;
    for mail in &mails {
        working += usize::from(works(&server, mail).await);
    }
    assert_eq!(working, 1);
}

#[apply(on_both_databases!)]
async fn a_1_requests_for_an_unknown_email_address_do_not_block_its_sign_up(database: Database) {
    let server = TestServer::start_with(database, &format!("{REQUIRED}{LIMITED}")).await;
    for stranger in &crowds()[0] {
        for path in ["/api/auth/recover", "/api/auth/login/email"] {
            post_from(&server, path, stranger, json!({ "email": ADA }))
                .await
                .assert_status(202);
        }
    }
    assert_eq!(server.mails().await.len(), 0);
    let asked = register(&server, ADA, PASSWORD).await.assert_status(202).json();
    let mail = server.mail().await;
    let answer = json!({ "token": mail.token(), "handle": asked["handle"] });
    server
        .post("/api/auth/verify-email/confirm", answer)
        .await
        .assert_status(204);
    login(&server, ADA, PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_1_t_15_other_sign_ups_cannot_block_the_confirmation_of_the_owner(database: Database) {
    let server = TestServer::start_with(database, &format!("{REQUIRED}{LIMITED}")).await;
    for stranger in &crowds()[0] {
        post_from(
            &server,
            "/api/auth/register",
            stranger,
            json!({ "email": ADA, "password": OTHER }),
        )
        .await
        .assert_status(202);
    }
    let mails = server.mails().await;
    let asked = register(&server, ADA, PASSWORD).await.assert_status(202).json();
    let mails = [mails, server.mails().await].concat();
    // Any of the emails works: where the owner signed up, it confirms what was requested there.
    let answer = json!({ "token": mails.last().unwrap().token(), "handle": asked["handle"] });
    server
        .post("/api/auth/verify-email/confirm", answer)
        .await
        .assert_status(204);
    login(&server, ADA, PASSWORD).await.assert_status(200);
    login(&server, ADA, OTHER)
        .await
        .assert_problem(401, "invalid_credentials");
}

#[apply(on_both_databases!)]
async fn t_15_pending_changes_of_others_end_when_the_owner_recovers_the_account(database: Database) {
    let server = TestServer::start(database).await;
    let stranger = server.user("ada").await;
    let change = json!({ "email": "eve@example.org", "password": PASSWORD });
    stranger.post("/api/auth/change-email", change).await.assert_status(202);
    server
        .post("/api/auth/recover", json!({ "email": ADA }))
        .await
        .assert_status(202);
    let mails = server.mails().await;
    let find = |path: &str| mails.iter().find(|mail| mail.link().contains(path)).unwrap().token();
    let (change, verify, recover) = (find("/change-email"), find("/verify?"), find("recover/password"));
    let answer = json!({ "token": recover, "new_password": NEW_PASSWORD });
    server
        .post("/api/auth/recover/confirm", answer)
        .await
        .assert_status(204);
    let owner = stranger.with(&login(&server, ADA, NEW_PASSWORD).await.assert_status(200).json());
    owner
        .post("/api/auth/change-email/confirm", json!({ "token": change }))
        .await
        .assert_problem(400, "invalid_code");
    // Once the email address is verified, earlier emails are void.
    let answer = json!({ "token": verify, "new_password": OTHER });
    server
        .post("/api/auth/verify-email/confirm", answer)
        .await
        .assert_problem(400, "invalid_code");
    assert_eq!(owner.get("/api/auth/me").await.assert_status(200).json()["email"], ADA);
}

#[apply(on_both_databases!)]
async fn t_9_operators_can_end_sessions_of_unverified_accounts(database: Database) {
    for act in ["set", "disable"] {
        for sent_before in [true, false] {
            let server = TestServer::start(database).await;
            server.user("ada").await;
            for path in ["/api/auth/recover", "/api/auth/login/email"] {
                server.post(path, json!({ "email": ADA })).await.assert_status(202);
            }
            let mut mails = if sent_before { server.mails().await } else { Vec::new() };
            let account =
                countersign::features::identity::accounts::find_by_email(&server.services.db, &ADA.parse().unwrap())
                    .await
                    .unwrap()
                    .unwrap();
            match act {
                "set" => server
                    .services
                    .operator
                    .set_password(&account, NEW_PASSWORD.to_owned().into())
                    .await
                    .unwrap(),
                _ => {
                    for disabled in [true, false] {
                        server
                            .services
                            .operator
                            .set_disabled(account.id, disabled)
                            .await
                            .unwrap();
                    }
                }
            }
            mails.extend(server.mails().await);
            for mail in mails {
                for kind in ["recover", "sign in", "verify"] {
                    let answer = json!({ "token": mail.token(), "new_password": OTHER });
                    let without = json!({ "token": mail.token() });
                    let answer = if kind == "sign in" { without } else { answer };
                    server
                        .post(opens(kind).1, answer)
                        .await
                        .assert_problem(400, "invalid_code");
                }
            }
        }
    }
}
