//! Tokens of a client for itself.

use std::time::Duration;

use countersign::core::caller::Caller;
use countersign::features::sign_in::revocation::begin_generation;
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::json;
use uuid::Uuid;

use super::{MAPS, ORDERS, machine, machine_token, nightly, part, text};

#[apply(on_both_databases!)]
async fn o_37_a_token_of_a_client_has_the_claims_of_rfc_9068_and_no_user(database: Database) {
    let server = TestServer::start(database).await;
    let client = nightly(&server).await;
    let answer = client
        .client_credentials(&[("resource", ORDERS)])
        .await
        .assert_status(200);
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        ("no-store", "no-cache")
    );
    let body = answer.json();
    let mut members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["access_token", "expires_in", "scope", "token_type"],
        "no refresh token, no ID token"
    );
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(600))
    );
    assert_eq!(body["scope"], "orders:read");
    let token = text(&body, "access_token");
    let header = part(&token, 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    let claims = part(&token, 1);
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["aud", "client_id", "exp", "iat", "iss", "jti", "scope", "status", "sub"]
    );
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("nightly"), &json!("nightly"))
    );
    assert_eq!(
        (&claims["aud"], &claims["scope"]),
        (&json!(ORDERS), &json!("orders:read"))
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    assert!(Uuid::parse_str(&text(&claims, "jti")).is_ok() && Uuid::parse_str("nightly").is_err());
    let again = part(&machine_token(&client).await, 1);
    assert_ne!(again["jti"], claims["jti"]);
    assert_eq!(again["status"], claims["status"], "all tokens of a client share a bit");
}

#[apply(on_both_databases!)]
async fn o_28_c_46_the_api_and_the_scopes_are_those_of_the_registration(database: Database) {
    let server = TestServer::start(database).await;
    let client = nightly(&server).await;
    let listed =
        json!({ "identifier": "https://secret.example.com", "name": "Secret", "scopes": [{ "name": "orders:read" }] });
    server.api_with(listed).await;
    let ask = async |fields: &[(&str, &str)]| client.client_credentials(fields).await;
    for (resource, scope, got) in [
        (ORDERS, "orders:read", "orders:read"),
        (
            ORDERS,
            "orders:read orders:write maps:read openid offline_access",
            "orders:read",
        ),
        ("HTTPS://API.example.com:443/orders", "orders:read", "orders:read"),
        (MAPS, "", "maps:read"),
        ("https://maps.example.com/", "maps:read", "maps:read"),
    ] {
        let body = ask(&[("resource", resource), ("scope", scope)])
            .await
            .assert_status(200)
            .json();
        assert_eq!(body["scope"], got, "{resource} {scope}");
        let aud = part(&text(&body, "access_token"), 1)["aud"].clone();
        assert!(aud == ORDERS || aud == MAPS, "in the registered spelling: {aud}");
    }
    for scope in ["orders:write", "openid", "maps:read", "nothing"] {
        ask(&[("resource", ORDERS), ("scope", scope)])
            .await
            .assert_oauth_error(400, "invalid_scope");
    }
    let issuer = server.services.settings.issuer.as_str().to_owned();
    let userinfo = format!("{issuer}/oauth2/userinfo");
    for resource in [
        "https://nowhere.example.com",
        "https://secret.example.com",
        "https://api.example.com/orders/",
        "not a uri",
        &issuer,
        &userinfo,
    ] {
        ask(&[("resource", resource)])
            .await
            .assert_oauth_error(400, "invalid_target");
    }
    // Two APIs, and none is the default.
    ask(&[]).await.assert_oauth_error(400, "invalid_target");
    let metadata = json!({ "grant_types": ["client_credentials"], "redirect_uris": [], "default_api": MAPS });
    let other = server.client_with("other", metadata).await;
    let body = other.client_credentials(&[]).await.assert_status(200).json();
    assert_eq!(part(&text(&body, "access_token"), 1)["aud"], MAPS);
    assert!(body.get("scope").is_none(), "its registration names no scope");
    other
        .client_credentials(&[("scope", "maps:read")])
        .await
        .assert_oauth_error(400, "invalid_scope");
    // No API is left for the token.
    server
        .services
        .apis
        .set_disabled(MAPS, true, &Caller::operator(None))
        .await
        .unwrap();
    other
        .client_credentials(&[])
        .await
        .assert_oauth_error(400, "invalid_target");
    // Of one API, nothing need be said.
    let only = client.client_credentials(&[]).await.assert_status(200).json();
    assert_eq!(only["scope"], "orders:read");
}

#[apply(on_both_databases!)]
async fn o_37_c_71_an_api_may_have_shorter_tokens(database: Database) {
    let server = TestServer::start(database).await;
    for (identifier, ttl, lives) in [
        ("https://short.example.com", "60", 60),
        ("https://long.example.com", "3600", 600),
    ] {
        let metadata = json!({ "identifier": identifier, "name": "x", "clients": "any", "access_ttl": ttl.parse::<u64>().unwrap() });
        server.api_with(metadata).await;
        let client = machine(&server, &format!("client{lives}")).await;
        let body = client
            .client_credentials(&[("resource", identifier)])
            .await
            .assert_status(200)
            .json();
        assert_eq!(body["expires_in"], lives);
        server.services.clock.advance(Duration::from_secs(lives - 1));
        assert_eq!(client.introspect(&text(&body, "access_token")).await["active"], true);
        server.services.clock.advance(Duration::from_secs(1));
        assert_eq!(
            client.introspect(&text(&body, "access_token")).await,
            json!({ "active": false })
        );
    }
}

#[apply(on_both_databases!)]
async fn o_39_tokens_of_clients_end_together(database: Database) {
    let server = TestServer::start(database).await;
    let (client, other) = (nightly(&server).await, machine(&server, "other").await);
    let is_active = async |token: &str| client.introspect(token).await["active"] == true;
    let (first, second, of_other) = (
        machine_token(&client).await,
        machine_token(&client).await,
        machine_token(&other).await,
    );
    assert!(is_active(&first).await && is_active(&second).await);
    // Revoking one revokes its siblings, and nothing else.
    client.revoke(&first).await.assert_status(200);
    assert!(!is_active(&first).await && !is_active(&second).await);
    assert_eq!(other.introspect(&of_other).await["active"], true);
    let third = machine_token(&client).await;
    assert!(is_active(&third).await, "the next one is valid");

    // A disabled client has no tokens, and gets none.
    let operator = Caller::operator(None);
    server
        .services
        .clients
        .set_disabled("nightly", true, &operator)
        .await
        .unwrap();
    client
        .client_credentials(&[("resource", ORDERS)])
        .await
        .assert_oauth_error(401, "invalid_client");
    server
        .services
        .clients
        .set_disabled("nightly", false, &operator)
        .await
        .unwrap();
    assert!(!is_active(&third).await, "its tokens were revoked for good");

    // Restoring a backup begins a new generation of status lists.
    let fourth = machine_token(&client).await;
    let now = server.services.clock.now();
    let begun = server
        .services
        .db
        .transact(|tx| Box::pin(async move { begin_generation(tx, now).await }));
    begun.await.unwrap();
    server.services.revocations.refresh().await.unwrap();
    assert!(!is_active(&fourth).await, "a token from before a restored backup");
    assert!(is_active(&machine_token(&client).await).await);
}

#[apply(on_both_databases!)]
async fn o_36_a_token_of_a_client_opens_no_route_of_the_account_api(database: Database) {
    let toml = format!("[tokens]\naudience = [\"http://127.0.0.1:8000\", \"{ORDERS}\"]");
    let server = TestServer::start_with(database, &toml).await;
    let client = nightly(&server).await;
    let token = machine_token(&client).await;
    let mut routes = 0;
    let document = server.get("/openapi.json").await.assert_status(200).json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !path.starts_with("/api/") || operation["security"].to_string().find("bearer").is_none() {
                continue;
            }
            let path = path.replace("{id}", &Uuid::nil().to_string());
            let request = axum::http::Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&path)
                .header("authorization", format!("Bearer {token}"));
            let answer = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
            // Routes for which a token is optional refuse the request for another reason.
            assert!(
                matches!(answer.status.as_u16(), 401 | 415),
                "{method} {path}: {} {}",
                answer.status,
                answer.text
            );
            routes += 1;
        }
    }
    assert!(routes > 8, "{routes}");
}
