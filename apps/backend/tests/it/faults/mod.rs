//! Dependencies that are down, silent, slow, disconnected, locked or full: the server rejects what it cannot answer
//! within a bounded time, continues what it can, and recovers by itself. (Redis down and silent: `nodes/redis.rs`.)

mod disk;
mod proxy;
mod reading;
mod rights;
mod writes;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use countersign_store::{DatabaseOptions, Db, Role, query, sql};
use countersign_testkit::{
    Answer, Database, HttpClient, Launch, PASSWORD, ScratchDatabase, TestServer, apply, on_both_databases,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::proxy::{Fault, Proxy};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// The maximum response time: the guide promises six seconds for a silent database; a machine busy with other tests
/// gets some more.
const BOUND: Duration = Duration::from_secs(12);
/// How soon the server must have recovered after the fault.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_an_unreachable_postgres_causes_503_until_it_is_back() {
    let mut scratch = ScratchDatabase::create(Database::Postgres).await;
    let proxy = before_postgres(&mut scratch).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    let ada = sign_up(&client, "ada").await;
    let spare = sign_in(&client, "ada").await;
    for fault in [
        Fault::Reset,
        Fault::Silence,
        Fault::CutAfter(50),
        Fault::Silence,
        Fault::Reset,
    ] {
        proxy.set(fault);
        refuses_and_lives(&client, &ada, &format!("{fault:?}")).await;
        proxy.set(Fault::None);
        is_back(&client, &ada, &format!("{fault:?}")).await;
    }
    proxy.set(Fault::Delay(Duration::from_millis(30)));
    me(&client, &ada).await.assert_status(200);
    sign_in(&client, "ada").await;
    proxy.set(Fault::None);

    // No rejected request took effect, and nothing is stuck.
    let spent = json!({ "refresh_token": spare["refresh_token"] });
    client
        .post("/api/auth/refresh", &spent)
        .await
        .unwrap()
        .assert_status(200);
    let logout = client.send((Method::POST, "/api/auth/logout"), None, token(&ada)).await;
    logout.unwrap().assert_status(204);
    me(&client, &ada).await.assert_status(401);
}

/// The log names the database and nothing that works.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_while_postgres_is_down_log_and_doctor_blame_only_the_database() {
    let mut scratch = ScratchDatabase::create(Database::Postgres).await;
    let proxy = before_postgres(&mut scratch).await;
    let launch = Launch::new(BINARY, &scratch);
    let server = launch.start().await;
    sign_up(&server.client(), "ada").await;
    let before = launch.log().len();
    proxy.set(Fault::Reset);
    let told = "failed to read queued emails from the database";
    until(BOUND, async || launch.log()[before..].contains(told)).await;

    let mut doctor = Command::new(BINARY);
    let doctor = doctor
        .args(["doctor", "--json"])
        .env_clear()
        .current_dir(scratch.folder());
    let doctor = doctor
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", &server.base);
    let output = tokio::task::block_in_place(|| doctor.output().unwrap());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let findings: Vec<Value> = serde_json::from_str(&text).unwrap();
    let of = |about: &str| findings.iter().find(|finding| finding["about"] == about).unwrap();
    assert_eq!(of("database")["state"], "fail", "{text}");
    assert_eq!(of("keys")["state"], "unknown", "{text}");
    assert!(
        of("keys")["found"]
            .as_str()
            .unwrap()
            .contains("could not be read from the database"),
        "{text}"
    );
    assert!(!text.contains("no server has used it yet"), "{text}");

    // All four lanes have run by now: it is logged once, and not for any email.
    tokio::time::sleep(Duration::from_secs(6)).await;
    proxy.set(Fault::None);
    until(BOUND, async || {
        launch.log()[before..].contains("resumed reading queued emails from the database")
    })
    .await;
    let log = launch.log().split_off(before);
    assert_eq!(log.matches(told).count(), 1, "{log}");
    assert!(!log.contains("a mail could not be"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_a_server_without_postgres_exits_and_starts_once_it_is_available() {
    let mut scratch = ScratchDatabase::create(Database::Postgres).await;
    let proxy = before_postgres(&mut scratch).await;
    proxy.set(Fault::Reset);
    let refusal = Launch::new(BINARY, &scratch).refused().await;
    assert_ne!(refusal.exit_code, Some(0));
    assert!(refusal.text.contains("unavailable"), "{}", refusal.text);
    proxy.set(Fault::None);
    let server = Launch::new(BINARY, &scratch).start().await;
    sign_up(&server.client(), "ada").await;
}

/// Another process holds a lock that a revocation needs.
#[apply(on_both_databases!)]
async fn c36_f7_a_revocation_that_cannot_be_written_says_so_and_happens_afterwards(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, laptop) = (server.user("ada").await, server.sign_in("ada").await);
    let other = Db::open(&DatabaseOptions::new(server.database_url(), Role::Admin))
        .await
        .unwrap();
    let (held, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let gates = (held.clone(), release.clone());
    let holding = tokio::spawn(async move {
        let (held, release) = (&gates.0, &gates.1);
        let work = other.transact(|tx| {
            Box::pin(async move {
                query(sql!("UPDATE sessions SET revoked_at = revoked_at"))
                    .execute(tx)
                    .await?;
                held.notify_one();
                release.notified().await;
                Ok::<(), countersign_store::StoreError>(())
            })
        });
        work.await
    });
    held.notified().await;
    let began = Instant::now();
    let by_token = json!({ "refresh_token": laptop.refresh_token });
    let (first, second, third) = tokio::join!(
        ada.post("/api/auth/logout", Value::Null),
        server.post("/api/auth/logout", by_token.clone()),
        ada.post("/api/auth/logout-all", Value::Null),
    );
    for answer in [first, second, third] {
        let answer = answer.assert_problem(503, "unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    assert!(began.elapsed() < BOUND, "it took {:?}", began.elapsed());
    ada.get("/api/auth/me").await.assert_status(200);
    release.notify_one();
    let _ = holding.await.unwrap();
    ada.get("/api/auth/me").await.assert_status(200);
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    server.post("/api/auth/logout", by_token).await.assert_status(204);
    laptop.get("/api/auth/me").await.assert_problem(401, "invalid_token");
}

/// No endpoint grants anything or reports success; what needs no database works.
async fn refuses_and_lives(client: &HttpClient, ada: &Value, fault: &str) {
    let began = Instant::now();
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    let register = json!({ "email": "eve@example.com", "password": PASSWORD });
    let refresh = json!({ "refresh_token": ada["refresh_token"] });
    let (seen, signed_in, signed_up, refreshed, signed_out, alive, keys) = tokio::join!(
        me(client, ada),
        client.post("/api/auth/login", &login),
        client.post("/api/auth/register", &register),
        client.post("/api/auth/refresh", &refresh),
        client.send((Method::POST, "/api/auth/logout"), None, token(ada)),
        get(client, "/healthz"),
        get(client, "/.well-known/jwks.json"),
    );
    let answers = [Some(seen), signed_in, signed_up, refreshed, signed_out];
    for answer in answers.into_iter().map(Option::unwrap) {
        let answer = answer.assert_problem(503, "unavailable");
        assert!(!answer.header("retry-after").is_empty(), "{fault}");
    }
    alive.assert_status(200);
    keys.assert_status(200);
    assert!(began.elapsed() < BOUND, "{fault}: it took {:?}", began.elapsed());
    until(BOUND, async || get(client, "/readyz").await.status == 503).await;
}

async fn is_back(client: &HttpClient, ada: &Value, fault: &str) {
    let began = Instant::now();
    until(RECOVERY, async || {
        get(client, "/readyz").await.status == 200 && me(client, ada).await.status == 200
    })
    .await;
    println!("{fault}: back after {:?}", began.elapsed());
}

async fn until(bound: Duration, holds: impl AsyncFn() -> bool) {
    let end = Instant::now() + bound;
    while !holds().await {
        assert!(Instant::now() < end, "it did not come to hold within {bound:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Puts a proxy between the server and its PostgreSQL.
async fn before_postgres(scratch: &mut ScratchDatabase) -> Proxy {
    let authority = scratch
        .url
        .split(['/', '?'])
        .nth(2)
        .unwrap()
        .rsplit('@')
        .next()
        .unwrap()
        .to_owned();
    let upstream: SocketAddr = authority.parse().expect("the test's PostgreSQL listens at an address");
    let proxy = Proxy::start(upstream).await;
    scratch.url = scratch.url.replace(&authority, &proxy.address.to_string());
    proxy
}

async fn sign_up(client: &HttpClient, name: &str) -> Value {
    let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
    client
        .post("/api/auth/register", &account)
        .await
        .unwrap()
        .assert_status(201);
    sign_in(client, name).await
}

async fn sign_in(client: &HttpClient, name: &str) -> Value {
    let login = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
    client
        .post("/api/auth/login", &login)
        .await
        .unwrap()
        .assert_status(200)
        .json()
}

async fn get(client: &HttpClient, path: &str) -> Answer {
    client.get_as(path, "").await.unwrap()
}

async fn me(client: &HttpClient, tokens: &Value) -> Answer {
    client.get_as("/api/auth/me", token(tokens)).await.unwrap()
}

fn token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}
