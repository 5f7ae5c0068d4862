//! Status lists: every way to end a session sets its bit, on every node and permanently; and how a list is fetched.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::Services;
use countersign::core::ids::AccountId;
use countersign::features::sign_in::revocation::{Bit, Reach};
use countersign_jose::{Present, StatusListClaims, StatusListExpectation, verify};
use countersign_store::{Role, query, sql};
use countersign_testkit::{
    Answer, Database, Launch, PASSWORD, Person, ScratchDatabase, TestServer, apply, on_both_databases,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

const ISSUER: &str = "http://127.0.0.1:8000";

/// The `status` claim of a token: the index, and the list's path.
fn reference(access_token: &str) -> (u64, String) {
    let payload = URL_SAFE_NO_PAD.decode(access_token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let list = &claims["status"]["status_list"];
    let path = list["uri"].as_str().unwrap().strip_prefix(ISSUER).unwrap().to_owned();
    (list["idx"].as_u64().unwrap(), path)
}

/// The status at an index of a fetched list.
fn status(services: &Services, path: &str, list: &Answer, idx: u64) -> u8 {
    let uri = format!("{ISSUER}{path}");
    let expect = StatusListExpectation {
        issuer: ISSUER,
        uri: &uri,
        present: Present {
            now: services.clock.now().seconds(),
            leeway: 0,
        },
    };
    let list = verify::<StatusListClaims>(&list.text, |kid| services.keys.verifying_key(kid), &expect).unwrap();
    list.status_list.status(idx).unwrap()
}

/// Whether the published list says that the session of this token has ended.
async fn is_revoked(server: &TestServer, access_token: &str) -> bool {
    let (idx, path) = reference(access_token);
    let list = server.get(&path).await.assert_status(200);
    status(&server.services, &path, &list, idx) != 0
}

async fn id_of(person: &Person<'_>) -> AccountId {
    let me = person.get("/api/auth/me").await.assert_status(200).json();
    AccountId(me["id"].as_str().unwrap().parse().unwrap())
}

/// The metrics, as an operator's Prometheus reads them.
fn metrics(server: &TestServer) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &server.services.registry.lock().unwrap()).unwrap();
    text
}

/// Waits until this many requests for a list are held.
async fn until_held(server: &TestServer, count: usize) {
    let line = format!("countersign_status_list_waiters {count}\n");
    let began = Instant::now();
    while !metrics(server).contains(&line) {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", metrics(server));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A GET that names the current list and the maximum wait.
fn conditional(path: &str, etag: &str, wait: &str) -> Request<Body> {
    let request = Request::get(path).header("if-none-match", etag).header("prefer", wait);
    request.body(Body::empty()).unwrap()
}

#[apply(on_both_databases!)]
async fn a95_r16_c77_every_way_of_ending_a_session_sets_its_bit(database: Database) {
    let server = TestServer::start_with(
        database,
        "[sessions]\nper_account = 2\n[tokens]\nrefresh_replay_window = \"0s\"",
    )
    .await;
    let there = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(server.another_node().await),
    };
    for way in [
        "logout",
        "by refresh token",
        "revoke",
        "reuse",
        "everywhere",
        "password",
        "recovery",
        "verification",
        "sign-in by email",
        "cap",
        "delete",
        "operator password",
        "operator disable",
        "operator delete",
    ] {
        let name = way.replace(' ', "-");
        let ada = server.user(&name).await;
        let id = id_of(&ada).await;
        let before = server
            .get(&reference(&ada.access_token).1)
            .await
            .header("etag")
            .to_owned();
        assert!(!is_revoked(&server, &ada.access_token).await, "{way}");
        let services = &server.services;
        match way {
            "logout" => drop(ada.post("/api/auth/logout", Value::Null).await.assert_status(204)),
            "by refresh token" => {
                let body = json!({ "refresh_token": ada.refresh_token });
                server.post("/api/auth/logout", body).await.assert_status(204);
            }
            "revoke" => {
                let session = ada.get("/api/auth/sessions").await.json()[0]["id"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                ada.delete(&format!("/api/auth/sessions/{session}"), Value::Null)
                    .await
                    .assert_status(204);
            }
            "reuse" => {
                ada.refresh(&ada.refresh_token).await.assert_status(200);
                ada.refresh(&ada.refresh_token).await.assert_status(401);
            }
            "everywhere" => drop(ada.post("/api/auth/logout-all", Value::Null).await.assert_status(204)),
            "password" => {
                let other = server.sign_in(&name).await;
                let body = json!({ "current_password": PASSWORD, "new_password": "another long umbrella" });
                other.post("/api/auth/change-password", body).await.assert_status(204);
                assert!(
                    !is_revoked(&server, &other.access_token).await,
                    "the session that asked lives on"
                );
            }
            "recovery" => {
                server.mails().await;
                server
                    .post("/api/auth/recover", json!({ "email": ada.email }))
                    .await
                    .assert_status(202);
                let body = json!({ "token": server.mail().await.token(), "new_password": "another long umbrella" });
                server.post("/api/auth/recover/confirm", body).await.assert_status(204);
            }
            // The user who signed up may not own the email address: verification ends what they did.
            "verification" => {
                server.mails().await;
                server
                    .post("/api/auth/verify-email", json!({ "email": ada.email }))
                    .await
                    .assert_status(202);
                let body = json!({ "token": server.mail().await.token(), "new_password": "another long umbrella" });
                server
                    .post("/api/auth/verify-email/confirm", body)
                    .await
                    .assert_status(204);
            }
            "sign-in by email" => {
                server.mails().await;
                server
                    .post("/api/auth/login/email", json!({ "email": ada.email }))
                    .await
                    .assert_status(202);
                let body = json!({ "token": server.mail().await.token() });
                server
                    .post("/api/auth/login/email/confirm", body)
                    .await
                    .assert_status(200);
            }
            "cap" => {
                for _ in 0..2 {
                    services.clock.advance(Duration::from_secs(1));
                    server.sign_in(&name).await;
                }
            }
            "delete" => drop(
                ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
                    .await
                    .assert_status(204),
            ),
            "operator password" => {
                let account = countersign::features::identity::accounts::find(&services.db, id)
                    .await
                    .unwrap()
                    .unwrap();
                services
                    .operator
                    .set_password(&account, "another long umbrella".to_owned().into())
                    .await
                    .unwrap();
            }
            "operator disable" => assert!(services.operator.set_disabled(id, true).await.unwrap()),
            "operator delete" => {
                let account = countersign::features::identity::accounts::find(&services.db, id)
                    .await
                    .unwrap()
                    .unwrap();
                services.operator.delete(&account).await.unwrap();
            }
            other => panic!("{other} is no way"),
        }
        assert!(is_revoked(&server, &ada.access_token).await, "{way}");
        for path in ["/api/auth/me", "/api/auth/forward"] {
            let answer = ada.get(path).await;
            let refused = (answer.status.as_u16(), answer.code());
            assert_eq!(refused, (401, "invalid_token".to_owned()), "{way}: {path}");
        }
        if let Some(there) = &there {
            there.revocations.refresh().await.unwrap();
            assert!(
                there.guard.verify(&ada.access_token).await.is_err(),
                "{way} reaches the other node"
            );
        }
        let after = server
            .get(&reference(&ada.access_token).1)
            .await
            .header("etag")
            .to_owned();
        assert_ne!(before, after, "{way} changes what is published");
    }
}

#[apply(on_both_databases!)]
async fn what_was_revoked_stays_revoked_after_a_restart(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    let (settings, clock) = (server.services.settings.clone(), server.services.clock.clone());
    let (ada_token, eve_token) = (ada.access_token.clone(), eve.access_token.clone());
    if database == Database::Sqlite {
        server.services.db.close().await.unwrap();
    }
    let again = Services::open(settings, Role::Server, clock).await.unwrap();
    assert!(again.guard.verify(&ada_token).await.is_err());
    assert!(again.guard.verify(&eve_token).await.is_ok());
}

#[apply(on_both_databases!)]
async fn the_command_of_another_process_reaches_a_running_server(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(env!("CARGO_BIN_EXE_countersign"), &scratch).start().await;
    let client = server.client();
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    client
        .post("/api/auth/register", &body)
        .await
        .unwrap()
        .assert_status(201);
    let tokens = client
        .post("/api/auth/login", &body)
        .await
        .unwrap()
        .assert_status(200)
        .json();
    let token = tokens["access_token"].as_str().unwrap();
    let (_, path) = reference(token);
    let etag = client
        .get_as(&path, "")
        .await
        .unwrap()
        .assert_status(200)
        .header("etag")
        .to_owned();
    let held = {
        let (client, path, etag) = (server.client(), path.clone(), etag.clone());
        tokio::spawn(async move { client.wait_for_change(&path, &etag, 30).await })
    };
    client.get_as("/api/auth/me", token).await.unwrap().assert_status(200);

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
    let command = command
        .args(["users", "disable", "ada@example.com"])
        .env_clear()
        .current_dir(scratch.folder());
    let command = command
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_ISSUER", ISSUER);
    assert!(
        command
            .env("COUNTERSIGN_KEYS_DIR", scratch.folder().join("keys"))
            .status()
            .unwrap()
            .success()
    );

    let list = held.await.unwrap().unwrap().assert_status(200);
    client
        .get_as("/api/auth/me", token)
        .await
        .unwrap()
        .assert_problem(401, "invalid_token");
    assert_ne!(list.header("etag"), etag);
    assert_eq!(list.header("preference-applied"), "wait=30");
}

#[apply(on_both_databases!)]
async fn a_revocation_that_a_crash_left_unnumbered_is_found(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (idx, path) = reference(&ada.access_token);
    let list: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
    query(sql!(
        "INSERT INTO revocations (list, idx, revoked_at) VALUES ($1, $2, 0)"
    ))
    .bind(list)
    .bind(i64::try_from(idx).unwrap())
    .execute(&server.services.db)
    .await
    .unwrap();
    ada.get("/api/auth/me").await.assert_status(200);
    server.services.revocations.refresh().await.unwrap();
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    assert!(is_revoked(&server, &ada.access_token).await);
}

#[apply(on_both_databases!)]
async fn revocations_of_many_at_once_are_all_there_in_order(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    let mut people = Vec::new();
    for number in 0..24 {
        people.push(server.user(&format!("user{number}")).await);
    }
    let mut etags = Vec::new();
    futures_util::future::join_all(people.iter().map(|person| person.post("/api/auth/logout", Value::Null))).await;
    etags.push(
        server
            .get(&reference(&people[0].access_token).1)
            .await
            .header("etag")
            .to_owned(),
    );
    for person in &people {
        assert!(is_revoked(&server, &person.access_token).await);
    }
    let numbers: Vec<i64> = query(sql!(
        "SELECT number FROM revocations WHERE number IS NOT NULL ORDER BY number"
    ))
    .all(&services.db)
    .await
    .unwrap();
    assert_eq!(numbers.len(), people.len());
    let version: i64 = query(sql!("SELECT MAX(version) FROM status_lists"))
        .one(&services.db)
        .await
        .unwrap();
    assert_eq!(numbers.last(), Some(&version));
}

#[apply(on_both_databases!)]
async fn a_list_is_fetched_once_and_then_asked_about(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (_, path) = reference(&ada.access_token);
    let list = server.get(&path).await.assert_status(200);
    assert_eq!(list.header("content-type"), "application/statuslist+jwt");
    assert_eq!(list.header("cache-control"), "public, max-age=30");
    assert_eq!(list.header("vary"), "Prefer");
    assert_eq!(list.header("access-control-allow-origin"), "*");
    let etag = list.header("etag").to_owned();
    assert_eq!(server.get(&path).await.text, list.text, "it is signed once for all");
    server.send(conditional(&path, &etag, "")).await.assert_status(304);
    // A client with another list is answered immediately, whatever it prefers.
    let other = server
        .send(conditional(&path, "\"another\"", "wait=30"))
        .await
        .assert_status(200);
    assert_eq!(other.header("cache-control"), "public, max-age=30");
    // Later it is signed again, long before it expires.
    server.services.clock.advance(Duration::from_secs(16 * 60));
    let later = server.send(conditional(&path, &etag, "")).await.assert_status(200);
    assert_ne!(later.header("etag"), etag);
    for nowhere in ["2", "0", "-1", "01", "+1", "x", "9999999999999999999999"] {
        server
            .get(&format!("/oauth2/status-lists/{nowhere}"))
            .await
            .assert_problem(404, "not_found");
    }
}

#[apply(on_both_databases!)]
async fn one_client_behind_a_proxy_holds_no_more_than_its_share_and_all_no_more_than_half(database: Database) {
    let toml = "trusted_proxies = [\"10.0.0.0/8\"]\n[http]\nmax_connections = 20\nmax_connections_per_address = 8\n";
    let server = TestServer::start_with(database, toml).await;
    let ada = server.user("ada").await;
    let (_, path) = reference(&ada.access_token);
    let etag = server.get(&path).await.header("etag").to_owned();
    let ask = |client: String| {
        let mut request = conditional(&path, &etag, "wait=2");
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([10, 1, 2, 3], 40_000))));
        server.send(request)
    };
    let held = |answers: &[Answer]| {
        for answer in answers {
            assert_eq!((answer.status.as_u16(), answer.header("etag")), (304, &*etag));
            // A response that was not held may be requested again when the list is due, and no sooner.
            let caching = if answer.header("preference-applied").is_empty() {
                "public, max-age=30"
            } else {
                "no-cache"
            };
            assert_eq!(answer.header("cache-control"), caching);
        }
        answers
            .iter()
            .filter(|answer| answer.header("preference-applied") == "wait=2")
            .count()
    };
    // One client, regardless of how its IP address is written and what it claims to be.
    let spellings = [
        "203.0.113.7",
        "198.51.100.1, 203.0.113.7",
        "::ffff:203.0.113.7",
        "203.0.113.7:4711",
    ];
    let one = join_all((0..16).map(|by| ask(spellings[by % 4].to_owned()))).await;
    assert_eq!(held(&one), 4);
    let one = join_all((0..16).map(|by| ask(format!("2001:db8:1:2::{by:x}")))).await;
    assert_eq!(held(&one), 4);
    // Other clients behind the same proxy have their own limit, and the proxies' own services do not count as one
    // client.
    let others = join_all((0..9).map(|by| ask(format!("203.0.113.{}", by + 20)))).await;
    assert_eq!(held(&others), 9);
    let own = join_all((0..9).map(|_| ask("10.9.9.9".to_owned()))).await;
    assert_eq!(held(&own), 9);
    // All clients together may use half of the connections.
    let all = join_all((0..30).map(|by| ask(format!("203.0.113.{}", by + 20)))).await;
    assert_eq!(held(&all), 10);
    let metrics = metrics(&server);
    assert!(metrics.contains("countersign_status_list_waiters 0\n"), "{metrics}");
    assert!(
        metrics.contains("countersign_status_list_waiters_refused_total{reason=\"address\"} 24\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("countersign_status_list_waiters_refused_total{reason=\"total\"} 20\n"),
        "{metrics}"
    );
}

#[apply(on_both_databases!)]
async fn a_held_request_is_answered_by_a_change_by_its_time_and_by_the_end(database: Database) {
    let server = std::sync::Arc::new(TestServer::start(database).await);
    let ada = server.user("ada").await;
    let (idx, path) = reference(&ada.access_token);
    let etag = server.get(&path).await.header("etag").to_owned();
    let hold = |etag: &str, wait: &str| {
        let (server, request) = (server.clone(), conditional(&path, etag, wait));
        tokio::spawn(async move { server.send(request).await })
    };

    let short = hold(&etag, "wait=1").await.unwrap().assert_status(304);
    assert_eq!(
        (short.header("cache-control"), short.header("preference-applied")),
        ("no-cache", "wait=1")
    );

    let waiters: Vec<_> = (0..20).map(|_| hold(&etag, "wait=60")).collect();
    until_held(&server, 20).await;
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    let mut new = String::new();
    for waiter in waiters {
        let list = waiter.await.unwrap().assert_status(200);
        assert_eq!(list.header("cache-control"), "no-cache");
        assert_eq!(status(&server.services, &path, &list, idx), 1);
        new = list.header("etag").to_owned();
    }

    let last = hold(&new, "wait=60");
    until_held(&server, 1).await;
    countersign::core::server::Shutdown::new(server.services.readiness.clone()).begin();
    last.await.unwrap().assert_status(304);
}

#[apply(on_both_databases!)]
async fn no_bit_is_given_twice_and_a_full_list_makes_room_for_the_next(database: Database) {
    let server = TestServer::start_with(database, "[status_lists]\nentries = 1024").await;
    let revocations = &server.services.revocations;
    let mut bits = HashSet::new();
    let mut order = Vec::new();
    for _ in 0..2500 {
        let Bit { list, idx } = revocations.allocate().await.unwrap();
        assert!((0..1024).contains(&idx));
        assert!(bits.insert((list, idx)), "{list}/{idx} twice");
        order.push(idx);
    }
    assert_eq!(bits.iter().map(|(list, _)| list).collect::<HashSet<_>>().len(), 3);
    assert!(
        order.windows(2).filter(|pair| pair[1] == pair[0] + 1).count() < 50,
        "the order tells something"
    );

    // Once no token of the first lists can be valid any more, they are removed with their bits.
    let ada = server.user("ada").await;
    query(sql!("INSERT INTO revocations (list, idx, revoked_at) VALUES (1, 1, 0)"))
        .execute(&server.services.db)
        .await
        .unwrap();
    server.services.clock.advance(Duration::from_secs(92 * 24 * 60 * 60));
    revocations.sweep().await.unwrap();
    server
        .get("/oauth2/status-lists/1")
        .await
        .assert_problem(404, "not_found");
    server.get(&reference(&ada.access_token).1).await.assert_status(200);
    let left: i64 = query(sql!("SELECT COUNT(*) FROM revocations"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

/// Bits of access tokens without a refresh token are in lists of their own, which are needed for two days and not for three
/// months.
#[apply(on_both_databases!)]
async fn lists_of_short_lived_tokens_are_removed_early(database: Database) {
    let server = TestServer::start_with(database, "[status_lists]\nentries = 1024").await;
    let revocations = &server.services.revocations;
    let ada = server.user("ada").await;
    let (_, of_session) = reference(&ada.access_token);
    let mut lists = HashSet::new();
    for _ in 0..1500 {
        let bit = revocations.allocate_for(Reach::AccessToken).await.unwrap();
        assert!(!of_session.ends_with(&format!("/{}", bit.list)), "a list of sessions");
        lists.insert(bit.list);
    }
    assert_eq!(lists.len(), 2);
    // The newest list is always kept, so that its number is not given again: make it one of sessions.
    for _ in 0..1100 {
        revocations.allocate().await.unwrap();
    }
    let path = |list: &i64| format!("/oauth2/status-lists/{list}");
    server.services.clock.advance(Duration::from_secs(47 * 60 * 60));
    revocations.sweep().await.unwrap();
    for list in &lists {
        server.get(&path(list)).await.assert_status(200);
    }
    server.services.clock.advance(Duration::from_secs(2 * 60 * 60));
    revocations.sweep().await.unwrap();
    for list in &lists {
        server.get(&path(list)).await.assert_problem(404, "not_found");
    }
    server.get(&of_session).await.assert_status(200);
    // A bit of a removed list can still be set: a grant without a refresh token may outlive its tokens.
    let (list, now) = (*lists.iter().next().unwrap(), server.services.clock.now());
    let ended = revocations.transact(|tx| Box::pin(async move { tx.revoke(vec![Bit { list, idx: 1 }], now).await }));
    ended.await.unwrap();
    revocations.refresh().await.unwrap();
    revocations.sweep().await.unwrap();
    let left: i64 = query(sql!("SELECT COUNT(*) FROM revocations"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
    // The next bit is in another list.
    let bit = revocations.allocate_for(Reach::AccessToken).await.unwrap();
    assert!(!lists.contains(&bit.list));
    server.get(&path(&bit.list)).await.assert_status(200);
}

/// Two nodes on one PostgreSQL: each learns of the other's revocations, and no bit is assigned by both.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_agree() {
    let server = TestServer::start(Database::Postgres).await;
    let (here, there) = (&server.services, server.another_node().await);
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    assert!(
        there.guard.verify(&ada.access_token).await.is_ok(),
        "a list of the other node is found"
    );
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert!(
        there.guard.verify(&ada.access_token).await.is_ok(),
        "no one has looked yet"
    );
    there.revocations.refresh().await.unwrap();
    assert!(there.guard.verify(&ada.access_token).await.is_err());
    there.operator.set_disabled(id_of(&eve).await, true).await.unwrap();
    here.revocations.refresh().await.unwrap();
    eve.get("/api/auth/me").await.assert_problem(401, "invalid_token");

    let mut bits = HashSet::new();
    for _ in 0..600 {
        for node in [here, &there] {
            let Bit { list, idx } = node.revocations.allocate().await.unwrap();
            assert!(bits.insert((list, idx)));
        }
    }
}

/// The limit on open files reduces the number of connections, and with it the number of held requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn held_requests_leave_file_descriptors_for_others() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let mut launch = Launch::new(env!("CARGO_BIN_EXE_countersign"), &scratch);
    // Enough for 40 connections besides the reserved files: half of the files is better than none.
    let limited = ["sh", "-c", "ulimit -n 100 && exec \"$0\" \"$@\""].map(str::to_owned);
    launch.command.splice(0..0, limited);
    let server = launch.start().await;
    let client = server.client();
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    client
        .post("/api/auth/register", &body)
        .await
        .unwrap()
        .assert_status(201);
    let ada = client
        .post("/api/auth/login", &body)
        .await
        .unwrap()
        .assert_status(200)
        .json();
    let token = ada["access_token"].as_str().unwrap();
    let (_, path) = reference(token);
    let etag = client.get_as(&path, "").await.unwrap().header("etag").to_owned();
    // Each on a separate connection, as many clients would.
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (client, path, etag) = (server.client(), path.clone(), etag.clone());
        waiting.spawn(async move { client.wait_for_change(&path, &etag, 60).await });
    }
    // Of 50 connections, 25 may be held until a change: the others are answered immediately, and so are all other
    // requests.
    for _ in 0..15 {
        let answered = waiting
            .join_next()
            .await
            .unwrap()
            .unwrap()
            .expect("there is room for all of them");
        assert_eq!(
            (answered.status.as_u16(), answered.header("preference-applied")),
            (304, "")
        );
    }
    client
        .get_as("/api/auth/me", token)
        .await
        .expect("there is room")
        .assert_status(200);
    assert_eq!(waiting.len(), 25);
    let ended = client
        .send((axum::http::Method::POST, "/api/auth/logout"), None, token)
        .await;
    ended.unwrap().assert_status(204);
    while let Some(told) = waiting.join_next().await {
        told.unwrap().unwrap().assert_status(200);
    }
}
