//! The whole way: an application sends its user through the real pages and redeems the code.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use countersign_testkit::{Database, TestServer, VERIFIER, apply, on_both_databases, parameter};
use futures_util::future::join_all;
use serde_json::json;
use tower::ServiceExt;

use super::{ORDERS, part, text};

#[apply(on_both_databases!)]
async fn a_user_signs_in_to_an_application(database: Database) {
    let server = TestServer::start(database).await;
    server.api(ORDERS, &["orders:read"]).await;
    let client = server.client("grafana").await;
    let ada = server.user("ada").await;
    let mut browser = server.browser();
    let visit = browser.visit(&client.authorization_url(&[]), "ada").await;
    assert!(visit.url.starts_with(&client.redirect_uri), "{}", visit.url);
    assert_eq!(parameter(&visit.url, "state").as_deref(), Some("a-state"));
    let code = parameter(&visit.url, "code").unwrap();
    let tokens = client.redeem(&code).await.assert_status(200).json();
    let id_token = part(&text(&tokens, "id_token"), 1);
    let account = part(&ada.access_token, 1)["sub"].clone();
    assert_eq!((&id_token["nonce"], &id_token["sub"]), (&json!("a-nonce"), &account));
    let next = client
        .refresh(&text(&tokens, "refresh_token"))
        .await
        .assert_status(200)
        .json();
    let again = part(&text(&next, "id_token"), 1);
    assert!(again.get("nonce").is_none(), "{again}");
    for name in ["iss", "sub", "aud", "auth_time", "sid", "acr", "amr"] {
        assert_eq!(again[name], id_token[name], "{name}");
    }
    let userinfo =
        Request::get("/oauth2/userinfo").header("authorization", format!("Bearer {}", text(&next, "access_token")));
    let told = server
        .send(userinfo.body(Body::empty()).unwrap())
        .await
        .assert_status(200)
        .json();
    assert_eq!((&told["sub"], &told["email"]), (&account, &json!("ada@example.com")));

    // A public client, an API, and a browser that is signed in already.
    let page = server
        .public_client("page")
        .await
        .scope("openid orders:read")
        .resource(ORDERS);
    let tokens = page.sign_in_with(&mut browser, "ada").await;
    assert_eq!(part(&text(&tokens, "access_token"), 1)["aud"], ORDERS);
    assert_eq!(tokens["scope"], "openid orders:read");
}

/// The claims of a request are stored in another spelling, which may be longer than a request may be.
#[apply(on_both_databases!)]
async fn o_60_claims_with_long_numbers_lead_to_tokens(database: Database) {
    let server = TestServer::start(database).await;
    let (client, _ada) = (server.client("grafana").await, server.user("ada").await);
    let values = ["1e9"; 900].join(",");
    for wanted in ["id_token", "userinfo"] {
        let claims = format!(r#"{{"{wanted}":{{"zoneinfo":{{"values":[{values}]}}}}}}"#);
        let mut browser = server.browser();
        let code = client.authorize_with(&mut browser, "ada", &[("claims", &claims)]).await;
        let tokens = client.redeem(&code).await.assert_status(200).json();
        let next = client.refresh(&text(&tokens, "refresh_token")).await;
        let token = text(&next.assert_status(200).json(), "access_token");
        let userinfo = Request::get("/oauth2/userinfo").header("authorization", format!("Bearer {token}"));
        server
            .send(userinfo.body(Body::empty()).unwrap())
            .await
            .assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn r_23_a_code_that_is_used_again_ends_its_grant(database: Database) {
    let server = TestServer::start(database).await;
    let (client, _ada) = (server.client("grafana").await, server.user("ada").await);
    let code = client.authorize(&mut server.browser(), "ada").await;
    let tokens = client.redeem(&code).await.assert_status(200).json();
    assert_eq!(client.introspect(&text(&tokens, "access_token")).await["active"], true);
    client.redeem(&code).await.assert_oauth_error(400, "invalid_grant");
    assert_eq!(
        client.introspect(&text(&tokens, "access_token")).await,
        json!({ "active": false })
    );
    client
        .refresh(&text(&tokens, "refresh_token"))
        .await
        .assert_oauth_error(400, "invalid_grant");

    // Fifty at once: at most one success, and none of its tokens is valid afterwards.
    let code = client.authorize(&mut server.browser(), "ada").await;
    let answers = join_all((0..50).map(|_| client.redeem(&code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 49));
    for answer in lost {
        answer.assert_oauth_error(400, "invalid_grant");
    }
    let refresh = text(&won[0].json(), "refresh_token");
    client.refresh(&refresh).await.assert_oauth_error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_23_of_fifty_redemptions_on_two_nodes_one_succeeds() {
    let server = TestServer::start(Database::Postgres).await;
    let (client, _ada) = (server.public_client("page").await, server.user("ada").await);
    let code = client.authorize(&mut server.browser(), "ada").await;
    let nodes = [
        countersign::app(server.services.clone()),
        countersign::app(server.another_node().await),
    ];
    let body = format!(
        "grant_type=authorization_code&client_id=page&code={code}&code_verifier={VERIFIER}&redirect_uri={}",
        "https%3A%2F%2Fpage.example.com%2Fcallback"
    );
    let redeem = |at: usize| {
        let request = Request::post("/oauth2/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 40_000))))
            .body(Body::from(body.clone()));
        nodes[at % 2].clone().oneshot(request.unwrap())
    };
    let answers: Vec<Response<Body>> = join_all((0..50).map(redeem))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let won = answers.iter().filter(|answer| answer.status() == 200).count();
    let refused = answers.iter().filter(|answer| answer.status() == 400).count();
    assert_eq!((won, refused), (1, 49));
}
