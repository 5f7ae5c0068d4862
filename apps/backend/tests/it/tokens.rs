//! Protected routes accept a genuine token and reject many forged ones.

#[path = "../../../../crates/jose/tests/common/forged.rs"]
mod forged;

use axum::body::Body;
use axum::http::Request;
use countersign_guard::Subject;
use countersign_store::{query, sql};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};

#[apply(on_both_databases!)]
async fn r1_to_r15_forged_tokens_are_refused(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let claims = server.services.guard.verify(&ada.access_token).await.unwrap();
    let key = std::fs::read(server.folder().join("keys/private.pem")).unwrap();
    let key = countersign_jose::SigningKey::from_pem(&key, None).unwrap();
    let claims = serde_json::to_value(claims.claims()).unwrap();
    let tokens = forged::forged_tokens(&key, &claims);
    assert!(tokens.len() >= 40, "only {} forged tokens", tokens.len());
    for (name, _, token) in tokens {
        let Ok(request) = Request::get("/api/auth/me")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
        else {
            continue; // No HTTP client could send it.
        };
        let answer = server.send(request).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text);
        assert_eq!(answer.code(), "invalid_token", "{name}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.contains("error=\"invalid_token\"") && challenge.starts_with("Bearer realm="),
            "{name}: {challenge}"
        );
    }
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn an_access_token_has_the_shape_of_rfc_9068(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let me = ada.get("/api/auth/me").await.json();
    let part = |index: usize| -> serde_json::Value {
        use base64::Engine;
        let text = ada.access_token.split('.').nth(index).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!((&header["alg"], &header["typ"]), (&"ES256".into(), &"at+jwt".into()));
    let jwks = server.get("/.well-known/jwks.json").await.assert_status(200).json();
    assert_eq!(header["kid"], jwks["keys"][0]["kid"]);
    assert_eq!(claims["iss"], "http://127.0.0.1:8000");
    assert_eq!(claims["aud"], "http://127.0.0.1:8000");
    assert_eq!(claims["sub"], me["id"]);
    assert_eq!(claims["client_id"], "countersign");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        15 * 86_400
    );
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
    assert_eq!(claims["auth_time"], claims["iat"]);
    assert!(claims["jti"].is_string() && claims["sid"].is_string() && claims.get("scope").is_none());
}

/// RFC 9068 §5: the token of a client that acts for itself is rejected on users' routes, whatever its scopes; so is a
/// user's token without a session.
#[apply(on_both_databases!)]
async fn a_clients_token_is_for_no_route_of_people(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let now = server.services.clock.now();
    let persons = server
        .services
        .guard
        .verify(&ada.access_token)
        .await
        .unwrap()
        .claims()
        .clone();
    let mut clients = persons.clone();
    clients.sub = Subject::Client("billing".to_owned());
    clients.client_id = "billing".to_owned();
    (clients.sid, clients.auth_time, clients.amr) = (None, None, None);
    let of_client = server.services.keys.issue(&clients, now).await.unwrap();
    let mut sessionless = persons;
    sessionless.sid = None;
    let sessionless = server.services.keys.issue(&sessionless, now).await.unwrap();
    for (method, path) in [
        ("GET", "/api/auth/me"),
        ("GET", "/api/auth/sessions"),
        ("GET", "/api/auth/forward"),
        ("POST", "/api/auth/logout"),
        ("POST", "/api/auth/logout-all"),
        ("POST", "/api/auth/verify-email/confirm"),
        ("DELETE", "/api/auth/sessions/01980000-0000-7000-8000-000000000001"),
    ] {
        for token in [&of_client, &sessionless] {
            let (status, code) = (401, "invalid_token");
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", format!("Bearer {token}"));
            let answer = server
                .send(request.body(Body::empty()).unwrap())
                .await
                .assert_problem(status, code);
            let challenge = answer.header("www-authenticate");
            assert!(
                challenge.contains(&format!("error=\"{code}\"")),
                "{method} {path}: {challenge}"
            );
        }
    }
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_missing_token_is_challenged_without_an_error(database: Database) {
    let server = TestServer::start(database).await;
    let answer = server.get("/api/auth/me").await.assert_problem(401, "missing_token");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"http://127.0.0.1:8000\""
    );
    // A81: not in the query, not in a form.
    let ada = server.user("ada").await;
    server
        .get(&format!("/api/auth/me?access_token={}", ada.access_token))
        .await
        .assert_problem(401, "missing_token");
}

#[apply(on_both_databases!)]
async fn an_expired_token_is_refused(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    server
        .services
        .clock
        .advance(std::time::Duration::from_secs(15 * 86_400 + 31));
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    ada.refresh(&ada.refresh_token).await.assert_status(200);
}

/// A cached token is rejected once it expires or its key is removed.
#[apply(on_both_databases!)]
async fn r9_r14_a_cached_token_is_verified_like_a_new_one(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, laptop) = (server.user("ada").await, server.sign_in("ada").await);
    for person in [&ada, &laptop, &ada] {
        person.get("/api/auth/me").await.assert_status(200);
    }
    query(sql!("UPDATE signing_keys SET revoked_at = 1"))
        .execute(&server.services.db)
        .await
        .unwrap();
    server.services.keys.refresh().await;
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");

    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    ada.get("/api/auth/me").await.assert_status(200);
    server
        .services
        .clock
        .advance(std::time::Duration::from_secs(15 * 86_400 + 31));
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
}
