//! Responses to reverse proxies: a status and three headers, for any method and any path below.

use axum::body::Body;
use axum::http::{Method, Request};
use countersign::core::ids::AccountId;
use countersign::features::sign_in::sessions::Session;
use countersign_guard::{AccessTokenClaims, Subject};
use countersign_jose::RequiredClaims;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, Person, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use crate::grants;

const FORWARD: &str = "/api/auth/forward";

/// The three headers; each must be present exactly once.
#[track_caller]
fn identity(answer: &Answer) -> [String; 3] {
    ["x-auth-user", "x-auth-email", "x-auth-scope"].map(|name| {
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name}: {values:?}");
        values[0].to_str().unwrap().to_owned()
    })
}

#[track_caller]
fn assert_refused(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.assert_problem(status, code);
    assert_eq!(identity(&answer), ["", "", ""]);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

/// Ada, who owns these scopes.
async fn ada_with<'s>(server: &'s TestServer, scopes: &str) -> (Person<'s>, String) {
    let first = server.user("ada").await;
    let id = first.get("/api/auth/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let account = AccountId(id.parse().unwrap());
    server
        .services
        .operator
        .grant(account, &scopes.parse().unwrap())
        .await
        .unwrap();
    (server.sign_in("ada").await, id)
}

fn asked(method: &str, path: &str, token: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
}

#[apply(on_both_databases!)]
async fn a_valid_token_is_answered_with_its_user(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, id) = ada_with(&server, "products:write products:read").await;
    let answer = ada.get(FORWARD).await.assert_status(200);
    assert_eq!(
        identity(&answer),
        [id.as_str(), "ada@example.com", "products:read products:write"]
    );
    assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", "no-store"));
    // The header is present even without scopes.
    let eve = server.user("eve").await;
    let answer = eve.get(FORWARD).await.assert_status(200);
    assert_eq!(identity(&answer)[1..], ["eve@example.com", ""]);
}

#[apply(on_both_databases!)]
async fn no_token_and_a_bad_one_are_challenged(database: Database) {
    let server = TestServer::start(database).await;
    let answer = assert_refused(server.get(FORWARD).await, 401, "missing_token");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"http://127.0.0.1:8000\""
    );
    for authorization in ["Bearer", "Bearer a.b.c", "bearer nonsense"] {
        let request = Request::get(FORWARD)
            .header("authorization", authorization)
            .header("x-auth-user", "forged");
        let answer = assert_refused(
            server.send(request.body(Body::empty()).unwrap()).await,
            401,
            "invalid_token",
        );
        assert!(
            answer.header("www-authenticate").contains("error=\"invalid_token\""),
            "{authorization}"
        );
    }
    let (ada, _) = ada_with(&server, "").await;
    let twice = asked("GET", FORWARD, &ada.access_token).header("authorization", "Bearer a.b.c");
    assert_refused(
        server.send(twice.body(Body::empty()).unwrap()).await,
        401,
        "invalid_token",
    );
    let forged = asked("GET", "/api/auth/forward?access_token=x", "").header("x-auth-user", "forged");
    assert_refused(
        server.send(forged.body(Body::empty()).unwrap()).await,
        401,
        "invalid_token",
    );
}

#[apply(on_both_databases!)]
async fn demanded_scopes_must_all_be_there(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, _) = ada_with(&server, "products:read products:write").await;
    for query in [
        "scope=products:read",
        "scope=products%3Aread+products:write",
        "scope=products:read&scope=products:write",
        "scope=",
        "",
    ] {
        ada.get(&format!("{FORWARD}?{query}")).await.assert_status(200);
    }
    for (query, missing) in [
        ("scope=admin", "admin"),
        ("scope=products:read+admin", "admin"),
        ("scope=products:read&scope=z+admin", "admin z"),
        ("scope=PRODUCTS:READ", "PRODUCTS:READ"),
        ("scope=products", "products"),
        ("scope=products:read%22,", "products:read',"),
        ("scope=%0d%0aX-Auth-User:%20ada", "??X-Auth-User: ada"),
    ] {
        let answer = assert_refused(ada.get(&format!("{FORWARD}?{query}")).await, 403, "insufficient_scope");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.ends_with(&format!("error=\"insufficient_scope\", scope=\"{missing}\"")),
            "{challenge}"
        );
    }
    // Without a token, the response does not reveal the required scope.
    assert_refused(
        server.get(&format!("{FORWARD}?scope=admin")).await,
        401,
        "missing_token",
    );
}

#[apply(on_both_databases!)]
async fn a_95_a_scope_that_was_taken_back_opens_nothing_any_more(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, id) = ada_with(&server, "products:read products:write").await;
    let account = AccountId(id.parse().unwrap());
    let path = format!("{FORWARD}?scope=products:write");
    ada.get(&path).await.assert_status(200);
    let taken = &"products:write".parse().unwrap();
    server.services.operator.ungrant(account, taken).await.unwrap();
    assert_refused(ada.get(&path).await, 403, "insufficient_scope");
    let answer = ada.get(FORWARD).await.assert_status(200);
    assert_eq!(identity(&answer)[2], "products:read");
}

#[apply(on_both_databases!)]
async fn by_any_method_at_any_path_below(database: Database) {
    // An allowed origin: other routes grant its preflight, but here that would let an unauthenticated request through.
    let server = TestServer::start_with(database, "app_origins = [\"https://app.example.com\"]").await;
    let (ada, id) = ada_with(&server, "").await;
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
    ] {
        for path in [
            "",
            "/",
            "/products/7",
            "//",
            "/../me",
            "/%2e%2e%2fme",
            "/%ff%fe",
            "/%00%",
            "/a%2Fb?c=d&scope=",
            "/\u{e9}",
        ] {
            let path = format!("{FORWARD}{path}");
            let preflight = |token: &str| {
                asked(method, &path, token)
                    .header("origin", "https://app.example.com")
                    .header("access-control-request-method", "POST")
            };
            let answer = server
                .send(preflight(&ada.access_token).body(Body::empty()).unwrap())
                .await;
            assert_eq!(
                (answer.status.as_u16(), answer.text.as_str()),
                (200, ""),
                "{method} {path}"
            );
            assert_eq!(identity(&answer)[0], id, "{method} {path}");
            let answer = server.send(preflight("a.b.c").body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(identity(&answer), ["", "", ""], "{method} {path}");
        }
    }
    for path in ["/api/auth/forwardx", "/api/auth/Forward", "/api/auth/forward%2Fx"] {
        ada.get(path).await.assert_problem(404, "not_found");
    }
}

#[apply(on_both_databases!)]
async fn the_headers_of_an_upload_are_no_trouble_without_its_body(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, _) = ada_with(&server, "").await;
    let upload = asked("POST", FORWARD, &ada.access_token)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .header("expect", "100-continue");
    server
        .send(upload.body(Body::empty()).unwrap())
        .await
        .assert_status(200);
    let with_body = asked("GET", FORWARD, &ada.access_token).header("content-type", "text/plain");
    server
        .send(with_body.body(Body::from("anything")).unwrap())
        .await
        .assert_status(200);
    let huge = asked("POST", FORWARD, &ada.access_token).body(Body::from("x".repeat(70_000)));
    server.send(huge.unwrap()).await.assert_problem(413, "body_too_large");
}

#[apply(on_both_databases!)]
async fn what_ended_is_refused_at_once(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, id) = ada_with(&server, "").await;
    ada.get(FORWARD).await.assert_status(200);
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert_refused(ada.get(FORWARD).await, 401, "invalid_token");
    let ada = server.sign_in("ada").await;
    server
        .services
        .operator
        .set_disabled(AccountId(id.parse().unwrap()), true)
        .await
        .unwrap();
    assert_refused(ada.get(FORWARD).await, 401, "invalid_token");
    let eve = server.user("eve").await;
    eve.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    assert_refused(eve.get(FORWARD).await, 401, "invalid_token");
}

#[apply(on_both_databases!)]
async fn an_address_that_is_not_ascii_is_percent_encoded(database: Database) {
    let server = TestServer::start(database).await;
    for (email, value) in [
        ("\u{e9}va@b\u{fc}cher.example", "%C3%A9va@b%C3%BCcher.example"),
        ("%C3%A9va@xn--bcher-kva.example", "%25C3%25A9va@xn--bcher-kva.example"),
    ] {
        let body = json!({ "email": email, "password": PASSWORD });
        server.post("/api/auth/register", body.clone()).await.assert_status(201);
        let tokens = server.post("/api/auth/login", body).await.assert_status(200).json();
        let request = asked("GET", FORWARD, tokens["access_token"].as_str().unwrap());
        let answer = server
            .send(request.body(Body::empty()).unwrap())
            .await
            .assert_status(200);
        assert_eq!(identity(&answer)[1], value);
    }
}

#[apply(on_both_databases!)]
async fn requests_are_refused_while_the_database_does_not_respond(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, _) = ada_with(&server, "").await;
    query(sql!("ALTER TABLE accounts RENAME TO elsewhere"))
        .execute(&server.services.db)
        .await
        .unwrap();
    let answer = assert_refused(ada.get(FORWARD).await, 503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

/// A token of another client for the user of a grant, as the token endpoint issues it.
async fn token_for_api(server: &TestServer, grant: &Session, audience: &[&str]) -> String {
    let services = &server.services;
    let now = services.clock.now();
    let mut claims = AccessTokenClaims::from(RequiredClaims {
        iss: services.settings.issuer.as_str().to_owned(),
        sub: Subject::Account(grant.account_id.0),
        aud: audience.iter().map(|&name| name.to_owned()).collect::<Vec<_>>().into(),
        exp: now.seconds() + 600,
        iat: now.seconds(),
        jti: grant.id.0,
        client_id: grant.client_id.clone(),
    });
    claims.sid = Some(grant.id.0);
    claims.scope = Some("orders:read".to_owned());
    claims.status = Some(services.revocations.reference(grant.bit()));
    services.keys.issue(&claims, now).await.unwrap()
}

/// The API that the tests of `?audience=` protect.
async fn register_api(server: &TestServer, identifier: &str) {
    let api = serde_json::from_value(json!({
        "identifier": identifier, "name": "Orders", "clients": "any", "scopes": [{ "name": "orders:read", "grant": "open" }],
    }));
    let caller = server.services.command_line();
    server.services.apis.create(&api.unwrap(), caller).await.unwrap();
}

#[apply(on_both_databases!)]
async fn o_36_the_token_of_another_client_opens_its_api_and_no_other(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = grants::ids(&server, &ada).await;
    let grant = grants::open(&server, account, grants::bound("shop", session))
        .await
        .grant;
    for identifier in ["https://orders.example.com", "https://stock.example.com"] {
        register_api(&server, identifier).await;
    }
    let ask = async |query: &str, token: &str| {
        let request = asked("POST", &format!("{FORWARD}?{query}"), token).body(Body::empty());
        server.send(request.unwrap()).await
    };
    let token = token_for_api(&server, &grant, &["https://orders.example.com"]).await;
    // Its API, also in another spelling of the same identifier.
    for audience in ["https://orders.example.com", "https://ORDERS.example.com:443/"] {
        let answer = ask(&format!("audience={audience}&scope=orders:read"), &token).await;
        let [user, email, scope] = identity(&answer.assert_status(200));
        assert_eq!(
            (user, email.as_str(), scope.as_str()),
            (account.to_string(), "ada@example.com", "orders:read")
        );
    }
    let answer = ask("audience=https://orders.example.com&scope=orders:all", &token).await;
    assert_refused(answer, 403, "insufficient_scope");
    // Another API, our own, and none: two, one that is not registered, an empty name.
    assert_refused(
        ask("audience=https://stock.example.com", &token).await,
        401,
        "invalid_token",
    );
    assert_refused(ask("", &token).await, 401, "invalid_token");
    for query in [
        "audience=https://orders.example.com&audience=https://stock.example.com",
        "audience=https://unknown.example.com",
        "audience=http://127.0.0.1:8000",
        "audience=",
    ] {
        assert_refused(ask(query, &token).await, 422, "validation_failed");
    }
    // A token of the first party is not for that API, unless `tokens.audience` says so.
    let answer = ask("audience=https://orders.example.com", &ada.access_token).await;
    assert_refused(answer, 401, "invalid_token");
    for token in ["", "nonsense"] {
        let answer = ask("audience=https://orders.example.com", token).await;
        assert_refused(answer, 401, "invalid_token");
    }

    // A disabled client, and a grant that has ended.
    let caller = server.services.command_line();
    assert!(
        server
            .services
            .clients
            .set_disabled("shop", true, caller)
            .await
            .unwrap()
    );
    let answer = ask("audience=https://orders.example.com", &token).await;
    assert_refused(answer, 401, "invalid_token");
}

/// Some proxies append the path and the query of the client's request to their own. A client that could choose the audience
/// would open a service of the first party with a token that its user gave to any other application.
#[apply(on_both_databases!)]
async fn o_36_a_client_does_not_choose_the_audience_of_the_service_that_it_calls(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, id) = ada_with(&server, "orders:read").await;
    let (account, session) = grants::ids(&server, &ada).await;
    let grant = grants::open(&server, account, grants::bound("shop", session))
        .await
        .grant;
    register_api(&server, "https://orders.example.com").await;
    let token = token_for_api(&server, &grant, &["https://orders.example.com"]).await;
    let audience = "audience=https://orders.example.com";
    let ask = async |path: &str, forwarded: &[&str], token: &str| {
        let mut request = asked("GET", &format!("{FORWARD}{path}"), token);
        for uri in forwarded {
            request = request.header("x-forwarded-uri", *uri);
        }
        server.send(request.body(Body::empty()).unwrap()).await
    };
    // Below the path, the query is the client's. It can only require scopes.
    for path in ["/", "/orders/1", "//", "/%2e"] {
        let path = format!("{path}?{audience}");
        assert_refused(ask(&path, &[], &token).await, 401, "invalid_token");
        let answer = ask(&path, &[], &ada.access_token).await.assert_status(200);
        assert_eq!(identity(&answer)[0], id, "{path}");
        let answer = ask(&format!("{path}&scope=admin"), &[], &ada.access_token).await;
        assert_refused(answer, 403, "insufficient_scope");
    }
    // The same query at the path itself: the proxy has appended it, as Caddy does with `uri /api/auth/forward`.
    let path = format!("?{audience}");
    for forwarded in [
        vec!["/orders?audience=https://orders.example.com"],
        vec!["/?x=?&audience=https%3A%2F%2Forders.example.com&y=z"],
        vec!["/", "/?audience=https://orders.example.com"],
    ] {
        assert_refused(ask(&path, &forwarded, &token).await, 422, "validation_failed");
        assert_refused(
            ask(&format!("{path}&redirect=1"), &forwarded, &token).await,
            422,
            "validation_failed",
        );
    }
    // The proxy's own audience, whatever the client's URL has.
    for forwarded in [
        "/orders",
        "/orders?a=b",
        "/?audience=https://stock.example.com",
        "/audience=https://orders.example.com",
    ] {
        ask(&path, &[forwarded], &token).await.assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn o_36_a_sign_out_ends_the_tokens_of_an_api_behind_a_proxy(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = grants::ids(&server, &ada).await;
    let grant = grants::open(&server, account, grants::bound("shop", session))
        .await
        .grant;
    register_api(&server, "https://orders.example.com").await;
    let token = token_for_api(&server, &grant, &["https://orders.example.com"]).await;
    let path = format!("{FORWARD}?audience=https://orders.example.com");
    let send = async || {
        server
            .send(asked("GET", &path, &token).body(Body::empty()).unwrap())
            .await
    };
    send().await.assert_status(200);
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert_refused(send().await, 401, "invalid_token");
}

#[apply(on_both_databases!)]
async fn o_39_the_token_of_a_client_itself_names_no_user_to_a_proxy(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = grants::ids(&server, &ada).await;
    let grant = grants::open(&server, account, grants::bound("shop", session))
        .await
        .grant;
    register_api(&server, "https://orders.example.com").await;
    let now = server.services.clock.now();
    let mut claims = AccessTokenClaims::from(RequiredClaims {
        iss: server.services.settings.issuer.as_str().to_owned(),
        sub: Subject::Client("shop".to_owned()),
        aud: vec!["https://orders.example.com".to_owned()].into(),
        exp: now.seconds() + 600,
        iat: now.seconds(),
        jti: grant.id.0,
        client_id: "shop".to_owned(),
    });
    claims.status = Some(server.services.revocations.reference(grant.bit()));
    let token = server.services.keys.issue(&claims, now).await.unwrap();
    for (query, status, code) in [
        ("?audience=https://orders.example.com", 403, "insufficient_scope"),
        ("", 401, "invalid_token"),
    ] {
        let request = asked("GET", &format!("{FORWARD}{query}"), &token).body(Body::empty());
        assert_refused(server.send(request.unwrap()).await, status, code);
    }
}
