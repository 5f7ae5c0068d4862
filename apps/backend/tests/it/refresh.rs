//! Rotation: one successor for each token, an honest repetition within the window, and the end of the family for
//! anything else.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_store::{query, sql};
use countersign_testkit::{Database, Person, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

#[apply(on_both_databases!)]
async fn r30_a_refresh_gives_the_next_pair(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let answer = ada.refresh(&ada.refresh_token).await.assert_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let next = ada.with(&answer.json());
    assert_ne!(next.refresh_token, ada.refresh_token);
    next.get("/api/auth/me").await.assert_status(200);
    // A form does as well.
    server
        .post_form("/api/auth/refresh", &format!("refresh_token={}", next.refresh_token))
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn r33_fifty_racers_get_one_and_the_same_successor(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let answers = join_all((0..50).map(|_| ada.refresh(&ada.refresh_token))).await;
    let successors: Vec<Value> = answers
        .into_iter()
        .map(|answer| answer.assert_status(200).json()["refresh_token"].clone())
        .collect();
    assert!(successors.windows(2).all(|pair| pair[0] == pair[1]), "{successors:?}");
    ada.refresh(successors[0].as_str().unwrap()).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn r33c_a_lost_answer_is_given_again_within_the_window(database: Database) {
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
    // The honest repetition leaves no trace: it is the same network and the same device.
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
    // The family lives on, as designed.
    ada.refresh(&first).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn where_a_token_was_spent_is_remembered_no_longer_than_it_can_be_replayed(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    refresh_from(&server, &ada, "198.51.100.7:1", "Firefox").await;
    server.services.clock.advance(Duration::from_secs(31));
    server.services.sessions.sweep_once().await.unwrap();
    let kept: Vec<String> = query(sql!(
        "SELECT spent_with FROM refresh_tokens WHERE spent_with IS NOT NULL"
    ))
    .all(&server.services.db)
    .await
    .unwrap();
    assert_eq!(kept, Vec::<String>::new());
}

#[apply(on_both_databases!)]
async fn r31_reuse_after_the_window_kills_the_family(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let next = ada.with(&ada.refresh(&ada.refresh_token).await.assert_status(200).json());
    server.services.clock.advance(Duration::from_secs(30));
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_dead(&[&ada, &next]).await;
    assert_eq!(reuse_events(&server, &ada).await, 1);
}

#[apply(on_both_databases!)]
async fn r34_the_parent_of_a_parent_kills_the_family_even_within_the_window(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let child = ada.with(&ada.refresh(&ada.refresh_token).await.assert_status(200).json());
    let grandchild = child.with(&child.refresh(&child.refresh_token).await.assert_status(200).json());
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_dead(&[&ada, &child, &grandchild]).await;
}

#[apply(on_both_databases!)]
async fn r33_without_a_window_one_racer_wins_and_the_family_dies(database: Database) {
    let server = TestServer::start_with(database, "[tokens]\nrefresh_replay_window = \"0s\"").await;
    let ada = server.user("ada").await;
    let answers = join_all((0..20).map(|_| ada.refresh(&ada.refresh_token))).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1);
    assert_dead(&[&ada, &ada.with(&winners[0].json())]).await;
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
async fn a32_nothing_in_the_database_opens_a_door(database: Database) {
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
                    if let Some(raw) = secret.strip_prefix("csr_") {
                        assert!(
                            !contains(&bytes, &decode(raw)),
                            "a token's bits stand in {}",
                            path.display()
                        );
                    }
                }
            }
        }
    }
}

/// R-33b: whoever revokes while a rotation stands between "spent" and "successor inserted" kills the successor too.
mod r33b_a_rotation_that_races_a_revocation_never_survives_it {
    use super::*;

    /// How the family is revoked while the rotation is held.
    #[derive(Clone, Copy, Debug)]
    enum By {
        Replay,
        Session,
        LogoutAll,
    }

    async fn run(database: Database) {
        for by in [By::Replay, By::Session, By::LogoutAll] {
            let server = TestServer::start_with(database, "[tokens]\nrefresh_replay_window = \"0s\"").await;
            let server = std::sync::Arc::new(server);
            let ada = server.user("ada").await;
            let (reached, is_reached) = std::sync::mpsc::channel();
            let (release, released) = std::sync::mpsc::channel::<()>();
            let gate = std::sync::Mutex::new(Some((reached, released)));
            fail::cfg_callback("rotate::spent", move || {
                if let Some((reached, released)) = gate.lock().unwrap().take() {
                    reached.send(()).unwrap();
                    let _ = released.recv();
                }
            })
            .unwrap();

            let rotation = {
                let (server, token) = (server.clone(), ada.refresh_token.clone());
                tokio::spawn(async move {
                    server
                        .post("/api/auth/refresh", json!({ "refresh_token": token }))
                        .await
                })
            };
            tokio::task::spawn_blocking(move || is_reached.recv().unwrap())
                .await
                .unwrap();

            let revocation = {
                let (server, token, access) = (server.clone(), ada.refresh_token.clone(), ada.access_token.clone());
                tokio::spawn(async move { revoke(&server, by, &token, &access).await })
            };
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!revocation.is_finished(), "{by:?} does not wait for the family");
            release.send(()).unwrap();
            let rotated = rotation.await.unwrap();
            revocation.await.unwrap();
            fail::remove("rotate::spent");

            let mut minted = vec![ada.refresh_token.clone()];
            minted.extend(rotated.json()["refresh_token"].as_str().map(str::to_owned));
            for token in minted {
                ada.refresh(&token).await.assert_problem(401, "invalid_refresh_token");
            }
            ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
            if rotated.status == 200 {
                ada.with(&rotated.json())
                    .get("/api/auth/me")
                    .await
                    .assert_problem(401, "invalid_token");
            }
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

async fn assert_dead(family: &[&Person<'_>]) {
    for person in family {
        person
            .refresh(&person.refresh_token)
            .await
            .assert_problem(401, "invalid_refresh_token");
        person.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    }
}

/// Refreshes with the first token, from somewhere, and gives the successor.
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

/// What the log tells of replays, in some order.
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

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}
