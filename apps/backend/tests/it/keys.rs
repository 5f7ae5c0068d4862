//! Signing keys: how they are created, published and retired, and what the operator is told.

use std::fs;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use countersign::core::clock::{Clock, Timestamp};
use countersign::features::operations::keys::{
    JWKS_MAX_AGE, KeyOperator, KeyOptions, KeyState, Keys, KeysError, OperatorError,
};
use countersign::migrations;
use countersign_guard::AccessTokenClaims;
use countersign_jose::{
    AccessTokenExpectation, Present, RequiredClaims, SigningAlg, SigningKey, Subject, TokenType, VerifyingKey, verify,
};
use countersign_store::{DatabaseOptions, Db, Role};
use countersign_testkit::{Database, ScratchDatabase, TestServer, apply, on_both_databases};
use uuid::Uuid;

pub(crate) const ACCESS_TTL: Duration = Duration::from_secs(15 * 86_400);
const REPLAY_WINDOW: Duration = Duration::from_secs(30);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);
pub(crate) const START: Timestamp = Timestamp(1_795_342_500_000);

/// A database and a key folder without a server.
pub(crate) struct Scratch {
    pub(crate) database: ScratchDatabase,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
}

impl Scratch {
    pub(crate) async fn create(database: Database) -> Self {
        let database = ScratchDatabase::create(database).await;
        let db = Db::open(&DatabaseOptions::new(&database.url, Role::Server))
            .await
            .unwrap();
        db.migrate(migrations::ALL, START.millis()).await.unwrap();
        Self {
            database,
            db,
            clock: Clock::fixed(START),
        }
    }

    pub(crate) fn options(&self, folder: &str) -> KeyOptions {
        let dir = self.database.folder().join(folder);
        KeyOptions {
            issuer: "issuer".to_owned(),
            dir,
            passphrase: None,
            access_ttl: ACCESS_TTL,
            max_age: JWKS_MAX_AGE,
            replay_window: REPLAY_WINDOW,
        }
    }

    pub(crate) async fn open_in(&self, folder: &str) -> Result<Keys, KeysError> {
        Keys::open(self.options(folder), self.db.clone(), self.clock.clone()).await
    }

    pub(crate) async fn open(&self) -> Keys {
        self.open_in("keys").await.unwrap()
    }

    pub(crate) fn operator(&self) -> KeyOperator {
        KeyOperator::new(self.options("keys"), self.db.clone(), self.clock.clone())
    }

    pub(crate) async fn issue(&self, keys: &Keys) -> String {
        keys.issue(&claims(self.clock.now()), self.clock.now()).await.unwrap()
    }

    /// What the guard of our own routes says.
    pub(crate) fn accepts(&self, keys: &Keys, token: &str) -> bool {
        let audience = ["audience".to_owned()];
        let now = self.clock.now().seconds();
        let expect = AccessTokenExpectation {
            issuer: "issuer",
            audience: &audience,
            present: Present { now, leeway: 30 },
        };
        verify::<AccessTokenClaims>(token, |kid| keys.verifying_key(kid), &expect).is_ok()
    }

    /// Publishes a next key and waits as long as it requires.
    async fn ripe_next(&self, keys: &Keys) -> String {
        let next = self.operator().publish_next(SigningAlg::Es256).await.unwrap();
        keys.refresh().await;
        self.clock.advance(2 * JWKS_MAX_AGE);
        keys.refresh().await;
        next.kid
    }
}

fn claims(now: Timestamp) -> AccessTokenClaims {
    let required = RequiredClaims {
        iss: "issuer".into(),
        sub: Subject::Account(Uuid::from_u128(1)),
        aud: vec!["audience".to_owned()].into(),
        exp: (now + ACCESS_TTL).seconds(),
        iat: now.seconds(),
        jti: Uuid::from_u128(2),
        client_id: "countersign".into(),
    };
    required.into()
}

pub(crate) fn kid_of(token: &str) -> String {
    let header = countersign_jose::decode_without_verifying(token).unwrap().header;
    header["kid"].as_str().unwrap().to_owned()
}

pub(crate) fn published(keys: &Keys) -> Vec<String> {
    let set: serde_json::Value = serde_json::from_slice(&keys.published().body).unwrap();
    set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[apply(on_both_databases!)]
async fn the_jwk_set_is_cached_and_asked_for_conditionally(database: Database) {
    let server = TestServer::start(database).await;
    let path = "/.well-known/jwks.json";
    let answer = server.get(path).await.assert_status(200);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let set = answer.json();
    let key = &set["keys"][0];
    assert_eq!(set["keys"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&key["kty"], &key["crv"], &key["use"], &key["alg"]),
        (&"EC".into(), &"P-256".into(), &"sig".into(), &"ES256".into())
    );
    assert!(key.get("d").is_none());
    let etag = answer.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 10, "{etag}");

    let ask = |tag: &str| {
        Request::get(path)
            .header("if-none-match", tag)
            .body(Body::empty())
            .unwrap()
    };
    let same = server.send(ask(&etag)).await.assert_status(304);
    assert_eq!((same.text.as_str(), same.header("etag")), ("", etag.as_str()));
    assert_eq!(same.header("cache-control"), "public, max-age=300");
    server.send(ask("\"another\"")).await.assert_status(200);
    let head = Request::builder()
        .method(Method::HEAD)
        .uri(path)
        .body(Body::empty())
        .unwrap();
    let head = server.send(head).await.assert_status(200);
    assert_eq!((head.text.as_str(), head.header("etag")), ("", etag.as_str()));
    server
        .post(path, serde_json::Value::Null)
        .await
        .assert_problem(405, "method_not_allowed");
}

#[apply(on_both_databases!)]
async fn the_first_start_makes_a_key_and_later_ones_keep_it(database: Database) {
    let scratch = Scratch::create(database).await;
    let first = scratch.open().await;
    assert!(first.created());
    let token = scratch.issue(&first).await;
    let second = scratch.open().await;
    assert!(!second.created());
    assert!(scratch.accepts(&second, &token));
    assert_eq!(first.published(), second.published());
}

#[apply(on_both_databases!)]
async fn two_servers_that_start_at_once_make_one_key(database: Database) {
    let scratch = Scratch::create(database).await;
    let opened = futures_util::future::join_all((0..8).map(|_| scratch.open_in("keys"))).await;
    let opened: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
    assert_eq!(opened.iter().filter(|keys| keys.created()).count(), 1);
    assert!(opened.iter().all(|keys| keys.published() == opened[0].published()));
}

#[apply(on_both_databases!)]
async fn of_two_folders_on_one_database_one_gets_a_key(database: Database) {
    let scratch = Scratch::create(database).await;
    let (a, b) = tokio::join!(scratch.open_in("a"), scratch.open_in("b"));
    let (won, lost, loser) = if a.is_ok() { (a, b, "b") } else { (b, a, "a") };
    let kid = published(&won.unwrap()).remove(0);
    let error = lost.err().unwrap();
    assert!(
        matches!(&error, KeysError::Lost { kid: known, .. } if *known == kid),
        "{error}"
    );
    assert!(!scratch.options(loser).dir.join("private.pem").exists());
}

#[apply(on_both_databases!)]
async fn f13_lost_keys_stop_the_start_and_are_replaced_only_by_hand(database: Database) {
    let scratch = Scratch::create(database).await;
    let before = scratch.open().await;
    let token = scratch.issue(&before).await;
    fs::remove_dir_all(scratch.options("keys").dir).unwrap();
    let error = scratch.open_in("keys").await.err().unwrap().to_string();
    assert!(
        error.contains(&published(&before)[0]) && error.contains("`countersign keys generate`"),
        "{error}"
    );
    assert!(!scratch.options("keys").dir.exists());

    let made = scratch.operator().generate().await.unwrap();
    let after = scratch.open().await;
    assert_eq!(published(&after), [made.kid]);
    assert_eq!(Some(after.sealing().active_id()), made.sealing);
    assert!(!scratch.accepts(&after, &token));
    let again = scratch.operator().generate().await.err().unwrap();
    assert!(matches!(again, OperatorError::NotEmpty(_)), "{again}");
}

#[apply(on_both_databases!)]
async fn r14_a_key_signs_only_after_its_propagation_delay(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let old = published(&keys).remove(0);
    assert!(
        matches!(scratch.operator().activate(SigningAlg::Es256).await, Err(OperatorError::NoNext { kid, .. }) if kid == old)
    );

    let next = scratch.operator().publish_next(SigningAlg::Es256).await.unwrap();
    assert!(next.created && next.ready_at.is_none());
    // It was never published: a command that only opens the keys does not count.
    scratch.open().await;
    assert!(matches!(
        scratch.operator().activate(SigningAlg::Es256).await,
        Err(OperatorError::Unpublished(_))
    ));
    keys.refresh().await;
    assert_eq!(published(&keys), [old.clone(), next.kid.clone()]);
    let again = scratch.operator().publish_next(SigningAlg::Es256).await.unwrap();
    assert!(!again.created && again.kid == next.kid);
    assert_eq!(again.ready_at, Some(START + 2 * JWKS_MAX_AGE));

    // A thief of the next key could sign with it now, but it is not accepted before its time.
    let pem = fs::read(scratch.options("keys").dir.join("next/private.pem")).unwrap();
    let thief = SigningKey::from_pem(&pem, None).unwrap();
    let early = thief.sign(TokenType::ACCESS_TOKEN, &claims(START)).unwrap();
    scratch.clock.advance(2 * JWKS_MAX_AGE - Duration::from_millis(1));
    keys.refresh().await;
    assert!(!scratch.accepts(&keys, &early));
    let refused = scratch.operator().activate(SigningAlg::Es256).await.err().unwrap();
    assert!(matches!(refused, OperatorError::TooEarly { ready_at, .. } if ready_at == START + 2 * JWKS_MAX_AGE));

    scratch.clock.advance(Duration::from_millis(1));
    let token = scratch.issue(&keys).await;
    assert_eq!(kid_of(&token), old);
    let activated = scratch.operator().activate(SigningAlg::Es256).await.unwrap();
    assert_eq!(
        (activated.current.as_str(), activated.retired.as_str()),
        (next.kid.as_str(), old.as_str())
    );
    // A server that has not noticed it yet signs with the old key and accepts the new one.
    let (late, fresh) = (keys, scratch.open().await);
    let (by_old, by_new) = (scratch.issue(&late).await, scratch.issue(&fresh).await);
    assert_eq!((kid_of(&by_old), kid_of(&by_new)), (old.clone(), next.kid.clone()));
    for token in [&token, &by_old, &by_new] {
        assert!(scratch.accepts(&late, token) && scratch.accepts(&fresh, token));
    }
    late.refresh().await;
    assert_eq!(published(&late), [next.kid, old]);
}

#[apply(on_both_databases!)]
async fn r14_a_retired_key_verifies_until_its_last_token_has_expired(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let old = published(&keys).remove(0);
    let pem = fs::read(scratch.options("keys").dir.join("private.pem")).unwrap();
    let thief = SigningKey::from_pem(&pem, None).unwrap();
    let next = scratch.ripe_next(&keys).await;
    let last = scratch.issue(&keys).await;
    let retirable_at = scratch
        .operator()
        .activate(SigningAlg::Es256)
        .await
        .unwrap()
        .retirable_at;
    keys.refresh().await;
    assert!(matches!(
        scratch.operator().retire(&next).await,
        Err(OperatorError::InUse(_))
    ));
    assert!(matches!(
        scratch.operator().retire("nothing").await,
        Err(OperatorError::Unknown(_))
    ));

    scratch.clock.advance(ACCESS_TTL);
    assert!(scratch.accepts(&keys, &last));
    let refused = scratch.operator().retire(&old).await.err().unwrap();
    assert!(
        matches!(refused, OperatorError::Needed { until, .. } if until == retirable_at),
        "{refused}"
    );

    scratch.clock.advance(DAY);
    let forged = thief
        .sign(TokenType::ACCESS_TOKEN, &claims(scratch.clock.now()))
        .unwrap();
    assert!(!scratch.accepts(&keys, &forged));
    keys.refresh().await;
    assert_eq!(published(&keys), std::slice::from_ref(&next));
    scratch.operator().retire(&old).await.unwrap();
    assert!(!scratch.options("keys").dir.join(format!("retired/{old}.pem")).exists());
    let listed = scratch.operator().list().await.unwrap();
    let states: Vec<_> = listed.iter().map(|key| (key.kid.as_str(), key.state)).collect();
    assert_eq!(
        states,
        [(next.as_str(), KeyState::Current), (old.as_str(), KeyState::Gone)]
    );
}

#[apply(on_both_databases!)]
async fn the_last_expiry_is_kept_ahead_of_every_token(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let recorded = async || scratch.operator().list().await.unwrap().remove(0).needed_until.unwrap();
    scratch.issue(&keys).await;
    let first = recorded().await;
    assert!(first >= START + ACCESS_TTL);
    // It is not recorded with each token.
    scratch.clock.advance(Duration::from_secs(30 * 60));
    scratch.issue(&keys).await;
    assert_eq!(recorded().await, first);
    // But before the recorded time would be exceeded, also by concurrent requests.
    scratch.clock.advance(Duration::from_secs(31 * 60));
    futures_util::future::join_all((0..8).map(|_| scratch.issue(&keys))).await;
    assert!(recorded().await >= scratch.clock.now() + ACCESS_TTL);
}

#[apply(on_both_databases!)]
async fn a_revoked_key_is_refused_on_every_server_at_once(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let old = published(&keys).remove(0);
    let token = scratch.issue(&keys).await;
    // Another server has a copy of the folder, which never changes.
    copy(&scratch.options("keys").dir, &scratch.options("copy").dir);
    let elsewhere = scratch.open_in("copy").await.unwrap();
    assert!(matches!(
        scratch.operator().revoke("nothing").await,
        Err(OperatorError::Unknown(_))
    ));

    let revoked = scratch.operator().revoke(&old).await.unwrap();
    assert_eq!(revoked.was, KeyState::Current);
    let new = revoked.replaced_by.unwrap();
    keys.refresh().await;
    elsewhere.refresh().await;
    assert_eq!(published(&keys), std::slice::from_ref(&new));
    assert!(!scratch.accepts(&keys, &token) && !scratch.accepts(&elsewhere, &token));
    assert_eq!(kid_of(&scratch.issue(&keys).await), new);
    assert!(published(&elsewhere).is_empty());
    assert!(elsewhere.issue(&claims(START), START).await.is_err());
    let stopped = scratch.open_in("copy").await.err().unwrap();
    assert!(matches!(stopped, KeysError::Revoked(kid) if kid == old));
    // Repeating it changes nothing.
    let again = scratch.operator().revoke(&old).await.unwrap();
    assert_eq!((again.was, again.replaced_by), (KeyState::Gone, None));
    assert_eq!(published(&scratch.open().await), [new]);
}

#[apply(on_both_databases!)]
async fn a_revoked_current_key_gives_way_to_the_next_one(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let next = scratch.operator().publish_next(SigningAlg::Es256).await.unwrap().kid;
    keys.refresh().await;
    let revoked = scratch.operator().revoke(&published(&keys)[0]).await.unwrap();
    assert_eq!(revoked.replaced_by.as_ref(), Some(&next));
    keys.refresh().await;
    assert_eq!(published(&keys), [next]);

    let unborn = scratch.operator().publish_next(SigningAlg::Es256).await.unwrap().kid;
    let revoked = scratch.operator().revoke(&unborn).await.unwrap();
    assert_eq!((revoked.was, revoked.replaced_by), (KeyState::Next, None));
    keys.refresh().await;
    assert!(!published(&keys).contains(&unborn));
    assert!(matches!(
        scratch.operator().activate(SigningAlg::Es256).await,
        Err(OperatorError::NoNext { .. })
    ));
}

#[apply(on_both_databases!)]
async fn f13_a_damaged_folder_keeps_the_keys_that_were_loaded(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let before = keys.published();
    let dir = scratch.options("keys").dir;
    let (private, public) = (dir.join("private.pem"), dir.join("public.pem"));
    let good = fs::read(&private).unwrap();
    let token = scratch.issue(&keys).await;
    let other = SigningKey::generate().unwrap().verifying_key().to_spki_pem();
    fs::write(&private, "").unwrap();
    fs::write(&public, other).unwrap();
    keys.refresh().await;
    keys.refresh().await;
    assert_eq!(keys.published(), before);
    assert!(scratch.accepts(&keys, &token) && scratch.accepts(&keys, &scratch.issue(&keys).await));
    assert!(scratch.open_in("keys").await.is_err());
    let away = scratch.options("away").dir;
    fs::rename(dir.join("sealing"), &away).unwrap();
    fs::remove_dir_all(&dir).unwrap();
    keys.refresh().await;
    assert_eq!(keys.published(), before);
    // Once repaired, it is followed again.
    fs::create_dir_all(&dir).unwrap();
    fs::rename(away, dir.join("sealing")).unwrap();
    fs::write(&private, good).unwrap();
    chmod(&private, 0o600);
    scratch.operator().publish_next(SigningAlg::Es256).await.unwrap();
    keys.refresh().await;
    assert_eq!(published(&keys).len(), 2);
}

#[apply(on_both_databases!)]
async fn keys_that_an_operator_exchanges_by_hand_are_followed(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let token = scratch.issue(&keys).await;
    let dir = scratch.options("keys").dir;
    let old = VerifyingKey::from_spki_pem(&fs::read(dir.join("public.pem")).unwrap()).unwrap();
    let new = SigningKey::generate().unwrap();
    fs::create_dir(dir.join("retired")).unwrap();
    fs::write(dir.join(format!("retired/{}.pem", old.kid())), old.to_spki_pem()).unwrap();
    fs::remove_file(dir.join("public.pem")).unwrap();
    fs::write(dir.join("private.pem"), new.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
    keys.refresh().await;
    assert_eq!(published(&keys), [new.kid(), old.kid()]);
    assert_eq!(kid_of(&scratch.issue(&keys).await), new.kid());
    assert!(scratch.accepts(&keys, &token));
}

pub(crate) fn chmod(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => fs::copy(entry.path(), to.join(entry.file_name())).map(drop).unwrap(),
        }
    }
}
