//! F-15: keys rotate under load, and no verifier receives a token with an unknown key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use countersign::core::clock::Timestamp;
use countersign::features::operations::keys::{JWKS_MAX_AGE, KeyOperator, KeyOptions, Keys, OperatorError};
use countersign_jose::{AccessTokenClaims, AccessTokenExpectation, JwkSet, Present, SigningAlg, VerifyingKey, verify};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use tokio::task::JoinSet;

/// How far the clock advances between two checks of the folder.
const STEP: Duration = Duration::from_secs(40);
const ROTATIONS: usize = 4;

#[apply(on_both_databases!)]
async fn f15_no_request_fails_while_keys_rotate(database: Database) {
    let server = TestServer::start(database).await;
    let operator = KeyOperator::new(
        options(&server),
        server.services.db.clone(),
        server.services.clock.clone(),
    );
    // A second server with the same folder and database, which checks them after the first one.
    let late = Keys::open(
        options(&server),
        server.services.db.clone(),
        server.services.clock.clone(),
    )
    .await
    .unwrap();
    let world = Arc::new(World {
        server,
        late,
        rounds: AtomicUsize::new(0),
    });
    let mut clients = JoinSet::new();
    for name in ["ada", "eve", "joan"] {
        clients.spawn(client(world.clone(), name));
    }
    tokio::select! {
        () = rotate(&world, &operator) => {}
        Some(ended) = clients.join_next() => ended.unwrap(),
    }
    let states: Vec<_> = operator
        .list()
        .await
        .unwrap()
        .iter()
        .map(|key| key.state.name())
        .collect();
    assert_eq!(states, ["current", "retired", "retired", "retired", "retired"]);
}

struct World {
    server: TestServer,
    late: Keys,
    /// The number of rounds that the clients have completed.
    rounds: AtomicUsize,
}

/// Uses the API and verifies its tokens elsewhere, until it is stopped. Any failure panics.
async fn client(world: Arc<World>, name: &'static str) {
    let World { server, late, rounds } = &*world;
    // The first token is verified until the end, when its key has been retired.
    let first = server.user(name).await;
    let mut person = server.sign_in(name).await;
    let mut jwks = Jwks::fetch(server).await;
    loop {
        let tokens = person.refresh(&person.refresh_token).await.assert_status(200).json();
        person = person.with(&tokens);
        jwks.renew_if_stale(server).await;
        for holder in [&first, &person] {
            holder.get("/api/auth/me").await.assert_status(200);
            jwks.verify(server, &holder.access_token);
            assert!(
                late.verifying_key(&kid_of(&holder.access_token)).is_some(),
                "the other server refuses a token"
            );
        }
        rounds.fetch_add(1, Ordering::SeqCst);
    }
}

/// Rotates repeatedly; in each state of the folder and of each server, the clients get their turn.
async fn rotate(world: &World, operator: &KeyOperator) {
    let World { server, late, .. } = world;
    for _ in 0..ROTATIONS {
        operator.publish_next(SigningAlg::Es256).await.unwrap();
        loop {
            server.services.clock.advance(STEP);
            server.services.keys.refresh().await;
            let Err(refused) = operator.activate(SigningAlg::Es256).await else {
                break;
            };
            let waits = matches!(refused, OperatorError::TooEarly { .. } | OperatorError::Unpublished(_));
            assert!(waits, "{refused}");
            world.clients_turn().await;
            late.refresh().await;
        }
        for keys in [&server.services.keys, late] {
            world.clients_turn().await;
            keys.refresh().await;
        }
    }
    world.clients_turn().await;
}

impl World {
    /// Waits until every client can have completed a round.
    async fn clients_turn(&self) {
        let enough = self.rounds.load(Ordering::SeqCst) + 6;
        while self.rounds.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A verifier's copy of the JWK Set, cached exactly as long as its headers allow.
struct Jwks {
    keys: Vec<VerifyingKey>,
    etag: String,
    stale_at: Timestamp,
}

impl Jwks {
    async fn fetch(server: &TestServer) -> Self {
        let mut jwks = Self {
            keys: Vec::new(),
            etag: "\"none\"".into(),
            stale_at: server.services.clock.now(),
        };
        jwks.renew_if_stale(server).await;
        jwks
    }

    async fn renew_if_stale(&mut self, server: &TestServer) {
        let now = server.services.clock.now();
        if now < self.stale_at {
            return;
        }
        let request = Request::get("/.well-known/jwks.json").header("if-none-match", &self.etag);
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        let max_age = answer
            .header("cache-control")
            .strip_prefix("public, max-age=")
            .unwrap()
            .parse()
            .unwrap();
        self.stale_at = now + Duration::from_secs(max_age);
        self.etag = answer.header("etag").to_owned();
        if answer.status != 304 {
            let set: JwkSet = serde_json::from_str(&answer.assert_status(200).text).unwrap();
            self.keys = set
                .keys
                .iter()
                .map(|key| VerifyingKey::from_jwk(key).unwrap())
                .collect();
        }
    }

    #[track_caller]
    fn verify(&self, server: &TestServer, token: &str) {
        let issuer = "http://127.0.0.1:8000";
        let audience = [issuer.to_owned()];
        let now = server.services.clock.now().seconds();
        let expect = AccessTokenExpectation {
            issuer,
            audience: &audience,
            present: Present { now, leeway: 0 },
        };
        let key = |kid: &str| self.keys.iter().find(|key| key.kid() == kid).cloned();
        verify::<AccessTokenClaims>(token, key, &expect)
            .expect("a verifier with the set that its headers allow knows the key");
    }
}

fn options(server: &TestServer) -> KeyOptions {
    let settings = &server.services.settings;
    KeyOptions {
        issuer: settings.issuer.as_str().to_owned(),
        dir: settings.keys_dir.clone(),
        passphrase: None,
        access_ttl: settings.tokens.access_ttl,
        max_age: JWKS_MAX_AGE,
        replay_window: settings.tokens.refresh_replay_window,
    }
}

fn kid_of(token: &str) -> String {
    let header = countersign_jose::decode_without_verifying(token).unwrap().header;
    header["kid"].as_str().unwrap().to_owned()
}
