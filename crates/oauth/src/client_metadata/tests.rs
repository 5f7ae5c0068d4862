//! What metadata is accepted, and what it means.

use countersign_jose::SigningAlg;
use serde_json::{Map, Value, json};

use super::{ClientMetadata, Policy};
use crate::metadata_error::MetadataError;
use crate::values::{AuthMethod, GrantType};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => unreachable!("tests pass objects"),
    }
}

/// Reads the metadata of a client with one redirect URI and these members, and checks it.
fn read(members: Value) -> Result<ClientMetadata, MetadataError> {
    let mut all = object(json!({ "client_name": "Grafana", "redirect_uris": ["https://grafana.example.com/cb"] }));
    all.extend(object(members));
    let metadata = ClientMetadata::from_object(all)?;
    let schemes = ["vscode".to_owned()];
    metadata.validate(&Policy {
        native_schemes: &schemes,
    })?;
    Ok(metadata)
}

#[test]
fn defaults_are_those_of_the_specifications() {
    let metadata = read(json!({})).unwrap();
    assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!(metadata.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(metadata.id_token_signed_response_alg, SigningAlg::Rs256);
    assert!(metadata.needs_pkce() && metadata.rotate_refresh_tokens && !metadata.is_public());
    assert!(metadata.redirect_uri("https://grafana.example.com/cb").is_some());
    assert!(metadata.redirect_uri("https://grafana.example.com/cb/").is_none());
}

#[test]
fn what_is_stored_is_read_again() {
    let metadata = read(json!({
        "client_name#de": "Grafana (Messwerte)", "client_name#zh": "图表", "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb", "vscode://a.b/cb"],
        "post_logout_redirect_uris": ["https://grafana.example.com/"], "response_types": ["code"],
        "scope": "openid profile orders:read", "contacts": ["ada@example.com"], "client_uri": "https://grafana.example.com",
        "policy_uri": "https://grafana.example.com/privacy", "tos_uri": "https://grafana.example.com/terms",
        "id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "RS256", "default_max_age": 3600,
        "require_auth_time": true, "default_acr_values": ["aal2"], "initiate_login_uri": "https://grafana.example.com/login",
        "backchannel_logout_uri": "http://grafana.internal:3000/logout", "backchannel_logout_session_required": true,
        "apis": ["HTTPS://api.example.com/"], "default_api": "https://api.example.com", "rotate_refresh_tokens": false,
        "id_token_claims": "minimal", "refresh_idle_ttl": "7d", "refresh_absolute_ttl": 2_592_000, "insecure_redirects": true,
        "logo_uri": "https://grafana.example.com/logo.png", "application_type": "native", "subject_type": "public",
        "dpop_bound_access_tokens": false,
    }))
    .unwrap();
    let stored = serde_json::to_string(&metadata).unwrap();
    assert_eq!(serde_json::from_str::<ClientMetadata>(&stored).unwrap(), metadata);
    assert_eq!(metadata.apis, [metadata.default_api.clone().unwrap()]);
    assert!(!stored.contains("logo_uri") && !stored.contains("dpop"));
    for (language, name) in [
        ("de", "Grafana (Messwerte)"),
        ("de-AT", "Grafana (Messwerte)"),
        ("zh-Hans", "图表"),
        ("ja", "Grafana"),
    ] {
        assert_eq!(metadata.name_in(language), Some(name), "{language}");
    }
    // Every member has its place in the list, and the other way round.
    let stored = object(serde_json::from_str(&stored).unwrap());
    let mut names: Vec<_> = stored
        .keys()
        .map(String::as_str)
        .filter(|name| !name.contains('#'))
        .collect();
    let mut members: Vec<_> = ClientMetadata::MEMBERS
        .iter()
        .copied()
        .filter(|name| *name != "require_pkce")
        .collect();
    names.retain(|name| *name != "require_pkce");
    names.sort_unstable();
    members.sort_unstable();
    assert_eq!(names, members);
}

#[test]
fn members_of_a_newer_server_are_ignored_in_storage_only() {
    let json = r#"{"redirect_uris":["https://a.example/cb"],"shiny":{"x":1},"client_name#fr":"A"}"#;
    let metadata: ClientMetadata = serde_json::from_str(json).unwrap();
    assert_eq!(metadata.name_in("fr"), Some("A"));
    let error = ClientMetadata::from_object(object(serde_json::from_str(json).unwrap())).unwrap_err();
    assert_eq!(error.to_string(), "shiny is not a client metadata field");
}

#[test]
fn what_is_not_acceptable_is_named() {
    let many: Vec<_> = (0..21).map(|n| format!("https://a.example/{n}")).collect();
    for (members, member) in [
        (json!({ "client_name": "" }), "client_name"),
        (json!({ "client_name": "a\u{202e}b" }), "client_name"),
        (json!({ "client_name": "x".repeat(101) }), "client_name"),
        (json!({ "client_name#de": "\n" }), "client_name#de"),
        (json!({ "client_name#d_e": "x" }), "client_name#d_e"),
        (json!({ "redirect_uris": [] }), "redirect_uris"),
        (json!({ "redirect_uris": many }), "redirect_uris"),
        (json!({ "redirect_uris": ["http://intranet/cb"] }), "redirect_uris"),
        (json!({ "redirect_uris": ["cursor://x/cb"] }), "redirect_uris"),
        (
            json!({ "redirect_uris": ["https://a.example/cb", "javascript:alert(1)"] }),
            "redirect_uris[1]",
        ),
        (json!({ "redirect_uris": "https://a.example/cb" }), "redirect_uris"),
        (
            json!({ "post_logout_redirect_uris": ["http://intranet/"] }),
            "post_logout_redirect_uris",
        ),
        (json!({ "grant_types": ["implicit"] }), "grant_types[0]"),
        (json!({ "grant_types": ["password"] }), "grant_types[0]"),
        (
            json!({ "grant_types": ["authorization_code", "authorization_code"] }),
            "grant_types",
        ),
        (json!({ "grant_types": ["refresh_token"] }), "grant_types"),
        (
            json!({ "grant_types": ["authorization_code", "client_credentials"], "token_endpoint_auth_method": "none" }),
            "grant_types",
        ),
        (json!({ "response_types": ["code", "id_token"] }), "response_types"),
        (json!({ "response_types": [] }), "response_types"),
        (
            json!({ "grant_types": [], "response_types": ["code"] }),
            "response_types",
        ),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            "token_endpoint_auth_method",
        ),
        (
            json!({ "token_endpoint_auth_method": "none", "require_pkce": false }),
            "require_pkce",
        ),
        (
            json!({ "token_endpoint_auth_method": "none", "rotate_refresh_tokens": false }),
            "rotate_refresh_tokens",
        ),
        (json!({ "scope": "a\u{e9}" }), "scope"),
        (json!({ "scope": vec!["a"; 51].join(" ") }), "scope"),
        (json!({ "scope": ["openid"] }), "scope"),
        (json!({ "client_uri": "javascript:alert(1)" }), "client_uri"),
        (json!({ "policy_uri": "http://a.example" }), "policy_uri"),
        (json!({ "tos_uri": "https://u@a.example" }), "tos_uri"),
        (json!({ "initiate_login_uri": "data:x" }), "initiate_login_uri"),
        (
            json!({ "backchannel_logout_uri": "https://a.example/#x" }),
            "backchannel_logout_uri",
        ),
        (
            json!({ "id_token_signed_response_alg": "none" }),
            "id_token_signed_response_alg",
        ),
        (
            json!({ "id_token_signed_response_alg": "HS256" }),
            "id_token_signed_response_alg",
        ),
        (
            json!({ "userinfo_signed_response_alg": "none" }),
            "userinfo_signed_response_alg",
        ),
        (json!({ "default_max_age": -1 }), "default_max_age"),
        (json!({ "apis": ["orders"] }), "apis[0]"),
        (json!({ "refresh_idle_ttl": 0 }), "refresh_idle_ttl"),
        (
            json!({ "refresh_idle_ttl": "2d", "refresh_absolute_ttl": "1d" }),
            "refresh_idle_ttl",
        ),
        (json!({ "jwks": { "keys": [] } }), "jwks"),
        (json!({ "jwks_uri": "https://a.example/jwks" }), "jwks_uri"),
        (json!({ "subject_type": "pairwise" }), "subject_type"),
        (
            json!({ "sector_identifier_uri": "https://a.example" }),
            "sector_identifier_uri",
        ),
        (
            json!({ "id_token_encrypted_response_alg": "RSA-OAEP" }),
            "id_token_encrypted_response_alg",
        ),
        (json!({ "request_uris": ["https://a.example/r"] }), "request_uris"),
        (
            json!({ "require_pushed_authorization_requests": true }),
            "require_pushed_authorization_requests",
        ),
        (json!({ "dpop_bound_access_tokens": true }), "dpop_bound_access_tokens"),
        (
            json!({ "frontchannel_logout_uri": "https://a.example" }),
            "frontchannel_logout_uri",
        ),
        (json!({ "trusted": true }), "trusted"),
        (json!({ "client_secret": "x" }), "client_secret"),
    ] {
        let error = read(members.clone()).unwrap_err();
        assert_eq!(error.member(), member, "{members}: {error}");
    }
    let error = read(json!({ "id_token_signed_response_alg": "HS256" })).unwrap_err();
    assert!(error.to_string().contains("RS256"), "{error}");
}

#[test]
fn an_operator_may_allow_http_on_other_hosts() {
    assert!(read(json!({ "redirect_uris": ["http://intranet/cb"], "insecure_redirects": true })).is_ok());
    // A client that only introspects or acts for itself has no redirect URIs.
    for grants in [json!([]), json!(["client_credentials"])] {
        assert!(read(json!({ "grant_types": grants, "redirect_uris": [], "response_types": [] })).is_ok());
    }
}
