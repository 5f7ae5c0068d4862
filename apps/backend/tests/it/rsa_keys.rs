//! RSA keys: when they are created, that they follow the rules of the other keys, and what they sign and verify.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use countersign::features::operations::keys::{IssueError, JWKS_MAX_AGE, KeyState, Keys, KeysError, OperatorError};
use countersign_guard::AccessTokenClaims;
use countersign_jose::{IdTokenClaims, RsaSigningKey, SigningAlg, SigningKey, TokenType};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::keys::{DAY, START, Scratch, chmod, copy, kid_of, published};

/// As long as an ID token is valid in these tests.
const ID_TTL: Duration = Duration::from_secs(60 * 60);

fn id_token(issuer: &str, at: i64) -> IdTokenClaims {
    IdTokenClaims {
        iss: issuer.to_owned(),
        sub: Uuid::from_u128(1),
        aud: "grafana".to_owned(),
        exp: at + i64::try_from(ID_TTL.as_secs()).unwrap(),
        iat: at,
        auth_time: at,
        nonce: None,
        acr: None,
        amr: vec!["pwd".to_owned()],
        sid: Uuid::from_u128(2),
        at_hash: None,
        user: serde_json::Map::new().into(),
    }
}

impl Scratch {
    async fn id_token(&self, keys: &Keys, alg: SigningAlg) -> Result<String, IssueError> {
        let now = self.clock.now();
        keys.sign_for_client(alg, &id_token("issuer", now.seconds()), now).await
    }
}

fn set(keys: &Keys) -> Value {
    serde_json::from_slice(&keys.published().body).unwrap()
}

/// The types of the published keys, in their order.
fn kinds(keys: &Keys) -> Vec<String> {
    let set = set(keys);
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kty"].as_str().unwrap().to_owned()).collect()
}

/// What a client says that has fetched these keys.
fn client_accepts(set: &Value, token: &str) -> bool {
    let set: JwkSet = serde_json::from_value(set.clone()).unwrap();
    let header = decode_header(token).unwrap();
    let Some(jwk) = set.find(header.kid.as_deref().unwrap()) else {
        return false;
    };
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&["grafana"]);
    decode::<Value>(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).is_ok()
}

#[apply(on_both_databases!)]
async fn o_55_no_start_creates_an_rsa_key_and_the_first_client_does(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    scratch.open().await;
    assert_eq!(kinds(&keys), ["EC"]);
    assert!(keys.offers_rs256());
    let dir = scratch.options("keys").dir.join("rsa");
    assert!(!dir.exists());
    assert!(matches!(
        scratch.id_token(&keys, SigningAlg::Rs256).await,
        Err(IssueError::NoRsaKey)
    ));

    // Another server on the same folder needs no restart, and does not wait for its next look at the folder.
    let other = scratch.open().await;
    keys.ensure_rsa().await.unwrap();
    keys.ensure_rsa().await.unwrap();
    assert_eq!(kinds(&keys), ["EC", "RSA"]);
    let token = scratch.id_token(&other, SigningAlg::Rs256).await.unwrap();
    assert_eq!(kinds(&other), ["EC", "RSA"]);
    assert!(client_accepts(&set(&keys), &token));
    let key = &set(&keys)["keys"][1];
    assert_eq!(
        (&key["alg"], &key["use"], &key["e"]),
        (&json!("RS256"), &json!("sig"), &json!("AQAB"))
    );
    assert_eq!(key.as_object().unwrap().len(), 6, "{key}");
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("private.pem"), mode("public.pem")),
        (0o700, 0o600, 0o644)
    );
    let states: Vec<_> = scratch.operator().list().await.unwrap();
    let states: Vec<_> = states.iter().map(|key| (key.alg, key.state)).collect();
    assert_eq!(
        states,
        [
            (SigningAlg::Es256, KeyState::Current),
            (SigningAlg::Rs256, KeyState::Current)
        ]
    );
}

#[apply(on_both_databases!)]
async fn o_55_nodes_that_need_an_rsa_key_at_once_create_one(database: Database) {
    let scratch = Scratch::create(database).await;
    let nodes = futures_util::future::join_all((0..4).map(|_| scratch.open())).await;
    let made = futures_util::future::join_all(nodes.iter().map(Keys::ensure_rsa)).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    assert!(nodes.iter().all(|keys| set(keys) == set(&nodes[0])));
    assert_eq!(kinds(&nodes[0]), ["EC", "RSA"]);

    // A node with a copy of the folder from before says what it lacks.
    fs::remove_dir_all(scratch.options("keys").dir.join("rsa")).unwrap();
    copy(&scratch.options("keys").dir, &scratch.options("copy").dir);
    let lost = scratch.open_in("copy").await.err().unwrap();
    assert!(
        matches!(&lost, KeysError::RsaLost { kid, .. } if *kid == published(&nodes[0])[1]),
        "{lost}"
    );
    assert!(lost.to_string().contains("`countersign keys generate --rsa`"), "{lost}");
}

#[apply(on_both_databases!)]
async fn o_55_of_two_folders_on_one_database_one_gets_an_rsa_key(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    copy(&scratch.options("keys").dir, &scratch.options("copy").dir);
    let elsewhere = scratch.open_in("copy").await.unwrap();
    let (a, b) = tokio::join!(keys.ensure_rsa(), elsewhere.ensure_rsa());
    let (lost, loser) = if a.is_ok() { (b, "copy") } else { (a, "keys") };
    let lost = lost.err().unwrap();
    assert!(matches!(lost, KeysError::RsaLost { .. }), "{lost}");
    assert!(!scratch.options(loser).dir.join("rsa/private.pem").exists());
}

#[apply(on_both_databases!)]
async fn o_55_a_folder_that_cannot_be_written_says_what_to_do(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    // A file in the place of the folder, because root may write everywhere.
    let place = scratch.options("keys").dir.join("rsa");
    fs::write(&place, "").unwrap();
    let refused = keys.ensure_rsa().await.err().unwrap();
    assert!(matches!(refused, KeysError::RsaUnwritable { .. }), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains("`countersign keys generate --rsa`") && text.contains("ES256"),
        "{text}"
    );
    assert_eq!(kinds(&keys), ["EC"]);
    fs::remove_file(&place).unwrap();
    keys.ensure_rsa().await.unwrap();
}

#[apply(on_both_databases!)]
async fn o_55_a_damaged_or_exposed_rsa_key_is_refused(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    keys.ensure_rsa().await.unwrap();
    let dir = scratch.options("keys").dir;
    let (private, before) = (dir.join("rsa/private.pem"), set(&keys));
    let good = fs::read_to_string(&private).unwrap();
    let ec = SigningKey::generate().unwrap();
    let other = RsaSigningKey::generate().unwrap();
    for (name, text, expected) in [
        ("rsa/private.pem", "garbage".to_owned(), "exactly one PEM block"),
        (
            "rsa/private.pem",
            ec.to_pkcs8_pem().unwrap().to_string(),
            "not an RSA key",
        ),
        ("rsa/public.pem", other.verifying_key().to_spki_pem(), "was expected"),
        ("rsa/public.pem", ec.verifying_key().to_spki_pem(), "not an RSA key"),
        ("private.pem", good.clone(), "not an EC key on the curve P-256"),
    ] {
        let path = dir.join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let refused = scratch.open_in("keys").await.err().unwrap().to_string();
        assert!(refused.contains(expected) && refused.contains(name), "{refused}");
        // A running server keeps what it has loaded.
        keys.refresh().await;
        assert_eq!(set(&keys), before, "{name}");
        fs::write(&path, whole).unwrap();
    }
    chmod(&private, 0o604);
    let exposed = scratch.open_in("keys").await.err().unwrap();
    assert!(matches!(exposed, KeysError::Exposed { mode: 0o604, .. }), "{exposed}");
    chmod(&private, 0o600);
    fs::rename(dir.join("rsa"), dir.join("away")).unwrap();
    keys.refresh().await;
    assert_eq!(set(&keys), before);
    assert!(scratch.id_token(&keys, SigningAlg::Rs256).await.is_ok());
    fs::rename(dir.join("away"), dir.join("rsa")).unwrap();
    assert_eq!(set(&scratch.open().await), before);
}

#[apply(on_both_databases!)]
async fn o_55_a_lost_rsa_key_stops_the_start_and_is_replaced_only_by_hand(database: Database) {
    let scratch = Scratch::create(database).await;
    let before = scratch.open().await;
    let refused = scratch.operator().activate(SigningAlg::Rs256).await.err().unwrap();
    assert!(matches!(refused, OperatorError::NoRsa), "{refused}");
    before.ensure_rsa().await.unwrap();
    let token = scratch.id_token(&before, SigningAlg::Rs256).await.unwrap();
    let refused = scratch.operator().generate_rsa().await.err().unwrap();
    assert!(
        matches!(&refused, OperatorError::HasRsa(kid) if *kid == kid_of(&token)),
        "{refused}"
    );

    fs::remove_dir_all(scratch.options("keys").dir.join("rsa")).unwrap();
    assert!(matches!(scratch.open_in("keys").await, Err(KeysError::RsaLost { .. })));
    let made = scratch.operator().generate_rsa().await.unwrap();
    let after = scratch.open().await;
    assert_eq!(published(&after)[1], made.kid);
    assert!(after.verify_id_token_hint(&token).is_none());
}

#[apply(on_both_databases!)]
async fn o_55_both_kinds_of_key_rotate_and_are_kept_as_long_as_their_tokens_need_them(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    keys.ensure_rsa().await.unwrap();
    let old = published(&keys);
    let mut tokens = Vec::new();
    for alg in [SigningAlg::Es256, SigningAlg::Rs256] {
        tokens.push(scratch.id_token(&keys, alg).await.unwrap());
        scratch.operator().publish_next(alg).await.unwrap();
    }
    keys.refresh().await;
    assert_eq!(kinds(&keys), ["EC", "EC", "RSA", "RSA"]);
    let early = scratch.operator().activate(SigningAlg::Rs256).await.err().unwrap();
    assert!(matches!(early, OperatorError::TooEarly { .. }), "{early}");

    // A client's copy of the keys, as old as it may be when the next key signs.
    let copied = set(&keys);
    scratch.clock.advance(2 * JWKS_MAX_AGE);
    keys.refresh().await;
    let slow = scratch.open().await;
    for alg in [SigningAlg::Es256, SigningAlg::Rs256] {
        scratch.operator().activate(alg).await.unwrap();
    }
    keys.refresh().await;
    let (fresh, late) = (
        scratch.id_token(&keys, SigningAlg::Rs256).await.unwrap(),
        scratch.id_token(&slow, SigningAlg::Rs256).await.unwrap(),
    );
    assert_ne!(kid_of(&fresh), kid_of(&late));
    for token in [&fresh, &late] {
        assert!(client_accepts(&copied, token) && client_accepts(&set(&keys), token));
        assert!(keys.verify_id_token_hint(token).is_some() && slow.verify_id_token_hint(token).is_some());
    }
    assert_eq!(kinds(&keys), ["EC", "EC", "RSA", "RSA"]);

    // 30 days after the last ID token has expired, and not before.
    for kid in &old {
        assert!(matches!(
            scratch.operator().retire(kid).await,
            Err(OperatorError::Needed { .. })
        ));
    }
    scratch.clock.advance(30 * DAY + ID_TTL);
    keys.refresh().await;
    assert_eq!(kinds(&keys).len(), 4);
    for token in tokens.iter().chain([&late]) {
        assert!(keys.verify_id_token_hint(token).is_some());
    }
    // Some hours are added, because the database is written once an hour.
    scratch.clock.advance(Duration::from_secs(3 * 60 * 60));
    keys.refresh().await;
    assert_eq!(kinds(&keys), ["EC", "RSA"]);
    assert!(tokens.iter().all(|token| keys.verify_id_token_hint(token).is_none()));
    for kid in &old {
        scratch.operator().retire(kid).await.unwrap();
    }
    let retired = scratch.options("keys").dir.join("rsa/retired");
    assert_eq!(fs::read_dir(retired).unwrap().count(), 0);
}

#[apply(on_both_databases!)]
async fn o_55_a_revoked_rsa_key_signs_and_verifies_nothing(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    keys.ensure_rsa().await.unwrap();
    let token = scratch.id_token(&keys, SigningAlg::Rs256).await.unwrap();
    copy(&scratch.options("keys").dir, &scratch.options("copy").dir);
    let elsewhere = scratch.open_in("copy").await.unwrap();
    let revoked = scratch.operator().revoke(&kid_of(&token)).await.unwrap();
    assert_eq!(revoked.was, KeyState::Current);
    for keys in [&keys, &elsewhere] {
        keys.refresh().await;
        assert!(keys.verify_id_token_hint(&token).is_none());
    }
    assert_eq!(published(&keys)[1], revoked.replaced_by.unwrap());
    assert!(scratch.id_token(&keys, SigningAlg::Rs256).await.is_ok());
    // A copy of the folder, which no one changes, has no key left for RS256. Everything else works.
    assert_eq!(kinds(&elsewhere), ["EC"]);
    assert!(!elsewhere.offers_rs256() && elsewhere.can_sign());
    assert!(matches!(
        scratch.id_token(&elsewhere, SigningAlg::Rs256).await,
        Err(IssueError::Revoked)
    ));
    assert!(scratch.id_token(&elsewhere, SigningAlg::Es256).await.is_ok());
    scratch.open_in("copy").await.unwrap();
}

#[apply(on_both_databases!)]
async fn o_36_tokens_of_clients_open_no_route_and_access_tokens_are_no_hints(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (keys, now) = (&server.services.keys, server.services.clock.now());
    keys.ensure_rsa().await.unwrap();
    let issuer = server.services.settings.issuer.as_str();
    // As much like an access token of ada's as an ID token can be.
    let access = countersign_jose::decode_without_verifying(&ada.access_token)
        .unwrap()
        .claims;
    let mut claims = id_token(issuer, now.seconds());
    claims.aud = issuer.to_owned();
    claims.sub = access["sub"].as_str().unwrap().parse().unwrap();
    claims.sid = access["sid"].as_str().unwrap().parse().unwrap();
    for alg in [SigningAlg::Es256, SigningAlg::Rs256] {
        let token = keys.sign_for_client(alg, &claims, now).await.unwrap();
        assert!(keys.verify_id_token_hint(&token).is_some());
        for path in ["/api/auth/me", "/api/auth/sessions", "/api/auth/forward"] {
            let request = http::Request::get(path).header("authorization", format!("Bearer {token}"));
            let answer = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 401, "{alg} {path}");
        }
    }
    assert!(keys.verify_id_token_hint(&ada.access_token).is_none());
    // With an ES256 key of ours, and every claim of an ID token.
    let pem = fs::read(server.services.settings.keys_dir.join("private.pem")).unwrap();
    let ours = SigningKey::from_pem(&pem, None).unwrap();
    for typ in [TokenType::ACCESS_TOKEN, TokenType::LOGOUT_TOKEN] {
        assert!(keys.verify_id_token_hint(&ours.sign(typ, &claims).unwrap()).is_none());
    }
    assert!(
        keys.verify_id_token_hint(&ours.sign(TokenType::ID_TOKEN, &claims).unwrap())
            .is_some()
    );
    claims.iss = "https://other.example.com".to_owned();
    assert!(
        keys.verify_id_token_hint(&ours.sign(TokenType::ID_TOKEN, &claims).unwrap())
            .is_none()
    );
}

#[apply(on_both_databases!)]
async fn o_55_access_tokens_stay_es256_beside_an_rsa_key(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    keys.ensure_rsa().await.unwrap();
    let token = scratch.issue(&keys).await;
    assert_eq!(decode_header(&token).unwrap().alg, Algorithm::ES256);
    assert!(scratch.accepts(&keys, &token));
    assert_eq!(keys.public_keys().len(), 1);
    assert!(keys.verifying_key(&published(&keys)[1]).is_none());
    // The published set, as our guard reads it.
    let set: countersign_jose::JwkSet = serde_json::from_slice(&keys.published().body).unwrap();
    assert_eq!(set.keys.len(), 1);
    let claims: AccessTokenClaims = countersign_jose::RequiredClaims {
        iss: "issuer".into(),
        sub: countersign_jose::Subject::Account(Uuid::from_u128(1)),
        aud: vec!["audience".to_owned()].into(),
        exp: START.seconds() + 60,
        iat: START.seconds(),
        jti: Uuid::from_u128(2),
        client_id: "countersign".into(),
    }
    .into();
    let pem = fs::read(scratch.options("keys").dir.join("rsa/private.pem")).unwrap();
    let mut header = jsonwebtoken::Header::new(Algorithm::RS256);
    header.typ = Some("at+jwt".to_owned());
    for kid in published(&keys) {
        header.kid = Some(kid);
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(&pem).unwrap();
        let forged = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        assert!(!scratch.accepts(&keys, &forged));
    }
}
