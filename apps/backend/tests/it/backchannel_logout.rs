//! Logout notices: what ends a grant tells its client, and no client can delay the others.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::Services;
use countersign::core::clock::Clock;
use countersign::core::ids::{AccountId, SessionId};
use countersign::features::sign_in::sessions::LogoutNotice;
use countersign::settings::{Settings, SettingsFile, Sources};
use countersign_store::{Role, query, sql};
use countersign_testkit::{Database, Launch, PASSWORD, ScratchDatabase, TestServer, apply, on_both_databases};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::grants::{bound, ids, next, open, refresh, register_with, try_open, unbound};

/// How a client responds to a logout token.
#[derive(Clone)]
enum Habit {
    /// With this status.
    Status(StatusCode),
    /// Elsewhere.
    Redirect(String),
    /// Never.
    Silence,
    /// With a body that does not end.
    Endless,
    /// One byte at a time.
    Drip,
}

/// A client's endpoint for logout tokens.
#[derive(Clone)]
struct Receiver {
    url: String,
    habit: Arc<Mutex<Habit>>,
    received: Arc<Mutex<Vec<Received>>>,
    arrived: Arc<Notify>,
}

#[derive(Clone, Debug)]
struct Received {
    headers: HeaderMap,
    body: String,
}

impl Receiver {
    async fn start(habit: Habit) -> Self {
        Self::start_at(TcpListener::bind("127.0.0.1:0").await.unwrap(), habit)
    }

    fn start_at(listener: TcpListener, habit: Habit) -> Self {
        let receiver = Self {
            url: format!("http://{}/logout", listener.local_addr().unwrap()),
            habit: Arc::new(Mutex::new(habit)),
            received: Arc::default(),
            arrived: Arc::default(),
        };
        let of = receiver.clone();
        let app = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let of = of.clone();
            async move { of.respond(headers, &body).await }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    async fn respond(&self, headers: HeaderMap, body: &Bytes) -> Response {
        let body = String::from_utf8_lossy(body).into_owned();
        self.received.lock().unwrap().push(Received { headers, body });
        self.arrived.notify_waiters();
        let habit = self.habit.lock().unwrap().clone();
        match habit {
            Habit::Status(status) => status.into_response(),
            Habit::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
            Habit::Silence => std::future::pending().await,
            Habit::Endless => {
                let zeros =
                    futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![0; 1 << 16])));
                Body::from_stream(zeros).into_response()
            }
            Habit::Drip => {
                let bytes = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from("x")));
                let slowly = bytes.then(|byte| async {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    byte
                });
                Body::from_stream(slowly).into_response()
            }
        }
    }

    fn set(&self, habit: Habit) {
        *self.habit.lock().unwrap() = habit;
    }

    fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    fn last(&self) -> Received {
        self.received.lock().unwrap().last().unwrap().clone()
    }

    /// Waits until there are this many notices.
    async fn wait_for(&self, count: usize) {
        loop {
            let arrived = self.arrived.notified();
            if self.count() >= count {
                return;
            }
            arrived.await;
        }
    }
}

fn claims(received: &Received) -> (Value, Value) {
    let token = received.body.strip_prefix("logout_token=").unwrap();
    let part = |number: usize| {
        let text = token.split('.').nth(number).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    (part(0), part(1))
}

async fn listen(services: &Services, client: &str, receiver: &Receiver) {
    register_with(services, client, &[("backchannel_logout_uri", json!(receiver.url))]).await;
}

async fn queued(server: &TestServer) -> i64 {
    query(sql!("SELECT count(*) FROM logout_notices WHERE given_up_at IS NULL"))
        .one(&server.services.db)
        .await
        .unwrap()
}

/// what a logout token says, and that it can be verified with the published keys.
#[apply(on_both_databases!)]
async fn o_48_r_59_a_logout_token_says_who_was_signed_out_where(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    let receiver = Receiver::start(Habit::Status(StatusCode::NO_CONTENT)).await;
    listen(services, "grafana", &receiver).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let opened = open(&server, account, bound("grafana", session)).await;
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert_eq!(receiver.count(), 0, "a sign-out does not wait for a client");
    assert_eq!(services.logout_notices.deliver_due().await.unwrap(), 1);
    assert_eq!(services.logout_notices.deliver_due().await.unwrap(), 0);
    let received = receiver.last();
    assert_eq!(receiver.count(), 1);
    assert_eq!(received.headers["content-type"], "application/x-www-form-urlencoded");
    assert!(received.headers.get("cookie").is_none());
    let (head, body) = claims(&received);
    assert_eq!((&head["typ"], &head["alg"]), (&json!("logout+jwt"), &json!("ES256")));
    let now = services.clock.now().seconds();
    let jti = body["jti"].as_str().unwrap().to_owned();
    assert_eq!(
        body,
        json!({
            "iss": "http://127.0.0.1:8000", "aud": "grafana", "iat": now, "exp": now + 120, "jti": jti,
            "sub": account.to_string(), "sid": opened.grant.id.to_string(),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    );
    let published = server.get("/.well-known/jwks.json").await.assert_status(200).json();
    let kids: Vec<_> = published["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kid"])
        .collect();
    assert!(kids.contains(&&head["kid"]));
    // It is no access token (C-2).
    let token = received.body.strip_prefix("logout_token=").unwrap();
    ada.with(&json!({ "access_token": token }))
        .get("/api/auth/me")
        .await
        .assert_problem(401, "invalid_token");
    assert_eq!(queued(&server).await, 0);
}

/// §2.4: verifiers expect the algorithm of the ID tokens, which is RS256 unless a client asks for ES256.
#[apply(on_both_databases!)]
async fn o_48_a_logout_token_has_the_algorithm_of_the_id_tokens(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    services.keys.ensure_rsa().await.unwrap();
    let receiver = Receiver::start(Habit::Status(StatusCode::OK)).await;
    let extra = [
        ("backchannel_logout_uri", json!(receiver.url)),
        ("id_token_signed_response_alg", json!("RS256")),
    ];
    register_with(services, "spring", &extra).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    open(&server, account, bound("spring", session)).await;
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert_eq!(services.logout_notices.deliver_due().await.unwrap(), 1);
    let (head, _) = claims(&receiver.last());
    assert_eq!((&head["typ"], &head["alg"]), (&json!("logout+jwt"), &json!("RS256")));
    let published = server.get("/.well-known/jwks.json").await.assert_status(200).json();
    let key = published["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == head["kid"]);
    assert_eq!(key.unwrap()["kty"], "RSA");
}

/// When a client is told that a grant has ended, and when it is not.
#[apply(on_both_databases!)]
async fn o_48_clients_are_told_of_sign_outs_and_not_of_what_they_did(database: Database) {
    let server = TestServer::start_with(database, "[sessions]\ngrants_per_client = 1").await;
    let services = &server.services;
    let receiver = Receiver::start(Habit::Status(StatusCode::OK)).await;
    listen(services, "grafana", &receiver).await;
    let (sessions, caller) = (&services.sessions, services.command_line());
    let mut told = BTreeMap::new();
    for way in [
        "sign-out",
        "list",
        "withdrawn",
        "revoked",
        "password",
        "logout-all",
        "disabled",
        "deleted", // told
        "by client",
        "replaced",
        "reused",
        "foreign",
        "cap",
        "unbound", // not
    ] {
        let person = server.user(&way.replace(' ', "-")).await;
        let (account, session) = ids(&server, &person).await;
        let wanted = if way == "unbound" {
            unbound("grafana", session)
        } else {
            bound("grafana", session)
        };
        let opened = open(&server, account, wanted).await;
        // Another client wants no notices.
        open(&server, account, bound("quiet", session)).await;
        match way {
            "sign-out" | "unbound" => {
                person.post("/api/auth/logout", Value::Null).await.assert_status(204);
            }
            "list" => {
                let path = format!("/api/auth/sessions/{session}");
                person.delete(&path, Value::Null).await.assert_status(204);
            }
            "withdrawn" => {
                let authorization = &server.services.authorization;
                let revoked = authorization.revoke_grants(account, Some("grafana"), caller).await;
                assert_eq!(revoked.unwrap(), 1);
            }
            "revoked" => {
                let revoked = sessions.revoke_grant(opened.grant.id, LogoutNotice::Send, caller).await;
                assert!(revoked.unwrap());
            }
            "password" => {
                let body = json!({ "current_password": PASSWORD, "new_password": "another umbrella for tests" });
                person.post("/api/auth/change-password", body).await.assert_status(204);
            }
            "logout-all" => {
                person
                    .post("/api/auth/logout-all", Value::Null)
                    .await
                    .assert_status(204);
            }
            "disabled" => assert!(services.operator.set_disabled(account, true).await.unwrap()),
            "deleted" => {
                let body = json!({ "password": PASSWORD });
                person.delete("/api/auth/me", body).await.assert_status(204);
            }
            "by client" => {
                let revoked = sessions.revoke_grant(opened.grant.id, LogoutNotice::Omit, caller).await;
                assert!(revoked.unwrap());
            }
            "reused" => {
                next(&server, &opened.token, "grafana").await;
                services.clock.advance(Duration::from_secs(31));
                assert!(refresh(services, &opened.token, "grafana").await.is_err());
            }
            "foreign" => {
                assert!(refresh(services, &opened.token, "quiet").await.is_err());
            }
            "cap" => {
                services.clock.advance(Duration::from_secs(1));
                open(&server, account, unbound("grafana", session)).await;
            }
            _ => {}
        }
        let before = receiver.count();
        while services.logout_notices.deliver_due().await.unwrap() > 0 {}
        told.insert(way, receiver.count() - before);
        if receiver.count() > before {
            let (_, body) = claims(&receiver.last());
            assert_eq!(body["sid"], opened.grant.id.to_string(), "{way}");
            assert_eq!(body["sub"], account.to_string(), "{way}");
        }
    }
    let yes: Vec<_> = told
        .iter()
        .filter(|(_, count)| **count == 1)
        .map(|(way, _)| *way)
        .collect();
    assert_eq!(
        yes,
        [
            "deleted",
            "disabled",
            "list",
            "logout-all",
            "password",
            "revoked",
            "sign-out",
            "withdrawn"
        ]
    );
    assert!(told.values().all(|count| *count <= 1), "{told:?}");
}

/// A notice is repeated with growing pauses, and given up in the end. Each attempt has a token of its own.
#[apply(on_both_databases!)]
async fn o_48_failed_notices_are_repeated_and_given_up(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    let receiver = Receiver::start(Habit::Status(StatusCode::INTERNAL_SERVER_ERROR)).await;
    listen(services, "grafana", &receiver).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    open(&server, account, bound("grafana", session)).await;
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    let mut attempts = 0;
    for pause in [0, 1, 10, 60, 300, 1800] {
        if pause > 0 {
            services.clock.advance(Duration::from_secs(pause - 1));
            assert_eq!(
                services.logout_notices.deliver_due().await.unwrap(),
                0,
                "before {pause} s"
            );
            services.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(
            services.logout_notices.deliver_due().await.unwrap(),
            1,
            "after {pause} s"
        );
        attempts += 1;
        assert_eq!(receiver.count(), attempts);
    }
    let distinct: BTreeSet<_> = receiver
        .received
        .lock()
        .unwrap()
        .iter()
        .map(|received| claims(received).1["jti"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(distinct.len(), 6);
    services.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(services.logout_notices.deliver_due().await.unwrap(), 0);
    assert_eq!(given_up(&server).await, [("grafana".to_owned(), true)]);
    assert_eq!(failures(&server).await, 1);
    // It is removed after a week.
    services.logout_notices.sweep().await.unwrap();
    assert_eq!(given_up(&server).await.len(), 1);
    services.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    services.logout_notices.sweep().await.unwrap();
    assert_eq!(given_up(&server).await.len(), 0);
}

/// §2.8: 400 is an answer, and not repeated. A client that is back gets what it missed.
#[apply(on_both_databases!)]
async fn o_48_a_rejected_notice_is_not_repeated_and_a_late_client_is_told(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    let rejects = Receiver::start(Habit::Status(StatusCode::BAD_REQUEST)).await;
    let late = Receiver::start(Habit::Redirect("http://127.0.0.1:9/".to_owned())).await;
    listen(services, "rejects", &rejects).await;
    listen(services, "late", &late).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    for client in ["rejects", "late"] {
        open(&server, account, bound(client, session)).await;
    }
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert_eq!(services.logout_notices.deliver_due().await.unwrap(), 2);
    assert_eq!(given_up(&server).await, [("rejects".to_owned(), true)]);
    late.set(Habit::Status(StatusCode::NO_CONTENT));
    services.clock.advance(Duration::from_secs(1));
    assert_eq!(services.logout_notices.deliver_due().await.unwrap(), 1);
    assert_eq!((rejects.count(), late.count()), (1, 2));
    assert_eq!(queued(&server).await, 0);
    // A disabled client is not told.
    for (client, told) in [("late", 0), ("rejects", 0)] {
        let ada = server.sign_in("ada").await;
        let (_, session) = ids(&server, &ada).await;
        open(&server, account, bound(client, session)).await;
        ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
        let before = late.count() + rejects.count();
        services
            .clients
            .set_disabled(client, true, services.command_line())
            .await
            .unwrap();
        assert_eq!(services.logout_notices.deliver_due().await.unwrap(), 1);
        assert_eq!(late.count() + rejects.count(), before + told);
        assert_eq!(queued(&server).await, 0);
    }
}

/// F-23: clients that never respond, or whose response never ends, delay neither other clients nor the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o_48_f_23_hostile_receivers_delay_no_other_client() {
    let server = TestServer::start(Database::Sqlite).await;
    let services = &server.services;
    let elsewhere = Receiver::start(Habit::Status(StatusCode::OK)).await;
    let good = Receiver::start(Habit::Status(StatusCode::OK)).await;
    let hostile = [
        Receiver::start(Habit::Silence).await,
        Receiver::start(Habit::Drip).await,
        Receiver::start(Habit::Endless).await,
        Receiver::start(Habit::Redirect(elsewhere.url.clone())).await,
    ];
    listen(services, "good", &good).await;
    for (number, receiver) in hostile.iter().enumerate() {
        listen(services, &format!("hostile-{number}"), receiver).await;
    }
    let eve = server.user("eve").await;
    let (of_eve, at_eves) = ids(&server, &eve).await;
    open(&server, of_eve, bound("good", at_eves)).await;
    let sender = tokio::spawn(services.logout_notices.clone().deliver_forever());
    // Many notices for each hostile client come before the one for the good client.
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    for _ in 0..10 {
        for number in 0..hostile.len() {
            open(&server, account, bound(&format!("hostile-{number}"), session)).await;
        }
    }
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    for receiver in &hostile {
        receiver.wait_for(1).await;
    }
    eve.post("/api/auth/logout", Value::Null).await.assert_status(204);
    good.wait_for(1).await;
    // The silent client holds its attempts for three seconds each, a few at a time: most of its notices are still waiting.
    let silent = &hostile[0];
    assert!(silent.count() <= 8, "{} attempts", silent.count());
    assert_eq!(elsewhere.count(), 0, "a redirect is not followed");
    sender.abort();
}

async fn given_up(server: &TestServer) -> Vec<(String, bool)> {
    countersign_store::row! {
        struct Row {
            client_id: String,
            sub: Option<AccountId>,
        }
    }
    let rows: Vec<Row> = query(sql!(
        "SELECT client_id, sub FROM logout_notices WHERE given_up_at IS NOT NULL ORDER BY client_id"
    ))
    .all(&server.services.db)
    .await
    .unwrap();
    rows.into_iter().map(|row| (row.client_id, row.sub.is_none())).collect()
}

async fn failures(server: &TestServer) -> i64 {
    query(sql!(
        "SELECT count(*) FROM audit_events WHERE kind = 'logout_notice.failed' AND detail = 'grafana'"
    ))
    .one(&server.services.db)
    .await
    .unwrap()
}

/// The services of an installation beside its running server, as commands use them.
async fn beside(scratch: &ScratchDatabase) -> Services {
    let keys = scratch.folder().join("keys").display().to_string();
    let text = format!(
        "database_url = {:?}\nkeys_dir = {keys:?}\nissuer = \"http://127.0.0.1:8000\"\n",
        scratch.url
    );
    let file = SettingsFile {
        path: "countersign.toml".into(),
        text: Ok(text),
    };
    let sources = Sources {
        file: Some(file),
        cores: NonZero::new(2),
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let services = Services::open(loaded.settings, Role::Admin, Clock::system());
    services.await.unwrap()
}

/// Kill -9, between the sign-out and its notice, and while the notice is being sent: the client is told after the restart.
#[apply(on_both_databases!)]
async fn o_48_a_notice_survives_a_kill(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(env!("CARGO_BIN_EXE_countersign"), &scratch);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let mut server = launch.start().await;
    server
        .client()
        .post("/api/auth/register", &body)
        .await
        .unwrap()
        .assert_status(201);
    let services = &Box::pin(beside(&scratch)).await;
    // The first client cannot be reached before the kill, the second one holds the request.
    let absent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = absent.local_addr().unwrap();
    drop(absent);
    let held = Receiver::start(Habit::Silence).await;
    let url = format!("http://{address}/logout");
    register_with(services, "absent", &[("backchannel_logout_uri", json!(url))]).await;
    listen(services, "held", &held).await;
    for client in ["absent", "held"] {
        let tokens = server
            .client()
            .post("/api/auth/login", &body)
            .await
            .unwrap()
            .assert_status(200)
            .json();
        let token = tokens["access_token"].as_str().unwrap();
        let (account, session) = subject(token);
        let opened = try_open(services, account, bound(client, session)).await.unwrap();
        let ended = server
            .client()
            .send((Method::POST, "/api/auth/logout"), None, token)
            .await;
        ended.unwrap().assert_status(204);
        if client == "held" {
            held.wait_for(1).await;
        }
        server.kill();
        let queued: Vec<SessionId> = query(sql!("SELECT sid FROM logout_notices WHERE given_up_at IS NULL"))
            .all(&services.db)
            .await
            .unwrap();
        assert_eq!(queued, [opened.grant.id], "{client}");
        let receiver = match client {
            "held" => {
                held.set(Habit::Status(StatusCode::OK));
                // The reservation of the killed server has ended.
                query(sql!("UPDATE logout_notices SET due_at = 0"))
                    .execute(&services.db)
                    .await
                    .unwrap();
                held.clone()
            }
            _ => Receiver::start_at(TcpListener::bind(address).await.unwrap(), Habit::Status(StatusCode::OK)),
        };
        let before = receiver.count();
        server = launch.start().await;
        receiver.wait_for(before + 1).await;
        let (_, body) = claims(&receiver.last());
        assert_eq!(body["sid"], opened.grant.id.to_string(), "{client}");
        assert_eq!(body["sub"], account.to_string(), "{client}");
        // It is removed once it was accepted.
        loop {
            let left: i64 = query(sql!("SELECT count(*) FROM logout_notices"))
                .one(&services.db)
                .await
                .unwrap();
            if left == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The account and the session of an access token.
fn subject(token: &str) -> (AccountId, SessionId) {
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let id = |name: &str| serde_json::from_value(claims[name].clone()).unwrap();
    (AccountId(id("sub")), SessionId(id("sid")))
}
