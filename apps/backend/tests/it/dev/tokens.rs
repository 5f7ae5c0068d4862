//! The users, and tokens for anyone.

use axum::http::Method;
use countersign_testkit::{DevToken, PASSWORD};
use serde_json::{Value, json};

use super::{Dev, claims, list_of};

#[tokio::test]
async fn the_first_line_names_the_issuer_and_users_who_can_sign_in() {
    let dev = Dev::start().await;
    let users: Vec<_> = dev
        .server
        .users()
        .iter()
        .map(|user| (user.email.as_str(), user.scopes.join(" ")))
        .collect();
    assert_eq!(
        users,
        [
            ("ada@example.com", "products:read products:write".to_owned()),
            ("bob@example.com", "products:read".to_owned()),
        ]
    );
    for user in dev.server.users() {
        assert_eq!(user.password, PASSWORD);
        let credentials = json!({ "email": user.email, "password": user.password });
        let tokens = dev.post("/api/auth/login", credentials).await.assert_status(200).json();
        assert_eq!(tokens["scope"], user.scopes.join(" "));
        let me = dev
            .send(
                (Method::GET, "/api/auth/me"),
                None,
                tokens["access_token"].as_str().unwrap(),
            )
            .await;
        assert_eq!(me.json()["id"], user.id.to_string());
    }
    let metadata = dev
        .send((Method::GET, "/.well-known/oauth-authorization-server"), None, "")
        .await
        .json();
    assert_eq!(metadata["issuer"], dev.server.issuer());
}

#[tokio::test]
async fn a_token_is_that_of_a_sign_in() {
    let dev = Dev::start().await;
    let ada = &dev.server.users()[0];
    let token = dev.server.token("ada@example.com").await;
    assert_eq!((token.user, token.expires_in), (ada.id, 15 * 86_400));
    let me = dev.get("/api/auth/me", &token).await.assert_status(200).json();
    assert_eq!(me["email"], "ada@example.com");
    assert!(me["last_sign_in_at"].is_string());
    let sessions = dev.get("/api/auth/sessions", &token).await.assert_status(200).json();
    assert_eq!(sessions[0]["id"], token.session.to_string());
    let claims = claims(&token);
    assert_eq!(
        (&claims["scope"], &claims["amr"]),
        (&json!("products:read products:write"), &json!(["pwd"]))
    );
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(dev.server.issuer()), &json!(dev.server.issuer()))
    );
    dev.refresh(&token).await.assert_status(200);
    // By id as well.
    assert_eq!(dev.server.token(&ada.id.to_string()).await.user, ada.id);
}

#[tokio::test]
async fn scopes_are_the_tokens_alone() {
    let dev = Dev::start().await;
    let scope = async |token: DevToken| claims(&token)["scope"].clone();
    let more = dev
        .server
        .token("bob@example.com")
        .scopes(["products:write", "anything:else"]);
    assert_eq!(scope(more.await).await, "anything:else products:write");
    assert_eq!(
        scope(dev.server.token("bob@example.com").scopes([""; 0]).await).await,
        Value::Null
    );
    // The account itself is not changed.
    assert_eq!(scope(dev.server.token("bob@example.com").await).await, "products:read");
}

#[tokio::test]
async fn an_expired_token_is_refused_and_its_session_lives() {
    let dev = Dev::start().await;
    let token = dev.server.token("ada@example.com").lifetime("-1h").await;
    assert_eq!(token.expires_in, -3600);
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
    let claims = claims(&token);
    assert!(
        claims["iat"].as_i64() < claims["exp"].as_i64() && claims["auth_time"] == claims["iat"],
        "{claims}"
    );
    dev.refresh(&token).await.assert_status(200);
    assert_eq!(
        dev.server.token("ada@example.com").lifetime("15m").await.expires_in,
        900
    );
}

#[tokio::test]
async fn an_audience_is_the_one_that_was_asked_for() {
    let dev = Dev::start().await;
    let token = dev
        .server
        .token("ada@example.com")
        .audience("https://api.example.com")
        .await;
    assert_eq!(claims(&token)["aud"], "https://api.example.com");
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn an_unknown_user_gets_an_account_once() {
    let dev = Dev::start().await;
    let (one, two) = tokio::join!(dev.server.token("new@example.com"), dev.server.token("New@example.com"));
    assert_eq!(one.user, two.user);
    let credentials = json!({ "email": "new@example.com", "password": PASSWORD });
    dev.post("/api/auth/login", credentials).await.assert_status(200);
    let body = json!({ "user": "01900000-0000-7000-8000-000000000000" });
    let unknown = dev
        .post("/dev/tokens", body)
        .await
        .assert_problem(422, "validation_failed");
    assert!(unknown.text.contains("email address"), "{}", unknown.text);
}

#[tokio::test]
async fn the_known_key_makes_a_recorded_token_last() {
    let known = || Dev::start_with(&["--deterministic-keys"]);
    let (one, two, other) = tokio::join!(known(), known(), Dev::start());
    let keys = async |dev: &Dev| {
        let keys = dev.send((Method::GET, "/.well-known/jwks.json"), None, "").await;
        keys.assert_status(200).text
    };
    assert_eq!(keys(&one).await, keys(&two).await);
    assert_ne!(keys(&one).await, keys(&other).await);
    // The list that a recorded token names exists before any token is issued.
    let token = one.server.token("ada@example.com").await;
    assert!(list_of(&token).ends_with("/oauth2/status-lists/1"));
    two.send((Method::GET, "/oauth2/status-lists/1"), None, "")
        .await
        .assert_status(200);
}
