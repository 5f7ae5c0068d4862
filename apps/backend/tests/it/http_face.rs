//! The face that every route shows: problems for everything that is wrong, and headers that keep browsers safe.

use axum::body::Body;
use axum::http::{Method, Request};
use countersign_testkit::{Database, PASSWORD, TestServer, on_both_databases};
use serde_json::json;

on_both_databases! {
    async fn a90_a106_c73_c78_whatever_is_sent_is_answered_by_a_problem(database: Database) {
        let server = TestServer::start(database).await;
        let json = "application/json";
        let form = "application/x-www-form-urlencoded";
        for (content_type, body, status, code) in [
            (json, "", 400, "malformed_body"),
            (json, "{", 400, "malformed_body"),
            (json, "{\"email\":\"a@b.com\",\"password\":\"x\"} trailing", 400, "malformed_body"),
            (json, "{}", 422, "validation_failed"),
            (json, "[]", 422, "validation_failed"),
            (json, "{\"email\":1,\"password\":\"x\"}", 422, "validation_failed"),
            (json, "{\"email\":\"a@b.com\",\"email\":\"c@d.com\",\"password\":\"x\"}", 422, "validation_failed"),
            (json, "{\"email\":[\"a@b.com\"],\"password\":\"x\"}", 422, "validation_failed"),
            ("application/json; charset=utf-16", "{}", 415, "unsupported_media_type"),
            ("text/plain", "{}", 415, "unsupported_media_type"),
            ("", "{}", 415, "unsupported_media_type"),
            (form, "", 422, "validation_failed"),
            (form, "username=a&username=b&password=c", 422, "validation_failed"),
            (form, "username=%ff%fe&password=c", 401, "invalid_credentials"),
            (form, "username=a&password=b&grant_type=client_credentials", 422, "validation_failed"),
        ] {
            let request = Request::post("/api/auth/login").header("content-type", content_type).body(Body::from(body));
            let answer = server.send(request.unwrap()).await.assert_problem(status, code);
            assert!(!answer.text.contains("a@b.com"), "an answer quotes the request: {}", answer.text);
        }
        // Deep nesting neither recurses without bound nor takes long.
        let deep = "[".repeat(60_000);
        let request = Request::post("/api/auth/login").header("content-type", json).body(Body::from(deep)).unwrap();
        server.send(request).await.assert_problem(422, "validation_failed");
    }

    async fn a71_unknown_paths_and_methods(database: Database) {
        let server = TestServer::start(database).await;
        server.get("/nowhere").await.assert_problem(404, "not_found");
        server.get("/api/auth/nowhere").await.assert_problem(404, "not_found");
        let answer = server.get("/api/auth/login").await.assert_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
        for method in [Method::TRACE, Method::PUT, Method::PATCH, Method::from_bytes(b"BREW").unwrap()] {
            let request = Request::builder().method(method).uri("/api/auth/me").body(Body::empty()).unwrap();
            let answer = server.send(request).await.assert_problem(405, "method_not_allowed");
            let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, ["DELETE", "GET", "HEAD"]);
        }
        let head = Request::head("/healthz").body(Body::empty()).unwrap();
        assert_eq!(server.send(head).await.assert_status(200).text, "");
    }

    async fn f10_large_and_compressed_bodies_are_refused(database: Database) {
        let server = TestServer::start(database).await;
        let large = json!({ "email": "a@example.com", "password": "x".repeat(70_000) });
        server.post("/api/auth/register", large).await.assert_problem(413, "body_too_large");
        let request = Request::post("/api/auth/login")
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .body(Body::from("{}"));
        server.send(request.unwrap()).await.assert_problem(415, "unsupported_media_type");
    }

    async fn a66_every_answer_carries_the_headers_that_keep_browsers_safe(database: Database) {
        let server = TestServer::start(database).await;
        for path in ["/healthz", "/nowhere", "/api/auth/login", "/api/auth/me", "/.well-known/jwks.json", "/errors", "/docs/"] {
            let answer = server.get(path).await;
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-opener-policy", "same-origin"),
            ] {
                assert_eq!(answer.header(name), value, "{path}: {name}");
            }
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
        }
        let answer = server.get("/api/auth/me").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("strict-transport-security"), "", "this issuer has no TLS");
        let https = TestServer::start_with(database, "[docs]\nenabled = false").await;
        https.get("/docs/").await.assert_problem(404, "not_found");
        https.get("/openapi.json").await.assert_problem(404, "not_found");
    }

    async fn x44_only_listed_origins_are_let_in(database: Database) {
        let server = TestServer::start_with(database, "cors_origins = [\"https://app.example.com\"]").await;
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
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        for stranger in ["https://evil.example.com", "https://app.example.com.evil.com", "null", "http://app.example.com"] {
            let answer = server.send(preflight(stranger)).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{stranger}");
        }
        let jwks = Request::get("/.well-known/jwks.json").header("origin", "https://anybody.example").body(Body::empty());
        assert_eq!(server.send(jwks.unwrap()).await.header("access-control-allow-origin"), "*");
    }

    async fn c40_errors_do_not_mix_between_requests(database: Database) {
        // Ory's lesson (C-40): 200 failing requests at once, each with a field name of its own.
        let server = TestServer::start(database).await;
        let answers = futures_util::future::join_all((0..200).map(|index| {
            let body = json!({ "email": format!("canary-{index}@example.com"), "password": if index % 2 == 0 { "short" } else { PASSWORD } });
            server.post(if index % 3 == 0 { "/api/auth/login" } else { "/api/auth/register" }, body)
        }))
        .await;
        let mut ids: Vec<_> = answers.iter().map(|answer| answer.header("x-request-id").to_owned()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 200, "every request has an id of its own");
        for answer in answers.iter().filter(|answer| answer.status.is_client_error()) {
            assert!(!answer.text.contains("canary"), "{}", answer.text);
        }
    }
}
