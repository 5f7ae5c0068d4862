//! What all routes have in common: problems for every error, and security headers for browsers.

use axum::body::Body;
use axum::http::{Method, Request};
use countersign_testkit::{Database, Launch, PASSWORD, ScratchDatabase, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use crate::probes::exchange;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

#[apply(on_both_databases!)]
async fn a90_a106_c73_c78_any_invalid_input_gets_a_problem(database: Database) {
    let server = TestServer::start(database).await;
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    for (content_type, body, status, code) in [
        (json, "", 400, "malformed_body"),
        (json, "{", 400, "malformed_body"),
        (
            json,
            "{\"email\":\"a@b.com\",\"password\":\"x\"} trailing",
            400,
            "malformed_body",
        ),
        (json, "{}", 422, "validation_failed"),
        (json, "[]", 422, "validation_failed"),
        (json, "{\"email\":1,\"password\":\"x\"}", 422, "validation_failed"),
        (
            json,
            "{\"email\":\"a@b.com\",\"email\":\"c@d.com\",\"password\":\"x\"}",
            422,
            "validation_failed",
        ),
        (
            json,
            "{\"email\":[\"a@b.com\"],\"password\":\"x\"}",
            422,
            "validation_failed",
        ),
        ("application/json; charset=utf-16", "{}", 415, "unsupported_media_type"),
        ("text/plain", "{}", 415, "unsupported_media_type"),
        ("", "{}", 415, "unsupported_media_type"),
        (form, "", 422, "validation_failed"),
        (form, "username=a&username=b&password=c", 422, "validation_failed"),
        (form, "username=%ff%fe&password=c", 401, "invalid_credentials"),
        (
            form,
            "username=a&password=b&grant_type=client_credentials",
            422,
            "validation_failed",
        ),
    ] {
        let request = Request::post("/api/auth/login")
            .header("content-type", content_type)
            .body(Body::from(body));
        let answer = server.send(request.unwrap()).await.assert_problem(status, code);
        assert!(
            !answer.text.contains("a@b.com"),
            "an answer quotes the request: {}",
            answer.text
        );
    }
    // Deep nesting neither recurses without bound nor takes long.
    let deep = "[".repeat(60_000);
    let request = Request::post("/api/auth/login")
        .header("content-type", json)
        .body(Body::from(deep))
        .unwrap();
    server.send(request).await.assert_problem(422, "validation_failed");
}

#[apply(on_both_databases!)]
async fn a71_unknown_paths_and_methods(database: Database) {
    let server = TestServer::start(database).await;
    server.get("/nowhere").await.assert_problem(404, "not_found");
    server.get("/api/auth/nowhere").await.assert_problem(404, "not_found");
    let answer = server
        .get("/api/auth/login")
        .await
        .assert_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
    for method in [Method::TRACE, Method::PUT, Method::from_bytes(b"BREW").unwrap()] {
        let request = Request::builder()
            .method(method)
            .uri("/api/auth/me")
            .body(Body::empty())
            .unwrap();
        let answer = server.send(request).await.assert_problem(405, "method_not_allowed");
        let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PATCH"]);
    }
    let head = Request::head("/healthz").body(Body::empty()).unwrap();
    assert_eq!(server.send(head).await.assert_status(200).text, "");
}

#[apply(on_both_databases!)]
async fn f10_large_and_compressed_bodies_are_refused(database: Database) {
    let server = TestServer::start(database).await;
    let large = json!({ "email": "a@example.com", "password": "x".repeat(70_000) });
    server
        .post("/api/auth/register", large)
        .await
        .assert_problem(413, "body_too_large");
    let request = Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(Body::from("{}"));
    server
        .send(request.unwrap())
        .await
        .assert_problem(415, "unsupported_media_type");
}

#[apply(on_both_databases!)]
async fn a66_every_response_carries_the_security_headers(database: Database) {
    for issuer in ["http://127.0.0.1:8000", "https://auth.example.com"] {
        let server = TestServer::start_with(database, &format!("issuer = \"{issuer}\"\n")).await;
        // Depends on whether this issuer uses TLS.
        let strict = if issuer.starts_with("https") {
            "max-age=63072000; includeSubDomains"
        } else {
            ""
        };
        for path in [
            "/healthz",
            "/nowhere",
            "/api/auth/login",
            "/api/auth/me",
            "/.well-known/jwks.json",
            "/errors",
            "/docs/",
        ] {
            let answer = server.get(path).await;
            let resources = if path.ends_with("jwks.json") {
                "cross-origin"
            } else {
                "same-origin"
            };
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", resources),
                ("strict-transport-security", strict),
            ] {
                assert_eq!(answer.header(name), value, "{issuer}{path}: {name}");
            }
            for feature in [
                "camera",
                "display-capture",
                "geolocation",
                "microphone",
                "payment",
                "usb",
            ] {
                assert!(
                    answer.header("permissions-policy").contains(&format!("{feature}=()")),
                    "{issuer}{path}: {feature}"
                );
            }
            let policy = answer.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{path}: {policy}"
            );
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
        }
        assert_eq!(server.get("/api/auth/me").await.header("cache-control"), "no-store");
    }
    let without_docs = TestServer::start_with(database, "[docs]\nenabled = false").await;
    without_docs.get("/docs/").await.assert_problem(404, "not_found");
    without_docs.get("/openapi.json").await.assert_problem(404, "not_found");
}

#[apply(on_both_databases!)]
async fn x44_only_applications_are_allowed(database: Database) {
    let settings = "issuer = \"https://auth.example.com\"\napp_origins = [\"https://app.example.com\"]";
    let server = TestServer::start_with(database, settings).await;
    let preflight = |origin: &'static str| {
        Request::options("/api/auth/login")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .body(Body::empty())
            .unwrap()
    };
    let answer = server.send(preflight("https://app.example.com")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    for stranger in [
        "https://evil.example.com",
        "https://app.example.com.evil.com",
        "https://evilapp.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "https://app.example.com/",
        "https://x@app.example.com",
        "null",
        "http://app.example.com",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
    ] {
        let answer = server
            .send(preflight(stranger))
            .await
            .assert_problem(403, "origin_not_allowed");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{stranger}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{stranger}");
        let asked = Request::get("/api/auth/me")
            .header("origin", stranger)
            .body(Body::empty());
        assert_eq!(
            server.send(asked.unwrap()).await.header("access-control-allow-origin"),
            "",
            "{stranger}"
        );
    }
    let jwks = Request::get("/.well-known/jwks.json")
        .header("origin", "https://other.example")
        .body(Body::empty());
    assert_eq!(
        server.send(jwks.unwrap()).await.header("access-control-allow-origin"),
        "*"
    );
}

#[apply(on_both_databases!)]
async fn a_refused_page_is_named_in_the_log_once(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch);
    let server = launch.start().await;
    for _ in 0..3 {
        let asked = "OPTIONS /api/auth/login HTTP/1.1\r\nHost: a\r\nOrigin: https://page.example\r\n\
            Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n";
        let said = exchange(server.address, asked).await;
        assert!(
            said.starts_with("HTTP/1.1 403 ") && said.contains("origin_not_allowed"),
            "{said}"
        );
    }
    let log = launch.log();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("https://page.example"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("WARN") && lines[0].contains("app_origins"), "{log}");
    // A cross-site form, which sends no preflight, is logged too; our own pages are not.
    for (origin, site) in [
        ("https://form.example", "cross-site"),
        (server.address.to_string().as_str(), "same-origin"),
    ] {
        let asked = format!(
            "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\nSec-Fetch-Site: {site}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 31\r\n\r\nusername=a@b.example&password=x"
        );
        assert!(exchange(server.address, &asked).await.starts_with("HTTP/1.1 401 "));
    }
    let log = launch.log();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("add it to `app_origins`"))
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[1].contains("https://form.example"), "{log}");
}

#[apply(on_both_databases!)]
async fn every_request_of_a_refused_origin_is_explained_in_the_log(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_APP_ORIGINS", "https://app.example");
    let server = launch.start().await;
    let warnings = || {
        let log = launch.log();
        let lines = log
            .lines()
            .filter(|line| line.contains("WARN") && line.contains("origin"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut known = 0;
    let own = &server.base;
    for (headers, words) in [
        ("Origin: https://page.example\r\n", Some("add it to `app_origins`")),
        ("Origin: https://page.example\r\n", None),
        (
            "Origin: https://site.example\r\nSec-Fetch-Site: same-site\r\n",
            Some("add it to `app_origins`"),
        ),
        (
            "Origin: https://odd.example\r\nSec-Fetch-Site: same-origin\r\n",
            Some("at its own origin, which is not `issuer`"),
        ),
        (
            "Origin: null\r\nSec-Fetch-Site: cross-site\r\n",
            Some("`app_origins` cannot list"),
        ),
        (
            "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n",
            Some("on another site"),
        ),
        (
            &format!("Origin: {own}\r\nSec-Fetch-Site: cross-site\r\n"),
            Some("on another site"),
        ),
        ("", None),
    ] {
        let asked = format!(
            "POST /api/auth/token HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let said = exchange(server.address, &asked).await;
        assert!(
            said.starts_with("HTTP/1.1 403 ") && said.contains("origin_not_allowed"),
            "{said}"
        );
        let lines = warnings();
        let new = lines.get(known..).unwrap_or_default();
        match words {
            Some(words) => assert!(new.len() == 1 && new[0].contains(words), "{headers:?}: {lines:#?}"),
            None => assert!(new.is_empty(), "{headers:?}: {lines:#?}"),
        }
        known = lines.len();
    }
    let lines = warnings();
    assert!(
        lines
            .iter()
            .all(|line| !line.contains("add it") || !line.contains("null")),
        "{lines:#?}"
    );
}

#[apply(on_both_databases!)]
async fn a_bearer_signs_out_whatever_the_body_is(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let json = "application/json";
    let other = server.sign_in("ada").await;
    let by_refresh_token = format!("{{\"refresh_token\":\"{}\"}}", other.refresh_token);
    for (content_type, body) in [
        (json, ""),
        (json, "{}"),
        (json, "null"),
        (json, "[]"),
        (json, "{"),
        (json, "{\"refresh_token\":1}"),
        (json, "{\"refresh_token\":\"csr_unknown\"}"),
        (json, "{\"reason\":\"bored\"}"),
        (json, "\u{0}"),
        (json, by_refresh_token.as_str()),
        ("application/x-www-form-urlencoded", "a=b&a=c"),
        ("multipart/form-data", "--x"),
        ("multipart/form-data; boundary=x", "garbage"),
        ("text/plain", "bye"),
        ("", "bye"),
        ("\u{e9}", "{}"),
    ] {
        let ada = server.sign_in("ada").await;
        let request = Request::post("/api/auth/logout")
            .header("authorization", format!("Bearer {}", ada.access_token))
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()));
        server.send(request.unwrap()).await.assert_status(204);
        ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    }
    // Not even one with a body that no other route would read completely.
    let chunks = || {
        Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(
            "x".repeat(70_000),
        )]))
    };
    for (encoding, body) in [
        ("identity", Body::from("x".repeat(70_000))),
        ("identity", chunks()),
        ("gzip", Body::from("{}")),
        ("\u{e9}", chunks()),
    ] {
        let ada = server.sign_in("ada").await;
        let request = Request::post("/api/auth/logout")
            .header("authorization", format!("Bearer {}", ada.access_token))
            .header("content-type", json)
            .header("content-encoding", encoding)
            .body(body);
        server.send(request.unwrap()).await.assert_status(204);
        ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    }
    for (encoding, body, status, code) in [
        ("identity", "x".repeat(70_000), 413, "body_too_large"),
        ("gzip", "{}".to_owned(), 415, "unsupported_media_type"),
    ] {
        let request = Request::post("/api/auth/logout")
            .header("authorization", "Bearer a.b.c")
            .header("content-encoding", encoding)
            .body(Body::from(body));
        server.send(request.unwrap()).await.assert_problem(status, code);
    }
    // The session of the accompanying refresh token has also ended.
    other.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    // Without a valid bearer token, only the body counts.
    for (body, status, code) in [
        ("{}", 422, "validation_failed"),
        ("{", 400, "malformed_body"),
        ("{\"refresh_token\":\"csr_unknown\"}", 401, "invalid_refresh_token"),
    ] {
        let request = Request::post("/api/auth/logout")
            .header("authorization", "Bearer a.b.c")
            .header("content-type", json)
            .body(Body::from(body));
        server.send(request.unwrap()).await.assert_problem(status, code);
    }
}

#[apply(on_both_databases!)]
async fn all_mistakes_of_a_request_are_told(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let told = async |path: &str, body: Value| {
        let answer = ada.post(path, body).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        let mut told: Vec<_> = answer.json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                format!(
                    "{} {}",
                    error["field"].as_str().unwrap(),
                    error["code"].as_str().unwrap()
                )
            })
            .collect();
        told.sort();
        told.join(", ")
    };
    let register = "/api/auth/register";
    for (path, body, expected) in [
        (register, json!({}), "email missing, password missing"),
        (
            register,
            json!({ "email": 1, "password": [] }),
            "email invalid, password invalid",
        ),
        (
            register,
            json!({ "email": "nope", "password": "x" }),
            "email invalid_email, password password_too_short",
        ),
        (
            register,
            json!({ "email": "nope" }),
            "email invalid_email, password missing",
        ),
        (
            register,
            json!({ "email": null, "password": "x" }),
            "email invalid, password password_too_short",
        ),
        (
            register,
            json!({ "email": "nope", "password": "x", "nane": "Ada", "age": 36 }),
            "age unknown_field, email invalid_email, nane unknown_field, password password_too_short",
        ),
        (
            "/api/auth/login",
            json!({ "email": {}, "scope": "\"" }),
            "email invalid, password missing, scope invalid",
        ),
        (
            "/api/auth/login",
            json!({ "password": "x", "emial": "ada@example.com" }),
            "email missing, emial unknown_field",
        ),
        (
            "/api/auth/login/email/confirm",
            json!({ "code": "1", "scope": "\"" }),
            "scope invalid, token missing",
        ),
        (
            "/api/auth/refresh",
            json!({ "refreshToken": "x" }),
            "refreshToken unknown_field, refresh_token missing",
        ),
        (
            "/api/auth/change-password",
            json!({ "new_password": "x" }),
            "current_password missing, new_password password_too_short",
        ),
        (
            "/api/auth/change-email",
            json!({ "email": "nope" }),
            "email invalid_email, password missing",
        ),
        (
            "/api/auth/recover/confirm",
            json!({ "new_password": "x" }),
            "new_password password_too_short, token missing",
        ),
        (
            "/api/auth/recover/confirm",
            json!({ "email": "a@b.example", "code": "1", "new_password": "x" }),
            "handle missing, new_password password_too_short",
        ),
        (
            "/api/auth/login/email/confirm",
            json!({ "email": "a@b.example", "code": "1", "scope": "\"" }),
            "handle missing, scope invalid",
        ),
        (
            "/api/auth/verify-email/confirm",
            json!({ "email": "nope", "new_password": "x" }),
            "new_password password_too_short, token missing",
        ),
        (
            "/api/auth/verify-email/confirm",
            json!({ "token": 1, "new_password": "x" }),
            "new_password password_too_short, token invalid",
        ),
        (
            "/api/auth/recover",
            json!({ "email": "nope", "handle": "nope" }),
            "email invalid_email, handle invalid",
        ),
        (
            "/api/auth/recover",
            json!({ "email": "nope", "user": 1 }),
            "email invalid_email, user unknown_field",
        ),
        (
            "/api/auth/login/email",
            json!({ "email": "nope", "handle": 1 }),
            "email invalid_email, handle invalid",
        ),
        (
            "/api/auth/verify-email",
            json!({ "email": "nope", "handle": "" }),
            "email invalid_email, handle invalid",
        ),
        (
            "/api/auth/verify-email",
            json!({ "handle": "" }),
            "email missing, handle invalid",
        ),
    ] {
        assert_eq!(told(path, body.clone()).await, expected, "{path} {body}");
    }
    let form = "grant_type=implicit&scope=%22&username=a&username=b&remember=1";
    let answer = server
        .post_form("/api/auth/login", form)
        .await
        .assert_problem(422, "validation_failed");
    for field in ["grant_type", "scope", "username", "remember", "password"] {
        assert!(
            answer.text.contains(&format!("\"field\":\"{field}\"")),
            "{field}: {}",
            answer.text
        );
    }
    // The response stays small, whatever was sent.
    let many: serde_json::Map<_, _> = (0..500)
        .map(|number| (format!("{number}{}", "x".repeat(90)), json!(1)))
        .collect();
    let answer = server
        .post(register, Value::Object(many))
        .await
        .assert_problem(422, "validation_failed");
    assert!(answer.text.len() < 8_000, "{} bytes", answer.text.len());
}

#[apply(on_both_databases!)]
async fn an_unknown_field_is_named_with_the_known_one_that_it_resembles(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (register, login) = ("/api/auth/register", "/api/auth/login");
    for (path, sent, named, detail) in [
        (
            register,
            "emial",
            "emial",
            "Unknown field `emial`. Did you mean `email`?",
        ),
        (
            register,
            "Email",
            "Email",
            "Unknown field `Email`. Did you mean `email`?",
        ),
        (
            register,
            "passwd",
            "passwd",
            "Unknown field `passwd`. Did you mean `password`?",
        ),
        (
            "/api/auth/change-password",
            "newPassword",
            "newPassword",
            "Unknown field `newPassword`. Did you mean `new_password`?",
        ),
        (
            "/api/auth/change-password",
            "current-password",
            "current-password",
            "Unknown field `current-password`. Did you mean `current_password`?",
        ),
        (
            "/api/auth/refresh",
            "remember",
            "remember",
            "Unknown field `remember`. Known fields: `refresh_token`.",
        ),
        (
            "/api/auth/me",
            "pasword",
            "pasword",
            "Unknown field `pasword`. Did you mean `password`?",
        ),
        (
            "/api/auth/me",
            "__proto__",
            "__proto__",
            "Unknown field `__proto__`. Known fields: `password`.",
        ),
        // Nothing in it takes effect on a terminal, and a backtick does not end the name.
        (
            "/api/auth/me",
            "a`b\u{202e}\u{1b}[31m\u{9b}x\u{0}",
            "a`b\\u{202e}\\u{1b}[31m\\u{9b}x\\u{0}",
            "Unknown field `a`b\\u{202e}\\u{1b}[31m\\u{9b}x\\u{0}`. Known fields: `password`.",
        ),
        (
            "/api/auth/logout-all",
            "but_this",
            "but_this",
            "Unknown field `but_this`. This request has no fields.",
        ),
        (
            "/api/auth/sessions/00000000-0000-7000-8000-000000000000",
            "reason",
            "reason",
            "Unknown field `reason`. This request has no fields.",
        ),
    ] {
        let body = json!({ sent: "x" });
        let answer = match path {
            "/api/auth/me" => ada.delete(path, body).await,
            _ if path.contains("/sessions/") => ada.delete(path, body).await,
            _ => ada.post(path, body).await,
        };
        assert_eq!(answer.status, 422, "{path} {sent:?}: {}", answer.text);
        let errors = answer.json()["errors"].clone();
        let told = errors
            .as_array()
            .unwrap()
            .iter()
            .find(|error| error["code"] == "unknown_field")
            .unwrap_or_else(|| panic!("{path}: {errors}"));
        assert_eq!(told["field"], named, "{path}");
        assert_eq!(told["detail"], detail, "{path}");
    }
    // With one mistake only, the problem itself says so.
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "scopes": "a" });
    let only = server
        .post(login, body)
        .await
        .assert_problem(422, "unknown_field")
        .json();
    assert_eq!(only["detail"], "Unknown field `scopes`. Did you mean `scope`?");
    let form = format!("username=ada%40example.com&password={}&grantType=password", "x");
    let only = server
        .post_form(login, &form)
        .await
        .assert_problem(422, "unknown_field");
    assert_eq!(
        only.json()["detail"],
        "Unknown field `grantType`. Did you mean `grant_type`?"
    );
    // A very long name costs nothing, and does not come back.
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "x".repeat(60_000): 1 });
    let long = server.post(register, body).await.assert_problem(422, "unknown_field");
    assert!(long.text.len() < 1_000, "{}", long.text.len());
    // So do many fields that are sent twice.
    let twice: String = (0..3_000).map(|n| format!("\"x{n}\":1,\"x{n}\":1,")).collect();
    let request = Request::post(register).header("content-type", "application/json");
    let twice = server
        .send(request.body(Body::from(format!("{{{twice}\"email\":1}}"))).unwrap())
        .await;
    assert!(
        twice.status == 422 && twice.text.len() < 8_000,
        "{} {}",
        twice.status,
        twice.text.len()
    );
    // Nor are fields accepted without names.
    for (path, body) in [
        (register, json!(["eve@example.com", PASSWORD])),
        (login, json!(["ada@example.com", PASSWORD, null])),
        ("/api/auth/refresh", json!([ada.refresh_token])),
        ("/api/auth/logout-all", json!([])),
    ] {
        let answer = ada.post(path, body).await.assert_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["field"], "body", "{path}");
    }
    // What has no parameters is content with nothing, and with an empty object.
    ada.post("/api/auth/logout-all", json!({})).await.assert_status(204);
}

#[apply(on_both_databases!)]
async fn no_field_is_dropped_in_silence(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let document = server.get("/openapi.json").await.json();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Signing out is never rejected because of its body. RFC 6749 §3.2: the provider ignores unknown parameters.
            let ignores = path == "/api/auth/logout" || path.starts_with("/oauth2/");
            if operation["requestBody"].is_null() || ignores {
                continue;
            }
            let request = Request::builder()
                .method(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap())
                .uri(path.as_str())
                .header("authorization", format!("Bearer {}", ada.access_token))
                .header("content-type", "application/json");
            let body = json!({ "nonsense": true }).to_string();
            let answer = server.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(answer.status, 422, "{method} {path}: {}", answer.text);
            let errors = answer.json()["errors"].to_string();
            assert!(
                errors.contains("\"field\":\"nonsense\"") && errors.contains("unknown_field"),
                "{method} {path}: {errors}"
            );
            asked += 1;
        }
    }
    assert!(asked >= 12, "{asked}");
}

#[apply(on_both_databases!)]
async fn a_wrong_password_is_reported_without_documentation(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let wrong = json!({ "email": "ada@example.com", "password": "wrong" });
    let at_the_door = server
        .post("/api/auth/login", wrong)
        .await
        .assert_problem(401, "invalid_credentials");
    let inside = ada
        .post(
            "/api/auth/change-password",
            json!({ "current_password": "wrong", "new_password": "a long new password" }),
        )
        .await;
    for answer in [at_the_door, inside.assert_problem(403, "invalid_credentials")] {
        assert_eq!(answer.json()["detail"], "The email address or the password is wrong.");
    }
}

#[apply(on_both_databases!)]
async fn a_form_in_parts_signs_in_like_any_other(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let part =
        |name: &str, value: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let send = async |body: String| {
        let request = Request::post("/api/auth/login").header("content-type", "multipart/form-data; boundary=x");
        server.send(request.body(Body::from(body)).unwrap()).await
    };
    let (name, password) = (part("username", "ada@example.com"), part("password", PASSWORD));
    let good = format!(
        "{}{name}{password}{}--x--\r\n",
        part("grant_type", "password"),
        part("scope", "")
    );
    assert!(send(good.clone()).await.assert_status(200).json()["access_token"].is_string());
    send(format!("{name}{}--x--\r\n", part("password", "wrong")))
        .await
        .assert_problem(401, "invalid_credentials");
    send(format!("{name}--x--\r\n"))
        .await
        .assert_problem(422, "validation_failed");
    send(format!("{name}{password}{}--x--\r\n", part("remember", "1")))
        .await
        .assert_problem(422, "unknown_field");
    send(format!("{name}{name}{password}--x--\r\n"))
        .await
        .assert_problem(422, "validation_failed");
    send(format!("{name}{}--x--\r\n", part("password", &"x".repeat(70_000))))
        .await
        .assert_problem(413, "body_too_large");
    send("--x\r\n".repeat(10)).await.assert_problem(400, "malformed_body");
    send(good.trim_end_matches("--x--\r\n").to_owned())
        .await
        .assert_problem(400, "malformed_body");
    let file = "--x\r\nContent-Disposition: form-data; name=\"password\"; filename=\"a\"\r\n\r\nx\r\n";
    send(format!("{name}{file}--x--\r\n"))
        .await
        .assert_problem(422, "validation_failed");
    let unnamed = Request::post("/api/auth/login")
        .header("content-type", "multipart/form-data")
        .body(Body::from(good));
    server
        .send(unnamed.unwrap())
        .await
        .assert_problem(400, "malformed_body");
}

#[apply(on_both_databases!)]
async fn c40_errors_do_not_mix_between_requests(database: Database) {
    // Ory's lesson (C-40): 200 failing requests at the same time, each with a different field name.
    let server = TestServer::start(database).await;
    let answers = futures_util::future::join_all((0..200).map(|index| {
        let body = json!({ "email": format!("canary-{index}@example.com"), "password": if index % 2 == 0 { "short" } else { PASSWORD } });
        server.post(if index % 3 == 0 { "/api/auth/login" } else { "/api/auth/register" }, body)
    }))
    .await;
    let mut ids: Vec<_> = answers
        .iter()
        .map(|answer| answer.header("x-request-id").to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200, "every request has an id of its own");
    for answer in answers.iter().filter(|answer| answer.status.is_client_error()) {
        assert!(!answer.text.contains("canary"), "{}", answer.text);
    }
}
