//! Rate limits of endpoints.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::json;

/// One thread and one place in the queue: a third concurrent request is rejected because the server is overloaded. A
/// hash takes long enough that concurrent requests really overlap.
const CROWDED: &str = "\n[hashing]\nworkers = 1\nqueue = 1\n[passwords]\niterations = 10\n";

const LIMITED: &str = "[limits]\nlogin_per_account = \"10/15m\"\nlogin_per_address = \"30/1m\"";

#[apply(on_both_databases!)]
async fn r65_too_many_guesses_get_retry_after(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    server.user("ada").await;
    for _ in 0..10 {
        login_from(&server, "203.0.113.7:1", "ada", "wrong")
            .await
            .assert_problem(401, "invalid_credentials");
    }
    let known = login_from(&server, "203.0.113.7:1", "ada", PASSWORD)
        .await
        .assert_problem(429, "rate_limited");
    assert!(known.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(!known.header("ratelimit").is_empty() && !known.header("ratelimit-policy").is_empty());

    // An unknown account is limited in the same way.
    for _ in 0..10 {
        login_from(&server, "203.0.113.8:1", "nobody", "wrong")
            .await
            .assert_problem(401, "invalid_credentials");
    }
    login_from(&server, "203.0.113.8:1", "nobody", "wrong")
        .await
        .assert_problem(429, "rate_limited");

    // A20: the owner can sign in from another IP address.
    login_from(&server, "198.51.100.77:1", "ada", PASSWORD)
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn honest_people_are_not_limited_by_their_own_successes(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    server.user("ada").await;
    for _ in 0..15 {
        login_from(&server, "198.51.100.77:1", "ada", PASSWORD)
            .await
            .assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn c22_concurrent_guesses_do_not_exceed_the_limit(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    server.user("ada").await;
    let answers = join_all((0..60).map(|_| login_from(&server, "203.0.113.7:1", "ada", "wrong"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 50);
}

#[apply(on_both_databases!)]
async fn r66_a_network_counts_as_one_client_and_untrusted_headers_are_ignored(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    server.user("ada").await;
    for host in 0..10 {
        login_from(&server, &format!("[2001:db8:1:2::{host:x}]:1"), "ada", "wrong")
            .await
            .assert_problem(401, "invalid_credentials");
    }
    login_from(&server, "[2001:db8:1:2:ffff::1]:1", "ada", "wrong")
        .await
        .assert_problem(429, "rate_limited");
    login_from(&server, "[2001:db8:1:3::1]:1", "ada", "wrong")
        .await
        .assert_problem(401, "invalid_credentials");

    for guess in 0..11 {
        let request = login_request("203.0.113.9:1")
            .header("x-forwarded-for", format!("10.0.0.{guess}"))
            .header("forwarded", format!("for=10.0.0.{guess}"));
        let answer = server.send(request.body(login_body("ada", "wrong")).unwrap()).await;
        assert_eq!(answer.status == 429, guess == 10, "guess {guess}");
    }
}

#[apply(on_both_databases!)]
async fn f_20_attempts_refused_under_overload_do_not_count(database: Database) {
    let server = TestServer::start_with(database, &format!("{LIMITED}{CROWDED}")).await;
    server.user("ada").await;
    let at_once = join_all((0..10).map(|_| login_from(&server, "203.0.113.7:1", "ada", "wrong"))).await;
    let refused = count(&at_once, 503);
    assert!(refused > 0, "no request was refused");
    assert_eq!(count(&at_once, 401) + refused, 10);
    // The rejected requests are repeated one after the other: ten are checked in total, and no more.
    let mut judged = 10 - refused;
    while login_from(&server, "203.0.113.7:1", "ada", "wrong").await.status == 401 {
        judged += 1;
    }
    assert_eq!(judged, 10);
    // An account that does not exist behaves the same.
    let at_once = join_all((0..10).map(|_| login_from(&server, "203.0.113.8:1", "nobody", "wrong"))).await;
    let mut judged = count(&at_once, 401);
    while login_from(&server, "203.0.113.8:1", "nobody", "wrong").await.status == 401 {
        judged += 1;
    }
    assert_eq!(judged, 10);
}

#[apply(on_both_databases!)]
async fn f_20_a_password_of_a_signed_in_user_refused_under_overload_does_not_count(database: Database) {
    let toml = format!("[limits]\nchange_password_per_account = \"5/15m\"\n{CROWDED}");
    let server = TestServer::start_with(database, &toml).await;
    let ada = server.user("ada").await;
    let change = || {
        ada.post(
            "/api/auth/change-password",
            json!({ "current_password": "wrong", "new_password": "a better umbrella" }),
        )
    };
    let at_once = join_all((0..5).map(|_| change())).await;
    let refused = count(&at_once, 503);
    assert!(refused > 0, "no request was refused");
    let mut judged = count(&at_once, 403);
    while change().await.status == 403 {
        judged += 1;
    }
    assert_eq!(judged, 5);
    // The other endpoints that check the password count as well.
    ada.delete("/api/auth/me", json!({ "password": "wrong" }))
        .await
        .assert_problem(429, "rate_limited");
}

#[apply(on_both_databases!)]
async fn f_20_a_correct_password_does_not_count_when_hashing_the_new_one_is_refused(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nsign_ins_per_account = \"4/15m\"\n").await;
    let ada = server.user("ada").await;
    let change = || {
        ada.post(
            "/api/auth/change-password",
            json!({ "current_password": PASSWORD, "new_password": "a better umbrella" }),
        )
    };
    fail::cfg("password::new", "return").unwrap();
    for _ in 0..6 {
        change().await.assert_problem(503, "overloaded");
    }
    fail::remove("password::new");
    change().await.assert_status(204);
    // Checked passwords count: the sign-up's sign-in, this one, and two more.
    for expected in [200, 200, 429] {
        assert_eq!(
            login_from(&server, "198.51.100.1:1", "ada", "a better umbrella")
                .await
                .status,
            expected
        );
    }
}

#[apply(on_both_databases!)]
async fn f_20_a_password_of_a_pending_sign_up_refused_under_overload_does_not_count(database: Database) {
    let toml = format!("email_verification = \"required\"\n[limits]\ncodes_per_address = \"5/15m\"\n{CROWDED}");
    let server = TestServer::start_with(database, &toml).await;
    server
        .post(
            "/api/auth/register",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
        .await
        .assert_status(202);
    let token = server.mail().await.token();
    let confirm = |password: &str| {
        server.post(
            "/api/auth/verify-email/confirm",
            json!({ "token": token, "password": password }),
        )
    };
    let at_once = join_all((0..5).map(|_| confirm("wrong"))).await;
    assert!(count(&at_once, 503) > 0, "no request was refused");
    let mut judged = count(&at_once, 403);
    while confirm("wrong").await.status == 403 {
        judged += 1;
    }
    assert_eq!(judged, 5);
}

#[apply(on_both_databases!)]
async fn f_20_a_registration_refused_under_overload_does_not_count(database: Database) {
    let toml = format!("[limits]\nregister_per_address = \"6/1h\"\n{CROWDED}");
    let server = TestServer::start_with(database, &toml).await;
    let register = |name: String| {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        server.post("/api/auth/register", body)
    };
    let at_once = join_all((0..6).map(|by| register(format!("crowd{by}")))).await;
    assert!(count(&at_once, 503) > 0, "no request was refused");
    let mut made = count(&at_once, 201);
    while register(format!("later{made}")).await.status == 201 {
        made += 1;
    }
    assert_eq!(made, 6);
}

#[apply(on_both_databases!)]
async fn f_20_an_attempt_abandoned_before_its_check_does_not_count(database: Database) {
    let server = TestServer::start_with(database, &format!("{LIMITED}\n[hashing]\nworkers = 1\nqueue = 64\n")).await;
    server.user("ada").await;
    for _ in 0..12 {
        // The only thread is busy when a request arrives, waits, and is cancelled.
        let mut busy: Vec<_> = (0..4)
            .map(|_| {
                let hasher = server.services.hasher.clone();
                tokio::spawn(async move { hasher.verify("busy".to_owned().into(), None).await.unwrap() })
            })
            .collect();
        while !busy.is_empty() && hashing_queue(&server) < 3 {
            tokio::task::yield_now().await;
        }
        // Any of them, because the thread may have taken the first one last.
        let first = tokio::select! {
            // Polled first, because on a busy machine both may be ready.
            biased;
            (verdict, first, _) = futures_util::future::select_all(&mut busy) => { verdict.unwrap(); first }
            answer = login_from(&server, "203.0.113.7:1", "ada", "wrong") => panic!("{answer:?}"),
        };
        drop(busy.remove(first));
        futures_util::future::join_all(busy).await;
    }
    login_from(&server, "203.0.113.7:1", "ada", PASSWORD)
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn correct_passwords_have_a_limit_of_their_own_that_guesses_do_not_use_up(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nenabled = true\n").await;
    server.user("ada").await;
    server.user("bob").await;
    // Wrong passwords do not use it up.
    for _ in 0..5 {
        login_from(&server, "203.0.113.7:1", "ada", "wrong")
            .await
            .assert_problem(401, "invalid_credentials");
    }
    let mut got_in = 0;
    let limited = loop {
        let answer = login_from(&server, "203.0.113.7:1", "ada", PASSWORD).await;
        if answer.status != 200 || got_in == 80 {
            break answer;
        }
        got_in += 1;
    };
    assert_eq!(got_in, 60);
    let limited = limited.assert_problem(429, "rate_limited");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(
        limited.header("ratelimit-policy").contains("sign_ins_per_account"),
        "{limited:?}"
    );
    // For other IP addresses and other accounts, nothing has changed.
    login_from(&server, "203.0.113.7:1", "bob", PASSWORD)
        .await
        .assert_status(200);
    login_from(&server, "198.51.100.77:1", "ada", PASSWORD)
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn a70_headers_of_a_trusted_proxy_are_used(database: Database) {
    let toml = format!("trusted_proxies = [\"10.0.0.0/8\"]\n{LIMITED}");
    let server = TestServer::start_with(database, &toml).await;
    server.user("ada").await;
    for guess in 0..11 {
        let request = login_request("10.1.2.3:1").header("x-forwarded-for", format!("198.51.100.{guess}"));
        server
            .send(request.body(login_body("ada", "wrong")).unwrap())
            .await
            .assert_problem(401, "invalid_credentials");
    }
}

#[apply(on_both_databases!)]
async fn r_66_a_client_cannot_hide_behind_its_proxy(database: Database) {
    // The second network is 10.0.0.0/8 as a dual-stack listener sees it.
    let limited = "[limits]\nlogin_per_account = \"2/15m\"\nlogin_per_address = \"1000/1m\"";
    for trusted in ["10.0.0.0/8", "::ffff:10.0.0.0/104"] {
        let server = TestServer::start_with(database, &format!("trusted_proxies = [\"{trusted}\"]\n{limited}")).await;
        server.user("ada").await;
        let guess = async |name: &str, value: &str| {
            let request = login_request("10.1.2.3:1").header(name, value);
            server
                .send(request.body(login_body("ada", "wrong")).unwrap())
                .await
                .status
                .as_u16()
        };
        // Whatever a client puts before the part that nginx appends, only the client's own IP address counts.
        let begins = [
            "\"",
            "\"x",
            "a\\\"",
            "\"\\",
            "203.0.113.1\"",
            "unknown",
            "_hidden",
            "",
            "::ffff:10.1.2.3",
            "10.1.2.3",
        ];
        for (at, begin) in begins.iter().enumerate() {
            let own = format!("198.51.100.{}", 100 + at);
            assert_eq!(
                guess("x-forwarded-for", &format!("{begin}, {own}")).await,
                401,
                "{begin}"
            );
            assert_eq!(
                guess("forwarded", &format!("for={begin}, for={own}")).await,
                401,
                "{begin}"
            );
            assert_eq!(
                guess("x-forwarded-for", &own).await,
                429,
                "{trusted}: {begin} hides a client"
            );
        }
        // If two headers disagree, both are ignored.
        for at in 0..3 {
            let request = login_request("10.1.2.3:1")
                .header("forwarded", format!("for=203.0.113.{at}"))
                .header("x-forwarded-for", format!("198.51.100.{at}"));
            let status = server
                .send(request.body(login_body("ada", "wrong")).unwrap())
                .await
                .status;
            assert_eq!(status == 429, at == 2, "{trusted}: {at}");
        }
        // Clients that the proxy itself cannot identify count as one client, distinct from the proxy.
        for unreadable in [
            "unknown",
            "",
            "_hidden",
            "\"",
            "fe80::1%eth0",
            "[::1",
            "198.51.100.7,",
            "198.51.100.300",
            "x:80",
            "::",
            "unix:",
        ] {
            guess("x-forwarded-for", unreadable).await;
        }
        assert_eq!(guess("x-forwarded-for", "anything").await, 429, "{trusted}");
        assert_eq!(guess("forwarded", "for=_another").await, 429, "{trusted}");
        assert_eq!(
            guess("x-other", "none").await,
            401,
            "the proxy itself is another client"
        );
        assert_eq!(guess("x-forwarded-for", "198.51.100.8").await, 401);
        assert_eq!(login_from(&server, "[::1]:1", "ada", "wrong").await.status, 401);
    }
}

/// The number of passwords waiting to be hashed.
fn hashing_queue(server: &TestServer) -> i64 {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &server.services.registry.lock().unwrap()).unwrap();
    let depth = text
        .lines()
        .find_map(|line| line.strip_prefix("countersign_hashing_queue_depth "));
    depth.unwrap().parse().unwrap()
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn login_from(server: &TestServer, peer: &str, name: &str, password: &str) -> Answer {
    let request = login_request(peer).body(login_body(name, password)).unwrap();
    server.send(request).await
}

fn login_request(peer: &str) -> axum::http::request::Builder {
    Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .extension(ConnectInfo(peer.parse::<SocketAddr>().unwrap()))
}

fn login_body(name: &str, password: &str) -> Body {
    Body::from(json!({ "email": format!("{name}@example.com"), "password": password }).to_string())
}
