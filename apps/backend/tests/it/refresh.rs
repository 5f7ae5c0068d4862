//! Rotation: one successor per token, legitimate repetitions within the window, and the end of the family for anything
//! else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::core::sealing::{SealingKey, SealingRing};
use countersign_store::{Piece, Value as StoredValue, query, sql};
use countersign_testkit::{Answer, Database, Person, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

#[apply(on_both_databases!)]
async fn r30_a_refresh_returns_a_new_pair(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let answer = ada.refresh(&ada.refresh_token).await.assert_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let next = ada.with(&answer.json());
    assert_ne!(next.refresh_token, ada.refresh_token);
    next.get("/api/auth/me").await.assert_status(200);
    // A form works as well.
    server
        .post_form("/api/auth/refresh", &format!("refresh_token={}", next.refresh_token))
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn r33_fifty_concurrent_refreshes_get_the_same_successor(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let mut token = ada.refresh_token.clone();
    for _ in 0..rounds(1) {
        let answers = join_all((0..50).map(|_| ada.refresh(&token))).await;
        let successors: Vec<Value> = answers
            .into_iter()
            .map(|answer| answer.assert_status(200).json()["refresh_token"].clone())
            .collect();
        assert!(successors.windows(2).all(|pair| pair[0] == pair[1]), "{successors:?}");
        token = successors[0].as_str().unwrap().to_owned();
    }
    ada.refresh(&token).await.assert_status(200);
}

/// How often a race is run, unless `COUNTERSIGN_TEST_ROUNDS` is set.
pub fn rounds(usual: usize) -> usize {
    std::env::var("COUNTERSIGN_TEST_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap())
}

#[apply(on_both_databases!)]
async fn r33c_a_lost_response_is_repeated_within_the_window(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let lost = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    server.services.clock.advance(Duration::from_secs(29));
    let again = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    assert_eq!(again["refresh_token"], lost["refresh_token"]);
    ada.with(&again).get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_replay_from_elsewhere_is_served_and_recorded(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let first = refresh_from(&server, &ada, "198.51.100.7:1", "Firefox").await;
    // A legitimate repetition is not logged, because the network and the device are the same.
    assert_eq!(refresh_from(&server, &ada, "198.51.100.7:2", "Firefox").await, first);
    assert_eq!(replays(&server).await, Vec::<String>::new());
    for (peer, device) in [
        ("203.0.113.66:1", "curl"),
        ("203.0.113.66:1", "Firefox"),
        ("198.51.100.7:1", "curl"),
    ] {
        assert_eq!(refresh_from(&server, &ada, peer, device).await, first);
    }
    let told = replays(&server).await;
    assert_eq!(
        told,
        [
            "198.51.100.7: from another device",
            "203.0.113.66: from another network",
            "203.0.113.66: from another network and device",
        ]
    );
    // The family remains active, as designed.
    ada.refresh(&first).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn the_database_does_not_show_where_a_token_was_used(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    for person in [&ada, &eve] {
        refresh_from(&server, person, "203.0.113.66:1", "Netscape").await;
    }
    // Two users in one place cannot be told apart without one of their tokens.
    let places: Vec<Vec<u8>> = query(sql!("SELECT rotated_from FROM sessions"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert_eq!(places.len(), 2);
    assert!(places.iter().all(|place| place.len() == 16));
    assert_ne!(places[0][..8], places[1][..8]);
    assert_ne!(places[0][8..], places[1][8..]);
    let clear: i64 = query(sql!(
        "SELECT count(*) FROM sessions WHERE user_agent LIKE '%Netscape%' OR address LIKE '203.%' OR address_prefix LIKE '203.%'"
    ))
    .one(&server.services.db)
    .await
    .unwrap();
    assert_eq!(clear, 0, "only where a session was opened is kept in the clear");
}

#[apply(on_both_databases!)]
async fn r31_reuse_after_the_window_revokes_the_family(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let next = ada.with(&ada.refresh(&ada.refresh_token).await.assert_status(200).json());
    server.services.clock.advance(Duration::from_secs(30));
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_revoked(&[&ada, &next]).await;
    assert_eq!(reuse_events(&server, &ada).await, 1);
}

#[apply(on_both_databases!)]
async fn r34_reuse_of_a_grandparent_revokes_the_family_even_within_the_window(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let child = ada.with(&ada.refresh(&ada.refresh_token).await.assert_status(200).json());
    let grandchild = child.with(&child.refresh(&child.refresh_token).await.assert_status(200).json());
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_revoked(&[&ada, &child, &grandchild]).await;
}

#[apply(on_both_databases!)]
async fn r33_without_a_window_one_concurrent_refresh_succeeds_and_the_family_is_revoked(database: Database) {
    let server = TestServer::start_with(database, "[tokens]\nrefresh_replay_window = \"0s\"").await;
    server.user("ada").await;
    for _ in 0..rounds(1) {
        let ada = server.sign_in("ada").await;
        let answers = join_all((0..20).map(|_| ada.refresh(&ada.refresh_token))).await;
        let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(winners.len(), 1);
        assert_revoked(&[&ada, &ada.with(&winners[0].json())]).await;
    }
}

#[apply(on_both_databases!)]
async fn a_wrong_family_secret_with_the_right_id_ends_nothing(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let next = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    let next = next["refresh_token"].as_str().unwrap();
    let (spent, newest, others) = (decode(&ada.refresh_token), decode(next), decode(&eve.refresh_token));
    let id = &newest[..16];
    for forged in [
        // The session's id, which is in each of its access tokens, without any of its secrets.
        [id, &[0; 48]].concat(),
        [id, &others[16..]].concat(),
        // The right secret, current or spent, in another family.
        [id, &others[16..32], &newest[32..]].concat(),
        [id, &others[16..32], &spent[32..]].concat(),
        // The right secrets in another session.
        [&others[..16], &newest[16..]].concat(),
        [&others[..16], &spent[16..]].concat(),
    ] {
        let forged = encode(&forged);
        ada.refresh(&forged).await.assert_problem(401, "invalid_refresh_token");
        server
            .post("/api/auth/logout", json!({ "refresh_token": forged }))
            .await
            .assert_problem(401, "invalid_refresh_token");
    }
    for (person, token) in [(&ada, next), (&eve, eve.refresh_token.as_str())] {
        person.get("/api/auth/me").await.assert_status(200);
        person.refresh(token).await.assert_status(200);
    }
    assert_eq!(reuse_events(&server, &ada).await + reuse_events(&server, &eve).await, 0);
}

/// a token of the family that is neither current nor replayable is reuse, whatever its secret is.
#[apply(on_both_databases!)]
async fn r31_any_unknown_secret_of_a_family_revokes_it(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let mut guess = decode(&ada.refresh_token);
    guess[40] ^= 1;
    ada.refresh(&encode(&guess))
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_revoked(&[&ada]).await;
    assert_eq!(reuse_events(&server, &ada).await, 1);
}

/// The holder of any token of the family may sign it out; others may not.
#[apply(on_both_databases!)]
async fn a_spent_token_signs_out(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let child = ada.with(&ada.refresh(&ada.refresh_token).await.assert_status(200).json());
    let grandchild = child.with(&child.refresh(&child.refresh_token).await.assert_status(200).json());
    server
        .post("/api/auth/logout", json!({ "refresh_token": ada.refresh_token }))
        .await
        .assert_status(204);
    assert_revoked(&[&grandchild]).await;
}

#[apply(on_both_databases!)]
async fn a_session_is_one_row_of_the_same_size_however_often_it_is_refreshed(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let mut token = ada.refresh_token.clone();
    let mut sizes = Vec::new();
    for _ in 0..101 {
        let tokens = ada.refresh(&token).await.assert_status(200).json();
        token = tokens["refresh_token"].as_str().unwrap().to_owned();
        sizes.push(rows_and_bytes(&server).await);
    }
    sizes.dedup();
    assert_eq!(sizes.len(), 1, "{sizes:?}");
    let rows: i64 = query(sql!("SELECT count(*) FROM sessions"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

/// The number of rows in all tables, and the bytes in their cells.
async fn rows_and_bytes(server: &TestServer) -> (usize, usize) {
    let (mut rows, mut bytes) = (0, 0);
    let mut pieces = server.services.db.read_whole();
    loop {
        match pieces.next().await.unwrap() {
            Piece::Table(_) => {}
            Piece::End => return (rows, bytes),
            Piece::Rows(some) => {
                rows += some.len();
                bytes += some
                    .iter()
                    .flatten()
                    .map(|cell| match cell {
                        StoredValue::Text(text) => text.len(),
                        StoredValue::Bytes(bytes) => bytes.len(),
                        StoredValue::Uuid(_) => 16,
                        _ => 8,
                    })
                    .sum::<usize>();
            }
        }
    }
}

/// A rotation writes one page on SQLite and is a HOT update on PostgreSQL, because no index contains a changed column.
#[apply(on_both_databases!)]
async fn a_rotation_changes_no_indexed_column(database: Database) {
    let server = TestServer::start(database).await;
    let indexed: Vec<String> = query(sql!(
        sqlite: "SELECT DISTINCT info.name FROM pragma_index_list('sessions') AS list, pragma_index_info(list.name) AS info
                  ORDER BY 1",
        postgres: "SELECT DISTINCT CAST(attname AS TEXT) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
                    WHERE indrelid = to_regclass('sessions') ORDER BY 1"
    ))
    .all(&server.services.db)
    .await
    .unwrap();
    assert_eq!(
        indexed,
        ["account_id", "client_id", "created_at", "expires_at", "id", "parent_id"]
    );
}

/// without the server's keys, no token can be created from the content of the database.
#[apply(on_both_databases!)]
async fn a32_the_successor_cannot_be_derived_from_the_row_or_a_spent_token(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let next = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    // Only the row: its hashes are not secrets.
    let mut stored = Vec::new();
    for column in [
        sql!("SELECT family_hash FROM sessions"),
        sql!("SELECT refresh_hash FROM sessions"),
        sql!("SELECT previous_hash FROM sessions"),
    ] {
        stored.push(query(column).one::<Vec<u8>>(&server.services.db).await.unwrap());
    }
    let id = &decode(&ada.refresh_token)[..16];
    for family in [&stored[0][..16], &stored[0][16..]] {
        for current in [&stored[1], &stored[2]] {
            ada.refresh(&encode(&[id, family, current].concat()))
                .await
                .assert_problem(401, "invalid_refresh_token");
        }
    }
    // The row and the spent token, on a server with another key: it must reject the token without ending the session.
    let (own, another) = (key(1), key(2));
    let ring = |active: &Arc<SealingKey>, others: &[&Arc<SealingKey>]| SealingRing {
        active: active.clone(),
        others: others.iter().map(|key| (*key).clone()).collect(),
    };
    server.services.platform.sealing.put(ring(&another, &[]));
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    let ada = ada.with(&next);
    ada.get("/api/auth/me").await.assert_status(200);
    // A token spent with a key can be replayed while the key is in the ring, whichever key is active.
    server.services.platform.sealing.put(ring(&own, &[]));
    let first = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    server.services.platform.sealing.put(ring(&another, &[&own]));
    let again = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    assert_eq!(again["refresh_token"], first["refresh_token"]);
    // Its successors use the new one.
    let ada = ada.with(&again);
    let second = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    server.services.platform.sealing.put(ring(&another, &[]));
    let again = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
}

fn key(byte: u8) -> Arc<SealingKey> {
    Arc::new(SealingKey::new(&[byte; 32]))
}

#[apply(on_both_databases!)]
async fn x4_every_other_spelling_of_a_token_is_refused(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let token = &ada.refresh_token;
    let mut flipped = token.clone().into_bytes();
    flipped[20] = if flipped[20] == b'A' { b'B' } else { b'A' };
    for wrong in [
        &token[..token.len() - 1],
        &format!("{token}A"),
        &token.to_uppercase(),
        &format!("{token} "),
        "",
        &String::from_utf8(flipped).unwrap(),
        &ada.access_token,
    ] {
        ada.refresh(wrong).await.assert_problem(401, "invalid_refresh_token");
    }
    // None of that spent or revoked anything.
    ada.refresh(token).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a32_nothing_in_the_database_works_as_a_credential(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let next = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    let secrets = [
        ada.refresh_token.as_str(),
        next["refresh_token"].as_str().unwrap(),
        &ada.access_token,
    ];
    if database == Database::Sqlite {
        for entry in std::fs::read_dir(server.folder()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                for secret in secrets {
                    assert!(
                        !contains(&bytes, secret.as_bytes()),
                        "a token stands in {}",
                        path.display()
                    );
                    if secret.starts_with("csr_") {
                        let bits = decode(secret);
                        for bits in [&bits[16..32], &bits[32..]] {
                            assert!(!contains(&bytes, bits), "a token's bits stand in {}", path.display());
                        }
                    }
                }
            }
        }
    }
}

/// R-33b: no successor survives a revocation, whichever comes first. Spending a token and storing its successor are a
/// single statement.
mod r33b_a_rotation_that_races_a_revocation_never_survives_it {
    use super::*;
    use crate::held::Held;

    /// How the family is revoked.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum By {
        Replay,
        Session,
        LogoutAll,
    }

    /// Which of the two is held at the failpoint until the other has gone as far as it can.
    #[derive(Clone, Copy, Debug)]
    enum At {
        /// The rotation, after its token was spent and before its response.
        Rotation,
        /// The revocation, after the session has ended and before its transaction is committed.
        Revocation,
    }

    async fn run(database: Database) {
        for by in [By::Replay, By::Session, By::LogoutAll] {
            revoked_between_the_spending_and_the_answer(database, by).await;
        }
        for by in [By::Session, By::LogoutAll] {
            spent_while_a_revocation_is_being_committed(database, by).await;
        }
    }

    /// The rotation comes first: its tokens are already revoked when they are returned.
    async fn revoked_between_the_spending_and_the_answer(database: Database, by: By) {
        let server = start(database).await;
        let ada = server.user("ada").await;
        let gate = At::Rotation.hold();
        let rotation = rotate(&server, &ada);
        gate.reached().await;
        // It does not wait, because a rotation holds no lock.
        revoke(&server, by, &ada.refresh_token, &ada.access_token).await;
        gate.release();
        let rotated = rotation.await.unwrap().assert_status(200);
        assert_ended(&ada, &rotated).await;
    }

    /// The revocation comes first: the rotation waits for its commit and finds nothing to spend.
    async fn spent_while_a_revocation_is_being_committed(database: Database, by: By) {
        let server = start(database).await;
        let ada = server.user("ada").await;
        let gate = At::Revocation.hold();
        let revocation = {
            let (server, token, access) = (server.clone(), ada.refresh_token.clone(), ada.access_token.clone());
            tokio::spawn(async move { revoke(&server, by, &token, &access).await })
        };
        gate.reached().await;
        let rotation = rotate(&server, &ada);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!rotation.is_finished(), "{by:?}: it does not wait for the revocation");
        gate.release();
        revocation.await.unwrap();
        let rotated = rotation.await.unwrap();
        rotated.assert_problem(401, "invalid_refresh_token");
        ada.refresh(&ada.refresh_token)
            .await
            .assert_problem(401, "invalid_refresh_token");
        ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    }

    async fn start(database: Database) -> Arc<TestServer> {
        Arc::new(TestServer::start_with(database, "[tokens]\nrefresh_replay_window = \"0s\"").await)
    }

    fn rotate(server: &Arc<TestServer>, ada: &Person<'_>) -> tokio::task::JoinHandle<Answer> {
        let (server, token) = (server.clone(), ada.refresh_token.clone());
        tokio::spawn(async move {
            server
                .post("/api/auth/refresh", json!({ "refresh_token": token }))
                .await
        })
    }

    async fn assert_ended(ada: &Person<'_>, rotated: &Answer) {
        let next = ada.with(&rotated.json());
        assert_revoked(&[ada, &next]).await;
    }

    impl At {
        fn hold(self) -> Held {
            Held::at(match self {
                Self::Rotation => "rotate::spent",
                Self::Revocation => "end::ended",
            })
        }
    }

    async fn revoke(server: &TestServer, by: By, refresh_token: &str, access_token: &str) {
        match by {
            By::Replay => {
                let body = json!({ "refresh_token": refresh_token });
                server
                    .post("/api/auth/refresh", body)
                    .await
                    .assert_problem(401, "invalid_refresh_token");
            }
            By::Session | By::LogoutAll => {
                let user = server
                    .services
                    .guard
                    .verify(access_token)
                    .await
                    .unwrap()
                    .require_user()
                    .unwrap();
                let account = countersign::core::ids::AccountId(user.id);
                let session = countersign::core::ids::SessionId(user.session.unwrap());
                let caller = server.services.command_line();
                match by {
                    By::Session => {
                        assert!(
                            server
                                .services
                                .sessions
                                .revoke(session, Some(account), caller)
                                .await
                                .unwrap()
                        );
                    }
                    _ => {
                        server.services.auth.logout_all(account, caller).await.unwrap();
                    }
                }
            }
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

async fn assert_revoked(family: &[&Person<'_>]) {
    for person in family {
        person
            .refresh(&person.refresh_token)
            .await
            .assert_problem(401, "invalid_refresh_token");
        person.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    }
}

/// Refreshes with the first token from some IP address, and returns the successor.
async fn refresh_from(server: &TestServer, ada: &Person<'_>, peer: &str, device: &str) -> String {
    let request = Request::post("/api/auth/refresh")
        .header("content-type", "application/json")
        .header("user-agent", device)
        .extension(ConnectInfo(peer.parse::<SocketAddr>().unwrap()))
        .body(Body::from(json!({ "refresh_token": ada.refresh_token }).to_string()))
        .unwrap();
    let tokens = server.send(request).await.assert_status(200).json();
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

/// The logged replays, in any order.
async fn replays(server: &TestServer) -> Vec<String> {
    let told = query(sql!(
        "SELECT address || ': ' || detail FROM audit_events WHERE kind = 'refresh.replayed' AND account_id IS NOT NULL"
    ));
    let mut told: Vec<String> = told.all(&server.services.db).await.unwrap();
    told.sort_unstable();
    told
}

async fn reuse_events(server: &TestServer, ada: &Person<'_>) -> usize {
    let ada = server.sign_in(ada.email.split('@').next().unwrap()).await;
    let export = ada.get("/api/auth/me/export").await.json();
    export["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "refresh.reused")
        .count()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The bytes of a refresh token: 16 of its session's id, 16 of the family's secret, 32 of the current one.
fn decode(token: &str) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("csr_").unwrap()).unwrap();
    assert_eq!(bytes.len(), 64);
    bytes
}

fn encode(bytes: &[u8]) -> String {
    format!("csr_{}", URL_SAFE_NO_PAD.encode(bytes))
}
