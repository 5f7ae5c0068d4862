//! Failed sign-ins by an attacker do not lock out an account's owner, and the owner is notified.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, Person, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::devices::{Browser, Lanes};

const OWNER: &str = "198.51.100.200";
const LIMITS: &str = "[limits]\nlogin_per_address = \"1000/1m\"\nregister_per_address = \"1000/1m\"\n";

async fn post_from(server: &TestServer, path: &str, from: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .extension(ConnectInfo(format!("{from}:1").parse::<SocketAddr>().unwrap()))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

async fn login_from(server: &TestServer, from: &str, password: &str) -> Answer {
    let body = json!({ "email": "ada@example.com", "password": password });
    post_from(server, "/api/auth/login", from, body).await
}

async fn change_password_from(server: &TestServer, from: &str, user: &Person<'_>) -> Answer {
    let body = json!({ "current_password": PASSWORD, "new_password": "another umbrella for tests" });
    let request = Request::post("/api/auth/change-password")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", user.access_token))
        .extension(ConnectInfo(format!("{from}:1").parse::<SocketAddr>().unwrap()))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

/// An attacker in 12 networks fails 108 times, within the limits of each network.
async fn storm(server: &TestServer) {
    for network in 0..12 {
        for _ in 0..9 {
            let from = format!("203.0.113.{network}");
            login_from(server, &from, "wrong")
                .await
                .assert_problem(401, "invalid_credentials");
        }
    }
}

async fn registered(server: &TestServer) {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/auth/register", body).await.assert_status(201);
    server.mails().await;
}

async fn proven(server: &TestServer) {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/auth/register", body).await.assert_status(201);
    let token = server.mail().await.token();
    server
        .post(
            "/api/auth/verify-email/confirm",
            json!({ "token": token, "password": PASSWORD }),
        )
        .await
        .assert_status(204);
}

#[apply(on_both_databases!)]
async fn a_1_a_20_the_owner_is_notified_once_and_can_sign_in_by_email(database: Database) {
    let server = TestServer::start_with(database, LIMITS).await;
    proven(&server).await;
    storm(&server).await;
    // from a new place, not even the right password is tried.
    login_from(&server, OWNER, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    let told = server.mail().await;
    assert!(
        told.to == "ada@example.com" && told.subject.contains("restricted"),
        "{told:?}"
    );
    assert!(!told.text.contains("203.0.113."), "{}", told.text);
    server.services.clock.advance(Duration::from_secs(900));
    storm(&server).await;
    assert_eq!(server.mails().await.len(), 0, "once, however long it goes on");
    let answer = json!({ "token": told.token() });
    post_from(&server, "/api/auth/login/email/confirm", OWNER, answer.clone())
        .await
        .assert_status(200);
    post_from(&server, "/api/auth/login/email/confirm", OWNER, answer)
        .await
        .assert_problem(400, "invalid_code");
    // Earlier failures are forgiven, wherever the owner signs in next.
    login_from(&server, "198.51.100.202", PASSWORD).await.assert_status(200);
    login_from(&server, OWNER, PASSWORD).await.assert_status(200);
    // The attacker starts again, and the owner's place is known now.
    server.services.clock.advance(Duration::from_secs(900));
    storm(&server).await;
    login_from(&server, "198.51.100.201", PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    login_from(&server, OWNER, PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_20_the_mail_sets_a_new_password_too(database: Database) {
    let server = TestServer::start_with(database, LIMITS).await;
    proven(&server).await;
    storm(&server).await;
    let token = server.mail().await.token();
    let answer = json!({ "token": token, "new_password": "another umbrella for tests" });
    post_from(&server, "/api/auth/recover/confirm", OWNER, answer)
        .await
        .assert_status(204);
    login_from(&server, OWNER, "another umbrella for tests")
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_20_an_account_without_any_sign_in_is_not_locked_out_permanently(database: Database) {
    let server = TestServer::start_with(database, LIMITS).await;
    registered(&server).await;
    storm(&server).await;
    login_from(&server, OWNER, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    assert!(
        server.mail().await.subject.contains("restricted"),
        "an address that is not proven is told too"
    );
    server.services.clock.advance(Duration::from_secs(31 * 60));
    login_from(&server, OWNER, PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn r_60_one_failure_is_forgiven_each_half_hour(database: Database) {
    let server = TestServer::start_with(database, LIMITS).await;
    proven(&server).await;
    storm(&server).await;
    let mut told = server.mails().await.len();
    for _ in 0..5 {
        // Attempts that were not checked do not count, and one more is checked after half an hour.
        login_from(&server, "203.0.113.50", "wrong")
            .await
            .assert_problem(401, "invalid_credentials");
        server.services.clock.advance(Duration::from_secs(31 * 60));
        login_from(&server, "203.0.113.51", "wrong")
            .await
            .assert_problem(401, "invalid_credentials");
        login_from(&server, OWNER, PASSWORD)
            .await
            .assert_problem(401, "invalid_credentials");
        // Sends the notice, so that it collects no further failures.
        told += server.mails().await.len();
    }
    server.services.clock.advance(Duration::from_secs(60 * 60));
    login_from(&server, OWNER, PASSWORD).await.assert_status(200);
    told += server.mails().await.len();
    assert_eq!(told, 1, "and one mail in all that time");
}

#[apply(on_both_databases!)]
async fn a_20_known_networks_and_browsers_are_not_locked_out(database: Database) {
    let server = TestServer::start_with(database, LIMITS).await;
    proven(&server).await;
    login_from(&server, OWNER, PASSWORD).await.assert_status(200);
    let mut browser = Browser::new(&server, "192.0.2.200:1");
    browser.sign_in("ada", PASSWORD).await.assert_status(303);
    browser.post("/signout", &[]).await;
    browser.from = "192.0.2.77:1";
    storm(&server).await;
    let full: i64 = query(sql!("SELECT failures_until FROM accounts"))
        .one(&server.services.db)
        .await
        .unwrap();
    // Signing in resets the count, so it is restored for each of them.
    for place in [
        "the network and the program",
        "the network, with another program",
        "the browser, in another network",
    ] {
        query(sql!("UPDATE accounts SET failures_until = $1"))
            .bind(full)
            .execute(&server.services.db)
            .await
            .unwrap();
        login_from(&server, "198.51.100.201", PASSWORD)
            .await
            .assert_problem(401, "invalid_credentials");
        let got_in = match place {
            "the network and the program" => login_from(&server, OWNER, PASSWORD).await.status,
            "the network, with another program" => {
                let request = Request::post("/api/auth/login")
                    .header("content-type", "application/json")
                    .header("user-agent", "curl/8.5.0")
                    .extension(ConnectInfo(format!("{OWNER}:2").parse::<SocketAddr>().unwrap()))
                    .body(Body::from(
                        json!({ "email": "ada@example.com", "password": PASSWORD }).to_string(),
                    ));
                server.send(request.unwrap()).await.status
            }
            _ => browser.sign_in("ada", PASSWORD).await.status,
        };
        assert!(got_in == 200 || got_in == 303, "{place}: {got_in}");
    }
    // A browser without the cookie is not recognized there.
    query(sql!("UPDATE accounts SET failures_until = $1"))
        .bind(full)
        .execute(&server.services.db)
        .await
        .unwrap();
    let refused = Browser::new(&server, "192.0.2.78:1").sign_in("ada", PASSWORD).await;
    assert!(refused.status.is_client_error(), "{}", refused.status);
}

#[apply(on_both_databases!)]
async fn r_60_at_most_a_hundred_concurrent_attempts_are_checked(database: Database) {
    let toml = format!("{LIMITS}[hashing]\nworkers = 1\nqueue = 400\n");
    let server = TestServer::start_with(database, &toml).await;
    proven(&server).await;
    login_from(&server, OWNER, PASSWORD).await.assert_status(200);
    let signed_in = server.sign_in("ada").await;
    server.mails().await;
    for endpoint in ["login", "change-password"] {
        let network = 113 + endpoint.len();
        for by in 0..80 {
            let from = format!("198.18.{network}.{by}");
            login_from(&server, &from, "wrong")
                .await
                .assert_problem(401, "invalid_credentials");
        }
        // All of them find fewer failures than the limit when they arrive, and wait for the only thread.
        let strangers: Vec<_> = (0..24).map(|by| format!("203.0.{network}.{by}")).collect();
        let mut lanes = Lanes::of(&server);
        let wrong = join_all(strangers.iter().map(|from| login_from(&server, from, "wrong")));
        let last = async {
            // After them: before the last of the hundred, a right password would correctly be accepted.
            let mut asked = 0;
            while asked < strangers.len() as u64 {
                tokio::time::sleep(Duration::from_millis(2)).await;
                asked += lanes.moved()[1];
            }
            match endpoint {
                "login" => login_from(&server, "192.0.2.7", PASSWORD).await,
                _ => change_password_from(&server, "192.0.2.8", &signed_in).await,
            }
        };
        let (wrong, last) = tokio::join!(wrong, last);
        assert!(wrong.iter().all(|answer| answer.status == 401), "{endpoint}");
        last.assert_problem(if endpoint == "login" { 401 } else { 403 }, "invalid_credentials");
        // From the owner's known place, the password still works, and the count is reset.
        login_from(&server, OWNER, PASSWORD).await.assert_status(200);
    }
}

/// Another node counts the last failures after the verdict and before the password is accepted.
mod r_60_failures_count_until_the_password_is_accepted {
    use super::*;
    use crate::auth::stopped_at;

    async fn run(database: Database) {
        for point in ["login::verified", "login::unverified", "confirm::verified"] {
            let required = match point {
                "login::unverified" => "email_verification = \"required\"\n",
                _ => "",
            };
            let server = TestServer::start_with(database, &format!("{required}{LIMITS}")).await;
            let body = json!({ "email": "ada@example.com", "password": PASSWORD });
            server.post("/api/auth/register", body).await;
            let body = json!({ "token": server.mail().await.token(), "password": PASSWORD });
            server
                .post("/api/auth/verify-email/confirm", body)
                .await
                .assert_status(204);
            let ada = server.sign_in("ada").await;
            if point == "login::unverified" {
                query(sql!("UPDATE accounts SET email_verified_at = NULL"))
                    .execute(&server.services.db)
                    .await
                    .unwrap();
            }
            let right = async {
                match point {
                    "confirm::verified" => change_password_from(&server, "192.0.2.8", &ada).await,
                    _ => login_from(&server, "192.0.2.7", PASSWORD).await,
                }
            };
            let failures = async {
                let full = server.services.clock.now() + Duration::from_secs(100 * 30 * 60);
                query(sql!("UPDATE accounts SET failures_until = $1"))
                    .bind(full.millis())
                    .execute(&server.services.db)
                    .await
                    .unwrap();
            };
            let refused = if point == "confirm::verified" { 403 } else { 401 };
            stopped_at(point, right, failures).assert_problem(refused, "invalid_credentials");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        run(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        run(Database::Postgres).await;
    }
}

/// On one node, the verdicts on one email address take effect one at a time: a right password waits until a failure before it is
/// in the database, whatever the endpoints are.
mod r_60_a_right_password_waits_for_the_failure_before_it {
    use std::sync::Arc;

    use super::*;
    use crate::grants::{hold, reached};

    async fn run(database: Database) {
        let server = Arc::new(TestServer::start_with(database, LIMITS).await);
        proven(&server).await;
        let ada = server.sign_in("ada").await;
        for endpoint in ["login", "change-password"] {
            // All but one of the hundred.
            let until = server.services.clock.now() + Duration::from_secs(99 * 30 * 60);
            query(sql!("UPDATE accounts SET failures_until = $1"))
                .bind(until.millis())
                .execute(&server.services.db)
                .await
                .unwrap();
            // The last one has its verdict, and is not written yet.
            let (is_reached, release) = hold("login::failed");
            // The point blocks its thread, so the two must not share a task.
            let at = server.clone();
            let wrong = tokio::spawn(async move { login_from(&at, "203.0.113.7", "wrong").await });
            reached(is_reached).await;
            let right = async {
                match endpoint {
                    "login" => login_from(&server, "192.0.2.7", PASSWORD).await,
                    _ => change_password_from(&server, "192.0.2.8", &ada).await,
                }
            };
            tokio::pin!(right);
            let early = tokio::time::timeout(Duration::from_secs(2), &mut right).await.ok();
            release.send(()).unwrap();
            assert!(early.is_none(), "{endpoint} did not wait: {early:?}");
            wrong.await.unwrap().assert_problem(401, "invalid_credentials");
            let refused = if endpoint == "login" { 401 } else { 403 };
            right.await.assert_problem(refused, "invalid_credentials");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        run(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        run(Database::Postgres).await;
    }
}

#[apply(on_both_databases!)]
async fn a_20_known_networks_are_forgotten_with_all_sessions(database: Database) {
    let server = TestServer::start_with(database, LIMITS).await;
    proven(&server).await;
    // A thief signed in from there.
    login_from(&server, "192.0.2.66", PASSWORD).await.assert_status(200);
    server.mails().await;
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    let answer = json!({ "token": server.mail().await.token(), "new_password": "another umbrella for tests" });
    post_from(&server, "/api/auth/recover/confirm", OWNER, answer)
        .await
        .assert_status(204);
    storm(&server).await;
    login_from(&server, "192.0.2.66", "another umbrella for tests")
        .await
        .assert_problem(401, "invalid_credentials");
    login_from(&server, OWNER, "another umbrella for tests")
        .await
        .assert_status(200);
}
