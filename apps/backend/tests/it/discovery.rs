//! The metadata of the server: what it names works, and what it does not name does not.

use axum::body::Body;
use axum::http::{Method, Request};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";

#[apply(on_both_databases!)]
async fn r_58_both_paths_have_one_document_which_can_be_cached(database: Database) {
    let server = TestServer::start(database).await;
    let one = server.get(OPENID_CONFIGURATION).await.assert_status(200);
    let other = server.get(AUTHORIZATION_SERVER).await.assert_status(200);
    assert_eq!((&one.text, one.header("etag")), (&other.text, other.header("etag")));
    assert_eq!(one.header("content-type"), "application/json");
    assert_eq!(one.header("cache-control"), "public, max-age=300");
    assert_eq!(one.header("access-control-allow-origin"), "*");
    let again = Request::get(OPENID_CONFIGURATION).header("if-none-match", one.header("etag"));
    let again = server.send(again.body(Body::empty()).unwrap()).await.assert_status(304);
    assert_eq!((again.text.as_str(), again.header("etag")), ("", one.header("etag")));
    // The settings decide what is named.
    let toml = "[provider]\npolicy_uri = \"https://example.com/policy\"\ntos_uri = \"https://example.com/terms\"\n\
                documentation_uri = \"https://example.com/docs\"\n";
    let server = TestServer::start_with(database, &format!("signup = \"closed\"\n{toml}")).await;
    let changed = server.get(OPENID_CONFIGURATION).await.assert_status(200);
    assert_ne!(changed.header("etag"), one.header("etag"));
    let (one, changed) = (one.json(), changed.json());
    assert_eq!(one["service_documentation"], "http://127.0.0.1:8000/docs/");
    assert_eq!(changed["service_documentation"], "https://example.com/docs");
    assert_eq!(changed["op_policy_uri"], "https://example.com/policy");
    assert_eq!(changed["op_tos_uri"], "https://example.com/terms");
    assert!(names(&one, "prompt_values_supported").contains(&"create".to_owned()));
    assert!(!names(&changed, "prompt_values_supported").contains(&"create".to_owned()));
    assert!(one.get("op_policy_uri").is_none() && one.get("op_tos_uri").is_none());
}

#[apply(on_both_databases!)]
async fn r_58_without_the_provider_nothing_of_it_is_named_or_there(database: Database) {
    let off = "[provider]\nenabled = false\n";
    let server = TestServer::start_with(database, &format!("issuer = \"https://auth.example.com:8443\"\n{off}")).await;
    let expected = json!({
        "issuer": "https://auth.example.com:8443",
        "jwks_uri": "https://auth.example.com:8443/.well-known/jwks.json",
        // Required by RFC 8414 §2; the default of the second one would be authorization_code and implicit.
        "response_types_supported": [],
        "grant_types_supported": [],
        "service_documentation": "https://auth.example.com:8443/docs/",
    });
    assert_eq!(
        server.get(AUTHORIZATION_SERVER).await.assert_status(200).json(),
        expected
    );
    assert_eq!(
        server.get(OPENID_CONFIGURATION).await.assert_status(200).json(),
        expected
    );
    // What the document of another server names is not here.
    let with = TestServer::start(database).await.get(OPENID_CONFIGURATION).await.json();
    for path in endpoints(&with) {
        for method in [Method::GET, Method::POST] {
            let request = Request::builder()
                .method(method)
                .uri(&path)
                .body(Body::empty())
                .unwrap();
            assert_eq!(server.send(request).await.status.as_u16(), 404, "{path}");
        }
    }
    let server = TestServer::start_with(database, &format!("{off}[docs]\nenabled = false\n")).await;
    assert!(
        server
            .get(AUTHORIZATION_SERVER)
            .await
            .json()
            .get("service_documentation")
            .is_none()
    );
}

/// The values of a list of the document.
fn names(document: &Value, list: &str) -> Vec<String> {
    let values = document[list]
        .as_array()
        .unwrap_or_else(|| panic!("no {list}: {document}"));
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// The paths of the endpoints that the document names.
fn endpoints(document: &Value) -> Vec<String> {
    let issuer = document["issuer"].as_str().unwrap();
    let named = document.as_object().unwrap().iter();
    let urls = named
        .filter(|(name, _)| name.ends_with("_endpoint"))
        .map(|(_, url)| url.as_str().unwrap());
    let paths: Vec<_> = urls.map(|url| url.strip_prefix(issuer).unwrap().to_owned()).collect();
    assert!(paths.len() > 4, "{document}");
    paths
}
