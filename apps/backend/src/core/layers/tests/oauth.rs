//! Tests of the OAuth endpoints: their errors and their headers for scripts.

use http::Request;

use super::{Answer, layers};

/// The `error` of a response in the form of RFC 6749 §5.2.
fn error(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/json", "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()));
    body["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn o_25_every_layer_answers_in_the_form_of_rfc_6749() {
    let tested = layers("https://auth.example");
    let post = || Request::post("/oauth2/token").header("accept", "text/html");
    for (request, status, expected) in [
        (Request::get("/oauth2/token"), 405, "invalid_request"),
        (post().header("content-encoding", "br"), 200, ""),
        (post().header("x-do", "panic"), 500, "server_error"),
        (post().header("x-do", "wait"), 503, "temporarily_unavailable"),
        (post().header("x-do", "limited"), 429, "temporarily_unavailable"),
        (post().header("x-do", "bare"), 503, "temporarily_unavailable"),
        (post().header("x-do", "refuse"), 401, "invalid_client"),
    ] {
        let answer = tested.ask(request).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status != 200 {
            assert_eq!(error(&answer), expected, "{status}");
        }
    }
    let limited = tested.ask(post().header("x-do", "limited")).await;
    assert_eq!(limited.header("retry-after"), "3");
    let refused = tested.ask(post().header("x-do", "refuse")).await;
    assert!(refused.header("www-authenticate").starts_with("Basic realm="));
    assert!(refused.body.contains("No 'secret'."), "{}", refused.body);
    let method = tested.ask(Request::get("/oauth2/token")).await;
    assert_eq!(method.header("allow"), "POST");
    for (body, encoding, status) in [("x".repeat(70_000), "", 413), ("x".to_owned(), "br", 415)] {
        let mut request = Request::post("/oauth2/token");
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        let answer = tested.send(request.body(body.into()).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), error(&answer).as_str()),
            (status, "invalid_request")
        );
    }
}

#[tokio::test]
async fn scripts_of_every_origin_may_call_the_token_endpoint_without_credentials() {
    let tested = layers("https://auth.example");
    let from = |request: http::request::Builder| request.header("origin", "https://spa.example");
    for request in [
        Request::post("/oauth2/token"),
        Request::post("/oauth2/token").header("x-do", "refuse"),
    ] {
        let answer = tested.ask(from(request)).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
        let exposed = answer.header("access-control-expose-headers");
        assert!(
            exposed.contains("WWW-Authenticate") && exposed.contains("Retry-After"),
            "{exposed}"
        );
    }
    let preflight = |path: &str| {
        let request = from(Request::options(path)).header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "authorization,mcp-protocol-version")
    };
    for (path, methods) in [
        ("/oauth2/token", "POST"),
        ("/oauth2/revoke", "POST"),
        ("/oauth2/userinfo", "GET, POST"),
    ] {
        let granted = tested.ask(preflight(path)).await;
        assert_eq!(granted.status, 204, "{path}");
        assert_eq!(granted.header("access-control-allow-methods"), methods);
        assert_eq!(
            granted.header("access-control-allow-headers"),
            "authorization, mcp-protocol-version"
        );
        assert_eq!(granted.header("access-control-allow-origin"), "*");
        assert_eq!(granted.header("access-control-allow-credentials"), "");
    }
    // Only other servers introspect tokens.
    let refused = tested.ask(preflight("/oauth2/introspect")).await;
    assert_eq!(refused.status, 405);
    assert_eq!(refused.header("access-control-allow-origin"), "");
}
