//! What the endpoints accept as a request.

use axum::body::Body;
use axum::http::Request;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{ORDERS, machine, machine_token, nightly};

const ENDPOINTS: [&str; 3] = ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"];
const DEVICE_ENDPOINT: &str = "/oauth2/device_authorization";

async fn send(server: &TestServer, path: &str, content_type: &str, body: &str) -> Answer {
    let mut request = Request::post(path);
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[apply(on_both_databases!)]
async fn o_25_r_40_only_forms_are_accepted_and_every_error_is_json(database: Database) {
    let server = TestServer::start(database).await;
    let client = nightly(&server).await;
    let secret = client.secret.clone().unwrap();
    let form = "application/x-www-form-urlencoded";
    for path in ENDPOINTS.into_iter().chain([DEVICE_ENDPOINT]) {
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("accept", "text/html");
            let answer = server.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("allow")),
                (405, "POST"),
                "{method} {path}"
            );
            assert_eq!(answer.header("content-type"), "application/json");
        }
        let body = format!("grant_type=client_credentials&client_id=nightly&client_secret={secret}&token=x");
        for other in ["", "text/plain", "application/json", "multipart/form-data; boundary=x"] {
            send(&server, path, other, &body)
                .await
                .assert_oauth_error(415, "invalid_request");
        }
        send(&server, path, "application/json", "{}")
            .await
            .assert_oauth_error(415, "invalid_request");
        for (bytes, status) in [(16 << 10, 413), (1 << 20, 413)] {
            let large = format!("{body}&x={}", "x".repeat(bytes));
            send(&server, path, form, &large)
                .await
                .assert_oauth_error(status, "invalid_request");
        }
        // 64 parameters at most, each once, known or not.
        for extra in [
            "&client_id=nightly",
            "&token=y",
            "&grant_type=client_credentials",
            "&x=1&x=2",
            "&token=",
            "&%FF=x",
        ] {
            let doubled = format!("{body}{extra}");
            send(&server, path, form, &doubled)
                .await
                .assert_oauth_error(400, "invalid_request");
        }
        let many = format!(
            "{body}{}",
            "&".to_owned() + &(0..70).map(|at| format!("p{at}=")).collect::<Vec<_>>().join("&")
        );
        send(&server, path, form, &many)
            .await
            .assert_oauth_error(400, "invalid_request");
        // Two methods of authentication, or credentials in the query.
        let fields = [
            ("client_secret", secret.as_str()),
            ("client_id", "nightly"),
            ("grant_type", "client_credentials"),
            ("token", "x"),
        ];
        client
            .post(path, &fields)
            .await
            .assert_oauth_error(400, "invalid_request");
        let query = format!("{path}?{body}");
        let answer = send(&server, &query, form, "").await;
        assert!(answer.status == 400 || answer.status == 401, "{}", answer.text);
        // An unknown parameter is ignored (RFC 6749 section 3.2).
        let answer = client
            .post(
                path,
                &[
                    ("grant_type", "client_credentials"),
                    ("token", "x"),
                    ("resource", ORDERS),
                    ("unknown", "x"),
                ],
            )
            .await;
        let answer = match path {
            // The client is not registered for devices.
            DEVICE_ENDPOINT => answer.assert_oauth_error(400, "unauthorized_client"),
            _ => answer.assert_status(200),
        };
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[apply(on_both_databases!)]
async fn o_25_under_load_and_without_a_database_errors_are_json(database: Database) {
    let toml = "[limits]\ntoken_per_client = \"2/1h\"\nintrospect_per_client = \"2/1h\"\ntoken_per_address = \"2/1h\"";
    let server = TestServer::start_with(database, toml).await;
    let client = nightly(&server).await;
    let other = machine(&server, "other").await;
    let page = server.public_client("page").await;
    for (client, path) in [
        (&client, "/oauth2/token"),
        (&client, "/oauth2/introspect"),
        (&page, "/oauth2/revoke"),
    ] {
        let fields = [
            ("grant_type", "client_credentials"),
            ("token", "x"),
            ("resource", ORDERS),
        ];
        for _ in 0..2 {
            client.post(path, &fields).await.assert_status(200);
        }
        let limited = client
            .post(path, &fields)
            .await
            .assert_oauth_error(429, "temporarily_unavailable");
        assert!(limited.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    // The limit of one client is not that of another.
    other
        .client_credentials(&[("resource", ORDERS)])
        .await
        .assert_status(200);

    query(sql!("ALTER TABLE clients RENAME TO lost_clients"))
        .execute(&server.services.db)
        .await
        .unwrap();
    for path in ENDPOINTS {
        let answer = other
            .post(path, &[("grant_type", "client_credentials"), ("token", "x")])
            .await;
        assert!(answer.status.is_server_error(), "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[apply(on_both_databases!)]
async fn a_55_confidential_clients_authenticate_at_every_endpoint(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nenabled = false\n").await;
    nightly(&server).await;
    let (web, other) = (server.client("web").await, server.client("other").await);
    let secret_of_other = other.secret.clone().unwrap();
    let endpoints = ENDPOINTS.into_iter().chain([DEVICE_ENDPOINT]);
    let form = "application/x-www-form-urlencoded";
    let mut refused = 0;
    for path in endpoints {
        for grant in [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ] {
            for credentials in [
                "",
                "client_id=web&",
                "client_id=web&client_secret=&",
                "client_id=web&client_secret=wrong&",
                &format!("client_id=web&client_secret={secret_of_other}&"),
            ] {
                let body = format!(
                    "{credentials}grant_type={grant}&token=x&code=x&refresh_token=x&device_code=x&redirect_uri=x&scope=openid"
                );
                send(&server, path, form, &body)
                    .await
                    .assert_oauth_error(401, "invalid_client");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 4 * 4 * 5);
    web.revoke("x").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn r_36_o_28_a_49_a_client_uses_only_the_grants_of_its_registration(database: Database) {
    let server = TestServer::start(database).await;
    nightly(&server).await;
    let grants = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
    ];
    let fields = |grant: &'static str| {
        [
            ("grant_type", grant),
            ("code", "x"),
            ("redirect_uri", "x"),
            ("code_verifier", "x"),
            ("refresh_token", "x"),
            ("device_code", "x"),
            ("resource", ORDERS),
        ]
    };
    for (name, allowed) in [
        ("code", vec!["authorization_code"]),
        ("refresh", vec!["authorization_code", "refresh_token"]),
        ("machine", vec!["client_credentials"]),
        ("device", vec!["urn:ietf:params:oauth:grant-type:device_code"]),
    ] {
        let mut metadata = json!({ "grant_types": allowed });
        if !allowed.contains(&"authorization_code") {
            metadata["redirect_uris"] = json!([]);
        }
        let client = server.client_with(name, metadata).await;
        for grant in grants {
            let answer = client.token(&fields(grant)).await;
            match allowed.contains(&grant) {
                false => drop(answer.assert_oauth_error(400, "unauthorized_client")),
                true if grant == "client_credentials" => drop(answer.assert_status(200)),
                true if grant == "authorization_code" || grant == "refresh_token" => {
                    drop(answer.assert_oauth_error(400, "invalid_grant"));
                }
                true => drop(answer.assert_status(400)),
            }
        }
        for unknown in [
            "password",
            "implicit",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "Client_Credentials",
            "client_credentials ",
        ] {
            let form = [
                ("grant_type", unknown),
                ("username", "ada@example.com"),
                ("password", "x"),
            ];
            client
                .token(&form)
                .await
                .assert_oauth_error(400, "unsupported_grant_type");
        }
        for missing in [&[][..], &[("grant_type", "")][..]] {
            client.token(missing).await.assert_oauth_error(400, "invalid_request");
        }
    }
}

#[apply(on_both_databases!)]
async fn a_disabled_provider_has_no_endpoints(database: Database) {
    let server = TestServer::start_with(database, "[provider]\nenabled = false").await;
    for path in ENDPOINTS {
        let answer = server.post_form(path, "grant_type=client_credentials").await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[apply(on_both_databases!)]
async fn outcomes_are_counted(database: Database) {
    let server = TestServer::start(database).await;
    let client = nightly(&server).await;
    let token = machine_token(&client).await;
    client.token(&[("grant_type", "password")]).await.assert_status(400);
    client.introspect(&token).await;
    client.introspect("x").await;
    client.revoke(&token).await.assert_status(200);
    client.revoke(&token).await.assert_status(200);
    let text = metrics(&server);
    for line in [
        "oauth_tokens_total{outcome=\"issued\"} 1",
        "oauth_tokens_total{outcome=\"invalid_request\"} 1",
        "oauth_introspections_total{outcome=\"active\"} 1",
        "oauth_introspections_total{outcome=\"inactive\"} 1",
        "oauth_revocations_total{outcome=\"revoked\"} 1",
        "oauth_revocations_total{outcome=\"ignored\"} 1",
    ] {
        assert!(text.contains(&format!("countersign_{line}")), "{line}");
    }
}

fn metrics(server: &TestServer) -> String {
    let mut text = String::new();
    let registry = server.services.registry.lock().unwrap();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[apply(on_both_databases!)]
async fn requests_of_devices_and_to_sign_out_are_counted(database: Database) {
    let toml = "[limits]\ndevice_begin_per_address = \"2/1h\"\n";
    let server = TestServer::start_with(database, toml).await;
    let _ada = server.user("ada").await;
    let grants = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"];
    let back = "https://tv.example.com/bye";
    let metadata = json!({
        "grant_types": grants,
        "token_endpoint_auth_method": "none",
        "post_logout_redirect_uris": [back],
    });
    let tv = server.client_with("tv", metadata).await;
    let begin = async |fields: &[(&str, &str)]| tv.post("/oauth2/device_authorization", fields).await;
    begin(&[("scope", "openid")]).await.assert_status(200);
    begin(&[("scope", "no-such-scope")]).await.assert_status(400);
    begin(&[("scope", "openid")]).await.assert_status(429);
    send(
        &server,
        "/oauth2/device_authorization",
        "application/x-www-form-urlencoded",
        "client_id=nobody",
    )
    .await
    .assert_status(401);

    let mut browser = server.browser();
    let tokens = tv.sign_in_with(&mut browser, "ada").await;
    browser.get("/oauth2/logout").await.assert_status(200);
    browser.get("/oauth2/logout?client_id=nobody").await.assert_status(400);
    let hint = tokens["id_token"].as_str().unwrap();
    let url = format!("/oauth2/logout?id_token_hint={hint}&post_logout_redirect_uri={back}");
    browser.get(&url).await.assert_status(303);
    browser.get(&url).await.assert_status(303);
    let text = metrics(&server);
    for line in [
        "oauth_device_requests_total{outcome=\"begun\"} 1",
        "oauth_device_requests_total{outcome=\"invalid_request\"} 1",
        "oauth_device_requests_total{outcome=\"limited\"} 1",
        "oauth_device_requests_total{outcome=\"invalid_client\"} 1",
        "sign_out_requests_total{outcome=\"asked\"} 1",
        "sign_out_requests_total{outcome=\"refused\"} 1",
        "sign_out_requests_total{outcome=\"signed_out\"} 1",
        "sign_out_requests_total{outcome=\"no_session\"} 1",
    ] {
        assert!(text.contains(&format!("countersign_{line}")), "{line}: {text}");
    }
}

/// Televisions run web applications: a public client begins the device flow from a script.
#[apply(on_both_databases!)]
async fn scripts_of_every_origin_may_call_the_endpoints_of_public_clients(database: Database) {
    let server = TestServer::start(database).await;
    let grants = json!({
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
        "redirect_uris": [],
        "token_endpoint_auth_method": "none",
    });
    server.client_with("tv", grants).await;
    let from = |method: &str, path: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("origin", "https://tv.example.com")
            .header("content-type", "application/x-www-form-urlencoded")
    };
    for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/device_authorization"] {
        let preflight = from("OPTIONS", path)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        let answer = server
            .send(preflight.body(Body::empty()).unwrap())
            .await
            .assert_status(204);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), "POST", "{path}");
        let body = Body::from("client_id=tv&scope=openid");
        let answer = server.send(from("POST", path).body(body).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        let is_begun = answer.status == 200;
        assert_eq!(
            is_begun,
            path == "/oauth2/device_authorization",
            "{path}: {}",
            answer.text
        );
    }
    // Programs with a secret do not run in browsers.
    let preflight = from("OPTIONS", "/oauth2/introspect").header("access-control-request-method", "POST");
    let answer = server.send(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}
