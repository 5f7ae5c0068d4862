//! Grants: what the clients of the OpenID provider may do for a user.

use axum::body::Body;
use axum::http::Request;
use countersign_jose::Audience;
use countersign_testkit::{Database, TestServer, apply, on_both_databases};

use crate::attacks::routes;

/// The token of another client opens no route of the account API, even if its audience is the same.
#[apply(on_both_databases!)]
async fn o_36_the_account_api_accepts_tokens_of_the_first_party_only(database: Database) {
    let audience = ["http://127.0.0.1:8000", "https://api.example.com"];
    let server = TestServer::start_with(database, &format!("[tokens]\naudience = {audience:?}")).await;
    let ada = server.user("ada").await;
    let verified = server.services.guard.verify(&ada.access_token).await.unwrap();
    let mut foreign = Vec::new();
    for (client, audience) in [
        ("grafana", audience.as_slice()),
        ("grafana", &audience[..1]),
        ("grafana", &audience[1..]),
        ("Countersign", &audience),
        ("countersign ", &audience),
    ] {
        let mut claims = verified.claims().clone();
        claims.client_id = client.to_owned();
        claims.aud = Audience::from(audience.iter().copied().map(str::to_owned).collect::<Vec<_>>());
        let now = server.services.clock.now();
        foreign.push(server.services.keys.issue(&claims, now).await.unwrap());
    }
    let mut refused = 0;
    for (method, path) in routes(&server).await {
        let filled = path.replace("{id}", &verified.session().unwrap().to_string());
        let send = async |token: Option<&str>| {
            let mut request = Request::builder().method(&method).uri(&filled);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            server.send(request.body(Body::empty()).unwrap()).await
        };
        if !path.starts_with("/api/") || send(None).await.status != 401 {
            continue;
        }
        for token in &foreign {
            let answer = send(Some(token)).await;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text);
            answer.assert_problem(401, "invalid_token");
        }
        refused += 1;
    }
    assert!(refused > 10, "only {refused} routes were tried");
    ada.get("/api/auth/me").await.assert_status(200);
}
