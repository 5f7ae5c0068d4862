//! Tests of headers for browsers.

use http::Request;

use super::{Tested, layers};

const ALWAYS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

#[tokio::test]
async fn a66_all_layers_send_the_security_headers() {
    let tested = layers("https://auth.example");
    for request in [
        Request::get("/api/id"),
        Request::get("/nowhere"),
        Request::delete("/api/id"),
        Request::post("/api/json"),
        Request::post("/api/echo").header("content-encoding", "br"),
        Request::get("/api/panic"),
        Request::get("/api/stuck"),
        Request::get("/api/page"),
        preflight("/api/id", "https://app.example"),
    ] {
        let answer = tested.ask(request).await;
        for (name, value) in ALWAYS {
            assert_eq!(answer.header(name), value, "{name} of {}", answer.status);
        }
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'; frame-ancestors 'none'")
        );
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=63072000; includeSubDomains"
        );
        assert!(answer.header("permissions-policy").contains("camera=()"));
    }
}

#[tokio::test]
async fn an_answer_may_say_otherwise_and_http_has_no_hsts() {
    let tested = layers("http://localhost:8000");
    let docs = tested.ask(Request::get("/docs")).await;
    assert_eq!(docs.header("content-security-policy"), "default-src 'self'");
    assert_eq!(docs.header("cache-control"), "public, max-age=300");
    assert_eq!(docs.header("strict-transport-security"), "");
}

#[tokio::test]
async fn r_38_c_52_only_listed_origins_may_read_the_api() {
    let tested = layers("http://localhost");
    let ask = async |origin: &str| tested.ask(Request::get("/api/id").header("origin", origin)).await;
    let listed = ask("https://app.example").await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(
        listed.header("access-control-expose-headers"),
        "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate"
    );
    for origin in [
        "https://app.example.evil",
        "https://APP.example",
        "https://app.example:444",
        "null",
        "*",
    ] {
        let answer = ask(origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{origin}");
        assert_eq!(answer.header("vary"), "Origin");
        assert_eq!(answer.status, 200);
    }
    assert_eq!(listed.header("access-control-allow-credentials"), "true");
}

#[tokio::test]
async fn r_38_everyone_may_read_public_documents() {
    let tested = layers("http://localhost");
    let keys = tested
        .ask(Request::get("/.well-known/jwks.json").header("origin", "https://anyone.example"))
        .await;
    assert_eq!(keys.header("access-control-allow-origin"), "*");
    assert_eq!(keys.header("access-control-allow-credentials"), "");
    assert_eq!(keys.header("cross-origin-resource-policy"), "cross-origin");
    let asked = tested
        .ask(preflight("/.well-known/jwks.json", "https://anyone.example"))
        .await;
    assert_eq!(
        (asked.status.as_u16(), asked.header("access-control-allow-methods")),
        (204, "GET, HEAD")
    );
}

#[tokio::test]
async fn preflights_are_granted_to_listed_origins_only() {
    let tested = layers("http://localhost");
    let granted = tested.ask(preflight("/api/id", "https://app.example")).await;
    assert_eq!(granted.status, 204);
    assert_eq!(
        granted.header("access-control-allow-headers"),
        "Authorization, Content-Type, X-Requested-With"
    );
    assert_refused(&tested, "/api/id", "https://evil.example", 403).await;
    assert_refused(&tested, "/api/id", "null", 403).await;
    assert_refused(&tested, "/docs", "https://app.example", 405).await;
}

#[tokio::test]
async fn a_listed_origin_may_send_whatever_headers_its_libraries_add() {
    let tested = layers("http://localhost");
    let ask = async |path: &str, origin: &str, wished: &[&str]| {
        let request = wished.iter().fold(preflight(path, origin), |request, wished| {
            request.header("access-control-request-headers", *wished)
        });
        let answer = tested.ask(request).await;
        (
            answer.status.as_u16(),
            answer.header("access-control-allow-headers").to_owned(),
        )
    };
    let traced = "authorization,baggage,cache-control,content-type,sentry-trace,traceparent,tracestate,x-request-id";
    let granted = (204, traced.replace(',', ", "));
    assert_eq!(ask("/api/id", "https://app.example", &[traced]).await, granted);
    assert_eq!(
        ask("/.well-known/jwks.json", "https://anyone.example", &[traced]).await,
        granted
    );
    let lines = ["X-One , ,\tX-Two", "x-three"];
    assert_eq!(
        ask("/api/id", "https://app.example", &lines).await,
        (204, "x-one, x-two, x-three".into())
    );
    for no_names in ["", ",", "a b", "x:y", "\u{e9}"] {
        let usual = (204, "Authorization, Content-Type, X-Requested-With".to_owned());
        assert_eq!(
            ask("/api/id", "https://app.example", &[no_names]).await,
            usual,
            "{no_names:?}"
        );
    }
    assert_eq!(
        ask("/api/id", "https://evil.example", &[traced]).await,
        (403, String::new())
    );
}

async fn assert_refused(tested: &Tested, path: &str, origin: &str, status: u16) {
    let answer = tested.ask(preflight(path, origin)).await;
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert_eq!(answer.header("access-control-allow-methods"), "");
}

fn preflight(path: &str, origin: &str) -> http::request::Builder {
    Request::options(path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
}
