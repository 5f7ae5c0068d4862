//! F-15, O-55: keys of both kinds rotate under load, and no verifier receives a token with an unknown key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use countersign::core::clock::Timestamp;
use countersign::features::operations::keys::{JWKS_MAX_AGE, KeyOperator, KeyOptions, Keys, OperatorError};
use countersign_jose::{AccessTokenClaims, AccessTokenExpectation, JwkSet, Present, SigningAlg, VerifyingKey, verify};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// How far the clock advances between two checks of the folder.
const STEP: Duration = Duration::from_secs(40);
const ROTATIONS: usize = 4;

#[apply(on_both_databases!)]
async fn f15_no_request_fails_while_keys_rotate(database: Database) {
    let (world, operator) = world(database, 3).await;
    let mut clients = JoinSet::new();
    for name in ["ada", "eve", "joan"] {
        clients.spawn(client(world.clone(), name));
    }
    tokio::select! {
        () = rotate(&world, &operator, &[SigningAlg::Es256]) => {}
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

#[apply(on_both_databases!)]
async fn o_55_no_application_fails_while_keys_of_both_kinds_rotate(database: Database) {
    let (world, operator) = world(database, 3).await;
    // The first client that needs it creates the RSA key.
    let keys = &world.server.services.keys;
    keys.ensure_rsa().await.unwrap();
    world.late.refresh().await;
    let mut clients = JoinSet::new();
    clients.spawn(client(world.clone(), "ada"));
    for alg in [SigningAlg::Es256, SigningAlg::Rs256] {
        clients.spawn(application(world.clone(), alg));
    }
    tokio::select! {
        () = rotate(&world, &operator, &[SigningAlg::Es256, SigningAlg::Rs256]) => {}
        Some(ended) = clients.join_next() => ended.unwrap(),
    }
    let states: Vec<_> = operator
        .list()
        .await
        .unwrap()
        .iter()
        .map(|key| key.state.name())
        .collect();
    let current = states.iter().filter(|state| **state == "current").count();
    assert_eq!((current, states.len()), (2, 2 * (1 + ROTATIONS)), "{states:?}");
}

async fn world(database: Database, clients: usize) -> (Arc<World>, KeyOperator) {
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
    let world = World {
        server,
        late,
        rounds: AtomicUsize::new(0),
        signed_in: Barrier::new(clients + 1),
    };
    (Arc::new(world), operator)
}

struct World {
    server: TestServer,
    late: Keys,
    /// The number of rounds that the clients have completed.
    rounds: AtomicUsize,
    /// Where the clients wait for each other after they have signed in. The clock moves only then: codes expire soon.
    signed_in: Barrier,
}

/// Uses the API and verifies its tokens elsewhere, until it is stopped. Any failure panics.
async fn client(world: Arc<World>, name: &'static str) {
    let World {
        server,
        late,
        rounds,
        signed_in,
    } = &*world;
    // The first token is verified until the end, when its key has been retired.
    let first = server.user(name).await;
    let mut person = server.sign_in(name).await;
    let mut jwks = Jwks::fetch(server).await;
    signed_in.wait().await;
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

/// Refreshes a grant of a client and verifies its ID tokens as the client does, until it is stopped. Any failure panics.
async fn application(world: Arc<World>, alg: SigningAlg) {
    let World {
        server,
        late,
        rounds,
        signed_in,
    } = &*world;
    let name = alg.as_str().to_lowercase();
    server.user(&name).await;
    let metadata = json!({ "id_token_signed_response_alg": alg.as_str() });
    let client = server.client_with(&format!("app-{name}"), metadata).await;
    let mut tokens = client.sign_in(&name).await;
    // It comes back as a hint until the end, when its key has been retired.
    let first = tokens["id_token"].as_str().unwrap().to_owned();
    let mut jwks = Jwks::fetch(server).await;
    signed_in.wait().await;
    loop {
        let refresh_token = tokens["refresh_token"].as_str().unwrap();
        tokens = client.refresh(refresh_token).await.assert_status(200).json();
        jwks.renew_if_stale(server).await;
        let id_token = tokens["id_token"].as_str().unwrap();
        jwks.verify_for(&client.client_id, alg, id_token);
        for hint in [&first, id_token] {
            let keys = &server.services.keys;
            assert!(
                keys.verify_id_token_hint(hint).is_some(),
                "{alg}: the server refuses a hint"
            );
            assert!(
                late.verify_id_token_hint(hint).is_some(),
                "{alg}: the other server refuses a hint"
            );
        }
        let access_token = tokens["access_token"].as_str().unwrap();
        let userinfo = Request::get("/oauth2/userinfo").header("authorization", format!("Bearer {access_token}"));
        server
            .send(userinfo.body(Body::empty()).unwrap())
            .await
            .assert_status(200);
        rounds.fetch_add(1, Ordering::SeqCst);
    }
}

/// Rotates repeatedly; in each state of the folder and of each server, the clients get their turn.
async fn rotate(world: &World, operator: &KeyOperator, algs: &[SigningAlg]) {
    let World { server, late, .. } = world;
    world.signed_in.wait().await;
    for _ in 0..ROTATIONS {
        for alg in algs {
            operator.publish_next(*alg).await.unwrap();
        }
        for alg in algs {
            loop {
                server.services.clock.advance(STEP);
                server.services.keys.refresh().await;
                let Err(refused) = operator.activate(*alg).await else {
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
    /// The same, of both kinds, as another library reads them.
    all: jsonwebtoken::jwk::JwkSet,
    etag: String,
    stale_at: Timestamp,
}

impl Jwks {
    async fn fetch(server: &TestServer) -> Self {
        let mut jwks = Self {
            keys: Vec::new(),
            all: jsonwebtoken::jwk::JwkSet { keys: Vec::new() },
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
            let text = answer.assert_status(200).text;
            self.all = serde_json::from_str(&text).unwrap();
            let set: JwkSet = serde_json::from_str(&text).unwrap();
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

impl Jwks {
    /// Verifies an ID token.
    #[track_caller]
    fn verify_for(&self, client_id: &str, alg: SigningAlg, token: &str) {
        let kid = kid_of(token);
        let key = self.all.find(&kid);
        let key = key.unwrap_or_else(|| panic!("{alg}: a client with the set that its headers allow lacks {kid}"));
        let mut validation = Validation::new(alg.as_str().parse().unwrap());
        validation.validate_exp = false;
        validation.set_audience(&[client_id]);
        decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
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
