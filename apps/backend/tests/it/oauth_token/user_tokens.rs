//! What is in the tokens of users.

use std::time::Duration;

use countersign_jose::at_hash;
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{OPENID, ORDERS, Wanted, granted, issued, part, text};

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[apply(on_both_databases!)]
async fn o_37_an_access_token_has_the_claims_of_rfc_9068(database: Database) {
    let server = TestServer::start(database).await;
    server.api(ORDERS, &["orders:read"]).await;
    let (client, ada) = (server.client("app").await, server.user("ada").await);
    let wanted = Wanted {
        scopes: "openid email orders:read",
        resources: &[ORDERS],
        absolute_ttl: Some(Duration::from_secs(900)),
        ..OPENID
    };
    let first = granted(&server, &client, &ada, &wanted).await;
    server.services.clock.advance(Duration::from_secs(500));
    let body = client.refresh(&first).await.assert_status(200).json();
    assert_eq!(
        names(&body),
        [
            "access_token",
            "expires_in",
            "id_token",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    let token = text(&body, "access_token");
    assert_eq!(
        (&part(&token, 0)["typ"], &part(&token, 0)["alg"]),
        (&json!("at+jwt"), &json!("ES256"))
    );
    let claims = part(&token, 1);
    assert_eq!(
        names(&claims),
        [
            "acr",
            "amr",
            "aud",
            "auth_time",
            "client_id",
            "exp",
            "iat",
            "iss",
            "jti",
            "scope",
            "sid",
            "status",
            "sub"
        ]
    );
    let first_party = part(&ada.access_token, 1);
    assert_eq!(
        (&claims["sub"], &claims["auth_time"]),
        (&first_party["sub"], &first_party["auth_time"])
    );
    assert_ne!(claims["sid"], first_party["sid"], "a grant is not its browser session");
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(ORDERS), &json!("app")));
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal1"), &json!(["pwd"])));
    assert_eq!(claims["scope"], "email openid orders:read");
    // Ten minutes, but no longer than the grant.
    let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!((lives, body["expires_in"].as_i64().unwrap()), (400, 400));
}

#[apply(on_both_databases!)]
async fn o_38_an_id_token_says_what_was_granted_and_nothing_else(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    ada.patch("/api/auth/me", json!({ "name": "Ada Lovelace" }))
        .await
        .assert_status(200);
    let protocol = [
        "acr",
        "amr",
        "at_hash",
        "aud",
        "auth_time",
        "exp",
        "iat",
        "iss",
        "sid",
        "sub",
    ];
    let claims = r#"{"id_token":{"name":null,"phone_number":null},"userinfo":{"email":null}}"#;
    for (at, (metadata, scopes, requested, expected)) in [
        (json!({}), "openid", None, vec![]),
        (json!({}), "openid email", None, vec!["email", "email_verified"]),
        (
            json!({}),
            "openid email profile",
            None,
            vec!["email", "email_verified", "name", "updated_at"],
        ),
        (json!({}), "openid profile", Some(claims), vec!["name", "updated_at"]),
        (
            json!({ "id_token_claims": "minimal" }),
            "openid email profile",
            None,
            vec![],
        ),
        (
            json!({ "id_token_claims": "minimal" }),
            "openid email profile",
            Some(claims),
            vec!["name"],
        ),
        // A client gets no claim that it could not get by a scope.
        (json!({ "scope": "openid email" }), "openid", Some(claims), vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        let client = server.client_with(&format!("app{at}"), metadata).await;
        let wanted = Wanted {
            scopes,
            claims: requested,
            ..OPENID
        };
        let body = issued(&server, &client, &ada, &wanted).await;
        let (id_token, access) = (text(&body, "id_token"), text(&body, "access_token"));
        assert_eq!(
            (&part(&id_token, 0)["typ"], &part(&id_token, 0)["alg"]),
            (&json!("JWT"), &json!("ES256"))
        );
        let claims = part(&id_token, 1);
        let mut all: Vec<_> = protocol.iter().copied().chain(expected).collect();
        all.sort_unstable();
        assert_eq!(names(&claims), all, "{at}: {scopes}");
        assert_eq!(
            (&claims["aud"], &claims["sub"]),
            (&json!(client.client_id), &part(&access, 1)["sub"])
        );
        assert_eq!(claims["at_hash"], at_hash(&access));
        assert_eq!(
            (&claims["sid"], &claims["auth_time"]),
            (&part(&access, 1)["sid"], &part(&access, 1)["auth_time"])
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
        if claims.get("name").is_some() {
            assert_eq!(claims["name"], "Ada Lovelace");
        }
    }
    // Without the scope openid, there is none.
    server.api(ORDERS, &["orders:read"]).await;
    let client = server.client("plain").await;
    let wanted = Wanted {
        scopes: "orders:read",
        resources: &[ORDERS],
        ..OPENID
    };
    let body = issued(&server, &client, &ada, &wanted).await;
    assert!(body.get("id_token").is_none(), "{body}");
}

#[apply(on_both_databases!)]
async fn o_38_an_id_token_has_the_algorithm_of_the_registration(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    for alg in ["RS256", "ES256"] {
        let metadata = json!({ "id_token_signed_response_alg": alg });
        let client = server.client_with(&format!("app-{alg}"), metadata).await;
        let body = issued(&server, &client, &ada, &OPENID).await;
        let header = part(&text(&body, "id_token"), 0);
        assert_eq!(header["alg"], alg);
        assert_eq!(part(&text(&body, "access_token"), 0)["alg"], "ES256");
        let keys = server.get("/.well-known/jwks.json").await.assert_status(200).json();
        let is_its_key = |key: &&Value| key["kid"] == header["kid"];
        let key = keys["keys"].as_array().unwrap().iter().find(is_its_key).unwrap();
        assert_eq!(key["alg"], alg);
    }
}
