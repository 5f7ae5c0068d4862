//! Introspection.

use countersign::core::ids::AccountId;
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{MAPS, OPENID, ORDERS, Wanted, issued, machine, machine_token, nightly, part, text};

#[apply(on_both_databases!)]
async fn o_45_r_55_x_10_only_the_client_of_a_token_and_its_api_learn_of_it(database: Database) {
    let server = TestServer::start(database).await;
    let client = nightly(&server).await;
    let stranger = machine(&server, "stranger").await;
    let (orders, maps) = (machine(&server, "orders-api").await, machine(&server, "maps-api").await);
    for (api, client_id) in [(ORDERS, "orders-api"), (MAPS, "maps-api")] {
        let operator = countersign::core::caller::Caller::operator(None);
        let link = |metadata: &mut countersign_oauth::ApiMetadata| metadata.client_id = Some(client_id.to_owned());
        server.services.apis.update(api, link, &operator).await.unwrap();
    }
    let token = machine_token(&client).await;
    let claims = part(&token, 1);
    for knows in [&client, &orders] {
        let seen = knows.introspect(&token).await;
        assert_eq!(seen["active"], true, "{}", knows.client_id);
        for name in ["scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti"] {
            assert_eq!(seen[name], claims[name], "{name}");
        }
        assert_eq!(seen["token_type"], "Bearer");
        assert_eq!(seen.as_object().unwrap().len(), 10, "{seen}");
    }
    for other in [&stranger, &maps] {
        assert_eq!(
            other.introspect(&token).await,
            json!({ "active": false }),
            "{}",
            other.client_id
        );
    }
    // A hint changes nothing.
    for hint in ["access_token", "refresh_token", "something"] {
        let seen = client
            .post("/oauth2/introspect", &[("token", &token), ("token_type_hint", hint)])
            .await;
        assert_eq!(seen.assert_status(200).json()["active"], true);
    }
    // A first-party token is none of a client's business.
    let ada = server.user("ada").await;
    for other in [&ada.access_token, &ada.refresh_token] {
        assert_eq!(client.introspect(other).await, json!({ "active": false }));
    }
}

#[apply(on_both_databases!)]
async fn a_95_o_45_a_scope_that_was_taken_back_is_introspected_no_more(database: Database) {
    let server = TestServer::start(database).await;
    let client = server.public_client("notes").await;
    let resource = machine(&server, "orders-api").await;
    let api = json!({
        "identifier": ORDERS, "name": "Orders", "clients": "any", "client_id": "orders-api",
        "scopes": [{ "name": "orders:read", "grant": "open" }, { "name": "orders:all", "grant": "owned" }],
    });
    let operator = countersign::core::caller::Caller::operator(None);
    let api = serde_json::from_value(api).unwrap();
    server.services.apis.create(&api, &operator).await.unwrap();
    let ada = server.user("ada").await;
    let id = part(&ada.access_token, 1)["sub"].as_str().unwrap().parse().unwrap();
    let (account, all) = (AccountId(id), &"orders:all".parse().unwrap());
    server.services.operator.grant(account, all).await.unwrap();
    let wanted = Wanted {
        scopes: "openid orders:read orders:all",
        resources: &[ORDERS],
        ..OPENID
    };
    let tokens = issued(&server, &client, &ada, &wanted).await;
    let token = text(&tokens, "access_token");
    let scope = async || text(&resource.introspect(&token).await, "scope");
    assert_eq!(scope().await, "openid orders:all orders:read");
    server.services.operator.ungrant(account, all).await.unwrap();
    assert_eq!(scope().await, "openid orders:read");
}

#[apply(on_both_databases!)]
async fn o_45_invalid_tokens_are_inactive_and_unauthenticated_requests_refused(database: Database) {
    let server = TestServer::start(database).await;
    let client = nightly(&server).await;
    let token = machine_token(&client).await;
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let mut invalid = vec![
        "x".to_owned(),
        "..".to_owned(),
        format!("{head}."),
        format!("{head}.{}", signature.replace(&signature[..4], "AAAA")),
        format!("{none}.{}.", head.split_once('.').unwrap().1),
        format!("{header}.e30.{signature}"),
        format!(" {token}"),
        "x".repeat(10_000),
    ];
    invalid.extend(["csr_", "csg_", "csa_", "csc_"].map(|prefix| format!("{prefix}{}", "A".repeat(86))));
    for invalid in invalid {
        let answer = client
            .post("/oauth2/introspect", &[("token", &invalid)])
            .await
            .assert_status(200);
        assert_eq!(answer.text, "{\"active\":false}", "{invalid}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    client
        .post("/oauth2/introspect", &[])
        .await
        .assert_oauth_error(400, "invalid_request");
    for body in [
        format!("token={token}"),
        format!("token={token}&client_id=nightly"),
        format!("token={token}&client_id=nightly&client_secret=wrong"),
    ] {
        let answer = server.post_form("/oauth2/introspect", &body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{}", answer.text);
    }
    let mut wrong = client.clone();
    wrong.secret = Some("csc_wrong".into());
    wrong
        .post("/oauth2/introspect", &[("token", &token)])
        .await
        .assert_oauth_error(401, "invalid_client");
    // A public client proves nothing, so it learns nothing.
    let page = server.public_client("page").await;
    page.post("/oauth2/introspect", &[("token", &token)])
        .await
        .assert_oauth_error(400, "unauthorized_client");
}
