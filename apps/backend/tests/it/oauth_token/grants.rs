//! Refreshing and ending the grants of users.

use std::time::Duration;

use countersign::features::oauth::clients;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{MAPS, OPENID, ORDERS, Wanted, granted, part, text};

async fn is_active(client: &countersign_testkit::RelyingParty<'_>, token: &str) -> bool {
    client.introspect(token).await["active"] == true
}

#[apply(on_both_databases!)]
async fn r_30_r_31_a_refresh_replaces_the_token_and_reuse_ends_the_grant(database: Database) {
    let server = TestServer::start(database).await;
    let (client, ada) = (server.client("app").await, server.user("ada").await);
    let first = granted(&server, &client, &ada, &OPENID).await;
    let answer = client.refresh(&first).await.assert_status(200);
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        ("no-store", "no-cache")
    );
    let second = answer.json();
    assert_ne!(second["refresh_token"], first.as_str());
    let third = client
        .refresh(&text(&second, "refresh_token"))
        .await
        .assert_status(200)
        .json();
    assert!(is_active(&client, &text(&third, "access_token")).await);
    client.refresh(&first).await.assert_oauth_error(400, "invalid_grant");
    client
        .refresh(&text(&third, "refresh_token"))
        .await
        .assert_oauth_error(400, "invalid_grant");
    for tokens in [&second, &third] {
        assert!(!is_active(&client, &text(tokens, "access_token")).await);
    }
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn o_31_r_33_fifty_concurrent_refreshes_make_one_successor(database: Database) {
    let server = TestServer::start(database).await;
    let (client, ada) = (server.client("app").await, server.user("ada").await);
    let first = granted(&server, &client, &ada, &OPENID).await;
    let answers = join_all((0..50).map(|_| client.refresh(&first))).await;
    let successors: Vec<Value> = answers
        .into_iter()
        .map(|answer| answer.assert_status(200).json()["refresh_token"].clone())
        .collect();
    assert!(successors.windows(2).all(|pair| pair[0] == pair[1]), "{successors:?}");
    // The response was lost.
    server.services.clock.advance(Duration::from_secs(29));
    let again = client.refresh(&first).await.assert_status(200).json();
    assert_eq!(again["refresh_token"], successors[0]);
    client.refresh(successors[0].as_str().unwrap()).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_client_may_keep_one_refresh_token(database: Database) {
    let server = TestServer::start(database).await;
    let (client, ada) = (
        server
            .client_with("app", json!({ "rotate_refresh_tokens": false }))
            .await,
        server.user("ada").await,
    );
    let token = granted(&server, &client, &ada, &OPENID).await;
    for _ in 0..3 {
        let body = client.refresh(&token).await.assert_status(200).json();
        assert!(body.get("refresh_token").is_none(), "{body}");
        assert!(is_active(&client, &text(&body, "access_token")).await);
        server.services.clock.advance(Duration::from_secs(86_400));
    }
}

/// RFC 9700 §2.2.2. The registration refuses such a client, but it may be older than that rule.
#[apply(on_both_databases!)]
async fn r_31_refresh_tokens_of_a_public_client_rotate_whatever_is_stored(database: Database) {
    let server = TestServer::start(database).await;
    let (client, ada) = (server.public_client("app").await, server.user("ada").await);
    query(sql!(
        "UPDATE clients SET metadata = REPLACE(metadata, $1, $2) WHERE client_id = 'app'"
    ))
    .bind(r#""rotate_refresh_tokens":true"#)
    .bind(r#""rotate_refresh_tokens":false"#)
    .execute(&server.services.db)
    .await
    .unwrap();
    let stored = clients::find(&server.services.db, "app").await.unwrap().unwrap();
    assert!(stored.is_public() && !stored.metadata.rotate_refresh_tokens);
    let first = granted(&server, &client, &ada, &OPENID).await;
    let second = client.refresh(&first).await.assert_status(200).json();
    let third = client
        .refresh(&text(&second, "refresh_token"))
        .await
        .assert_status(200)
        .json();
    for spent in [first, text(&third, "refresh_token")] {
        client.refresh(&spent).await.assert_oauth_error(400, "invalid_grant");
    }
}

#[apply(on_both_databases!)]
async fn o_30_r_32_r_34_x_5_another_client_ends_the_grant(database: Database) {
    let server = TestServer::start(database).await;
    let (app, ada) = (server.client("app").await, server.user("ada").await);
    let (other, page) = (server.client("other").await, server.public_client("page").await);
    for thief in [&other, &page] {
        let first = granted(&server, &app, &ada, &OPENID).await;
        let second = app.refresh(&first).await.assert_status(200).json();
        // Within the replay window.
        thief.refresh(&first).await.assert_oauth_error(400, "invalid_grant");
        app.refresh(&text(&second, "refresh_token"))
            .await
            .assert_oauth_error(400, "invalid_grant");
        assert!(!is_active(&app, &text(&second, "access_token")).await);

        let first = granted(&server, &app, &ada, &OPENID).await;
        thief.refresh(&first).await.assert_oauth_error(400, "invalid_grant");
        app.refresh(&first).await.assert_oauth_error(400, "invalid_grant");
    }
    // A request that does not come from a client ends nothing.
    let first = granted(&server, &app, &ada, &OPENID).await;
    let mut wrong = app.clone();
    wrong.secret = Some("csc_wrong".into());
    wrong.refresh(&first).await.assert_oauth_error(401, "invalid_client");
    app.refresh(&first).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn o_29_o_33_a_secret_of_one_kind_opens_nothing_else(database: Database) {
    let server = TestServer::start(database).await;
    let (client, ada) = (server.client("app").await, server.user("ada").await);
    let metadata = json!({ "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"] });
    let all = server.client_with("all", metadata).await;
    let grant = granted(&server, &client, &ada, &OPENID).await;
    let own = granted(&server, &all, &ada, &OPENID).await;
    let bits = |token: &str| token[4..].to_owned();
    let secret = all.secret.clone().unwrap();
    let secrets = [
        ada.refresh_token.clone(),
        own.clone(),
        secret.clone(),
        ada.access_token.clone(),
    ];
    let prefixes = [
        "csr_", "csl_", "csb_", "csg_", "csa_", "csc_", "csd_", "csh_", "cst_", "csv_", "csx_", "",
    ];
    for secret in &secrets {
        for prefix in prefixes {
            let presented = format!("{prefix}{}", bits(secret));
            let is_own = |of: &str| presented == of;
            for (grant_type, name) in [
                ("authorization_code", "code"),
                ("refresh_token", "refresh_token"),
                ("urn:ietf:params:oauth:grant-type:device_code", "device_code"),
            ] {
                if is_own(&own) && grant_type == "refresh_token" {
                    continue;
                }
                let fields = [
                    ("grant_type", grant_type),
                    (name, presented.as_str()),
                    ("redirect_uri", "x"),
                ];
                let answer = all.token(&fields).await;
                assert_eq!(answer.status, 400, "{grant_type}: {presented}");
                assert_ne!(answer.json()["error"], "invalid_client");
            }
            if !is_own(&own) && !is_own(&ada.access_token) {
                assert_eq!(all.introspect(&presented).await, json!({ "active": false }));
            }
            if !is_own(&ada.refresh_token) {
                ada.refresh(&presented).await.assert_status(401);
            }
        }
    }
    // None of these requests ended anything.
    ada.refresh(&grant).await.assert_problem(401, "invalid_refresh_token");
    client.refresh(&grant).await.assert_status(200);
    all.refresh(&own).await.assert_status(200);
    ada.refresh(&ada.refresh_token).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn o_32_c_46_scopes_and_apis_are_those_granted_consented_and_owned_now(database: Database) {
    let server = TestServer::start(database).await;
    let orders = json!({ "identifier": ORDERS, "name": "Orders", "clients": "any", "scopes": [
        { "name": "orders:read", "grant": "open" }, { "name": "orders:all", "grant": "owned" }] });
    server.api_with(orders).await;
    server.api(MAPS, &["maps:read"]).await;
    let (client, ada) = (server.client("app").await, server.user("ada").await);
    let wanted = Wanted {
        scopes: "openid email orders:read orders:all maps:read",
        resources: &[ORDERS, MAPS],
        ..OPENID
    };
    let mut token = granted(&server, &client, &ada, &wanted).await;
    let mut refresh = async |extra: &[(&str, &str)]| {
        let answer: Answer = client.refresh_with(&token, extra).await;
        if answer.status == 200 {
            token = text(&answer.json(), "refresh_token");
        }
        answer
    };
    let scope = |answer: Answer| {
        answer.assert_status(200).json()["scope"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    // Two APIs and openid: without a name, the token is for the UserInfo endpoint.
    let answer = refresh(&[]).await.assert_status(200).json();
    let userinfo = format!("{}/oauth2/userinfo", server.services.settings.issuer.as_str());
    assert_eq!(part(&text(&answer, "access_token"), 1)["aud"], userinfo);
    assert_eq!(answer["scope"], "email openid");
    assert_eq!(scope(refresh(&[("resource", MAPS)]).await), "email maps:read openid");
    // Ada does not own orders:all yet.
    assert_eq!(
        scope(refresh(&[("resource", ORDERS)]).await),
        "email openid orders:read"
    );
    let account = countersign::core::ids::AccountId(text(&part(&ada.access_token, 1), "sub").parse().unwrap());
    let own = async |add: bool| {
        let scopes = "orders:all".parse().unwrap();
        let change = match add {
            true => server.services.operator.grant(account, &scopes).await,
            false => server.services.operator.ungrant(account, &scopes).await,
        };
        change.unwrap();
    };
    own(true).await;
    assert_eq!(
        scope(refresh(&[("resource", ORDERS)]).await),
        "email openid orders:all orders:read"
    );
    own(false).await;
    assert_eq!(
        scope(refresh(&[("resource", ORDERS)]).await),
        "email openid orders:read"
    );
    // Narrowing concerns one token.
    assert_eq!(
        scope(refresh(&[("resource", ORDERS), ("scope", "orders:read")]).await),
        "orders:read"
    );
    assert_eq!(
        scope(refresh(&[("resource", ORDERS)]).await),
        "email openid orders:read"
    );
    // More than granted, or another API: refused, and nothing is lost.
    for (name, value, error) in [
        ("scope", "openid profile", "invalid_scope"),
        ("scope", "openid \"", "invalid_scope"),
        ("resource", "https://nowhere.example.com", "invalid_target"),
        ("resource", "x", "invalid_target"),
    ] {
        refresh(&[(name, value)]).await.assert_oauth_error(400, error);
    }
    refresh(&[("resource", MAPS), ("resource", ORDERS)])
        .await
        .assert_oauth_error(400, "invalid_request");
    // Without the consent to an API, its scopes are gone.
    query(sql!("DELETE FROM consents WHERE audience = $1"))
        .bind(ORDERS)
        .execute(&server.services.db)
        .await
        .unwrap();
    assert_eq!(scope(refresh(&[("resource", ORDERS)]).await), "email openid");
    // A registration that allows less than before.
    let operator = countersign::core::caller::Caller::operator(None);
    let narrower = |metadata: &mut countersign_oauth::ClientMetadata, _: &mut bool| {
        metadata.scope = Some("openid maps:read".to_owned());
        Ok(())
    };
    server
        .services
        .clients
        .update("app", narrower, &operator)
        .await
        .unwrap();
    assert_eq!(scope(refresh(&[("resource", ORDERS)]).await), "openid");
    server.services.apis.set_disabled(MAPS, true, &operator).await.unwrap();
    refresh(&[("resource", MAPS)])
        .await
        .assert_oauth_error(400, "invalid_target");
    refresh(&[("resource", ORDERS)]).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn o_46_r_54_x_31_revoking_a_token_ends_its_grant(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (app, page, other) = (
        server.client("app").await,
        server.public_client("page").await,
        server.client("other").await,
    );
    for client in [&app, &page] {
        for name in ["refresh_token", "access_token"] {
            let first = granted(&server, client, &ada, &OPENID).await;
            let tokens = client.refresh(&first).await.assert_status(200).json();
            let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
            for token in [&access, &refresh] {
                other.revoke(token).await.assert_status(200);
            }
            let reference = part(&access, 1)["status"]["status_list"].clone();
            let is_listed = async || {
                let reference = countersign_guard::StatusReference::new(
                    reference["idx"].as_u64().unwrap(),
                    reference["uri"].as_str().unwrap(),
                );
                server.services.revocations.is_live(&reference).await.unwrap()
            };
            assert!(is_listed().await);
            client.revoke(&text(&tokens, name)).await.assert_status(200);
            assert!(!is_listed().await, "{name}");
            client.refresh(&refresh).await.assert_oauth_error(400, "invalid_grant");
            client.revoke(&refresh).await.assert_status(200);
        }
    }
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn o_45_c_71_tokens_of_a_user_are_inactive_as_soon_as_anything_behind_them_ends(database: Database) {
    let server = TestServer::start(database).await;
    let client = server.client("app").await;
    let operator = countersign::core::caller::Caller::operator(None);
    for (at, end) in ["session", "account", "client", "time"].into_iter().enumerate() {
        let ada = server.user(&format!("ada{at}")).await;
        let first = granted(&server, &client, &ada, &Wanted { bound: true, ..OPENID }).await;
        let tokens = client.refresh(&first).await.assert_status(200).json();
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        let seen = client.introspect(&refresh).await;
        assert_eq!((&seen["active"], &seen["client_id"]), (&json!(true), &json!("app")));
        assert!(seen.get("token_type").is_none() && seen["exp"].as_i64() > part(&access, 1)["exp"].as_i64());
        assert_eq!(
            client.introspect(&first).await,
            json!({ "active": false }),
            "it was used"
        );
        let seen = client.introspect(&access).await;
        for name in [
            "sub",
            "sid",
            "auth_time",
            "acr",
            "amr",
            "scope",
            "aud",
            "exp",
            "iat",
            "jti",
            "iss",
            "client_id",
        ] {
            assert_eq!(seen[name], part(&access, 1)[name], "{name}");
        }
        match end {
            "session" => drop(ada.post("/api/auth/logout", json!(null)).await.assert_status(204)),
            "account" => drop(ada.post("/api/auth/logout-all", json!(null)).await.assert_status(204)),
            "client" => {
                server
                    .services
                    .clients
                    .set_disabled("app", true, &operator)
                    .await
                    .unwrap();
                client
                    .post("/oauth2/introspect", &[("token", &access)])
                    .await
                    .assert_oauth_error(401, "invalid_client");
                client.refresh(&refresh).await.assert_oauth_error(401, "invalid_client");
                server
                    .services
                    .clients
                    .set_disabled("app", false, &operator)
                    .await
                    .unwrap();
                continue;
            }
            _ => server.services.clock.advance(Duration::from_secs(86_400 * 91)),
        }
        for token in [&access, &refresh] {
            assert_eq!(client.introspect(token).await, json!({ "active": false }), "{end}");
        }
        client.refresh(&refresh).await.assert_oauth_error(400, "invalid_grant");
    }
}

#[apply(on_both_databases!)]
async fn o_36_a_token_of_another_client_opens_no_route_of_the_account_api(database: Database) {
    let toml = format!("[tokens]\naudience = [\"http://127.0.0.1:8000\", \"{ORDERS}\"]");
    let server = TestServer::start_with(database, &toml).await;
    server.api(ORDERS, &["orders:read"]).await;
    let (client, ada) = (server.client("app").await, server.user("ada").await);
    let wanted = Wanted {
        scopes: "openid orders:read",
        resources: &[ORDERS],
        ..OPENID
    };
    let first = granted(&server, &client, &ada, &wanted).await;
    let tokens = client.refresh(&first).await.assert_status(200).json();
    assert_eq!(part(&text(&tokens, "access_token"), 1)["aud"], ORDERS);
    for name in ["access_token", "id_token"] {
        let third_party = ada.with(&json!({ "access_token": tokens[name] }));
        for path in [
            "/api/auth/me",
            "/api/auth/sessions",
            "/api/auth/me/export",
            "/api/auth/forward",
        ] {
            third_party.get(path).await.assert_status(401);
        }
        third_party
            .post("/api/auth/logout-all", json!(null))
            .await
            .assert_status(401);
        third_party
            .delete("/api/auth/me", json!({ "password": "x" }))
            .await
            .assert_status(401);
    }
    // An ID token is no token for anything.
    assert_eq!(
        client.introspect(&text(&tokens, "id_token")).await,
        json!({ "active": false })
    );
    client.revoke(&text(&tokens, "id_token")).await.assert_status(200);
    assert!(is_active(&client, &text(&tokens, "access_token")).await);
}
