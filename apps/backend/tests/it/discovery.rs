//! The metadata of the server: what it names works, and what it does not name does not.

use axum::body::Body;
use axum::http::{Method, Request};
use countersign_testkit::{Browser, Database, RelyingParty, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
const CALLBACK: &str = "https://app.example.com/callback";

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

/// What a request at the authorization endpoint becomes: `page`, `error …` for the client, `refused` for a page with an error.
async fn authorize(browser: &mut Browser<'_>, client: &RelyingParty<'_>, extra: &[(&str, &str)]) -> String {
    let answer = browser.get(&client.authorization_url(extra)).await;
    let location = answer.header("location");
    match answer.status.as_u16() {
        303 if location.starts_with("/authorize/") => "page".to_owned(),
        303 => {
            assert!(location.starts_with(CALLBACK), "{location}");
            let error = countersign_testkit::parameter(location, "error");
            error.map_or_else(|| format!("at {location}"), |error| format!("error {error}"))
        }
        // The error of a form is on the page that submits it.
        200 if answer.text.contains("name=\"error\"") => "error".to_owned(),
        400 => "refused".to_owned(),
        status => panic!("{status}: {}", answer.text),
    }
}

#[apply(on_both_databases!)]
async fn r_58_every_named_value_works_and_others_do_not(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    server.api("https://api.example.com", &["read"]).await;
    let document = server.get(OPENID_CONFIGURATION).await.json();
    let values = |list: &str| names(&document, list);
    let issuer = document["issuer"].as_str().unwrap();

    // Every URL leads somewhere, and an endpoint that is not named is not there.
    for path in endpoints(&document) {
        let mut statuses = Vec::new();
        for method in [Method::GET, Method::POST] {
            let request = Request::builder()
                .method(method)
                .uri(&path)
                .body(Body::empty())
                .unwrap();
            statuses.push(server.send(request).await.status.as_u16());
        }
        assert!(
            !statuses.contains(&404) && statuses.iter().any(|status| *status != 405),
            "{path}: {statuses:?}"
        );
    }
    for member in ["jwks_uri", "service_documentation"] {
        let path = document[member].as_str().unwrap().strip_prefix(issuer).unwrap();
        server.get(path).await.assert_status(200);
    }
    let all = [
        "authorize",
        "token",
        "userinfo",
        "revoke",
        "introspect",
        "device_authorization",
        "logout",
        "par",
        "register",
    ];
    for path in all.map(|name| format!("/oauth2/{name}")) {
        let is_named = endpoints(&document).contains(&path);
        let status = server.get(&path).await.status.as_u16();
        assert_eq!(status != 404, is_named, "{path}: {status}");
    }

    // The authorization endpoint.
    let grants = json!(["authorization_code", "refresh_token"]);
    let metadata = json!({ "redirect_uris": [CALLBACK], "grant_types": grants });
    let client = server.client_with("app", metadata.clone()).await;
    let browser = &mut server.browser();
    for response_type in values("response_types_supported") {
        let extra = [("response_type", response_type.as_str())];
        assert_eq!(authorize(browser, &client, &extra).await, "page", "{response_type}");
    }
    for response_type in ["token", "id_token", "code id_token", "code token", "none", "Code"] {
        let outcome = authorize(browser, &client, &[("response_type", response_type)]).await;
        assert_eq!(outcome, "error unsupported_response_type", "{response_type}");
    }
    for mode in values("response_modes_supported") {
        assert_eq!(
            authorize(browser, &client, &[("response_mode", &mode)]).await,
            "page",
            "{mode}"
        );
        let both = [("response_mode", mode.as_str()), ("response_type", "token")];
        let outcome = authorize(browser, &client, &both).await;
        assert!(outcome.starts_with("error"), "{mode}: {outcome}");
    }
    for mode in ["web_message", "jwt", "query.jwt"] {
        assert_eq!(
            authorize(browser, &client, &[("response_mode", mode)]).await,
            "error invalid_request",
            "{mode}"
        );
    }
    assert_eq!(values("code_challenge_methods_supported"), ["S256"]);
    for method in ["plain", "S512"] {
        let outcome = authorize(browser, &client, &[("code_challenge_method", method)]).await;
        assert_eq!(outcome, "error invalid_request", "{method}");
    }
    for scope in values("scopes_supported") {
        let asked = format!("openid {scope}");
        assert_eq!(
            authorize(browser, &client, &[("scope", &asked)]).await,
            "page",
            "{scope}"
        );
    }
    for scope in ["groups", "roles", "read"] {
        let outcome = authorize(browser, &client, &[("scope", scope)]).await;
        let expected = if scope == "read" { "page" } else { "error invalid_scope" };
        assert_eq!(outcome, expected, "{scope}");
    }
    for prompt in values("prompt_values_supported") {
        let expected = if prompt == "none" {
            "error login_required"
        } else {
            "page"
        };
        assert_eq!(
            authorize(browser, &client, &[("prompt", &prompt)]).await,
            expected,
            "{prompt}"
        );
    }
    assert_eq!(
        authorize(browser, &client, &[("prompt", "reauthenticate")]).await,
        "error invalid_request"
    );
    assert_eq!(document["claims_parameter_supported"], true);
    let claims = [("claims", r#"{"userinfo":{"name":null}}"#)];
    assert_eq!(authorize(browser, &client, &claims).await, "page");
    assert_eq!(document["request_parameter_supported"], false);
    assert_eq!(
        authorize(browser, &client, &[("request", "a.b.c")]).await,
        "error request_not_supported"
    );
    assert_eq!(document["request_uri_parameter_supported"], false);
    let by_url = [("request_uri", "https://app.example.com/request")];
    assert_eq!(
        authorize(browser, &client, &by_url).await,
        "error request_uri_not_supported"
    );
    for (list, name) in [
        ("display_values_supported", "display"),
        ("acr_values_supported", "acr_values"),
    ] {
        for value in values(list) {
            assert_eq!(
                authorize(browser, &client, &[(name, &value)]).await,
                "page",
                "{name} {value}"
            );
        }
    }
    for language in values("ui_locales_supported") {
        let answer = browser
            .get(&client.authorization_url(&[("ui_locales", &language)]))
            .await
            .assert_status(303);
        let mut at = answer.header("location").to_owned();
        let page = loop {
            let page = browser.get(&at).await;
            match page.status.as_u16() {
                303 => page.header("location").clone_into(&mut at),
                _ => break page,
            }
        };
        assert!(
            page.text.contains(&format!("lang=\"{language}\"")),
            "{language}: {}",
            page.text
        );
    }

    // A sign-in, with every algorithm. The response names the issuer, and the ID token has claims that are named.
    let algs = values("id_token_signing_alg_values_supported");
    assert_eq!(algs, values("userinfo_signing_alg_values_supported"));
    for alg in &algs {
        let mut signed = metadata.clone();
        signed["id_token_signed_response_alg"] = json!(alg);
        signed["userinfo_signed_response_alg"] = json!(alg);
        let client = server
            .client_with(&format!("app-{alg}"), signed)
            .await
            .scope("openid profile email");
        let code = client.authorize(&mut server.browser(), "ada").await;
        let tokens = client.redeem(&code).await.assert_status(200).json();
        let id_token = tokens["id_token"].as_str().unwrap();
        assert_eq!(&part(id_token, 0)["alg"], alg);
        let ask = Request::get("/oauth2/userinfo");
        let ask = ask.header(
            "authorization",
            format!("Bearer {}", tokens["access_token"].as_str().unwrap()),
        );
        let userinfo = server.send(ask.body(Body::empty()).unwrap()).await.assert_status(200);
        assert_eq!(&part(&userinfo.text, 0)["alg"], alg);
        let known = [
            values("claims_supported"),
            vec!["nonce".to_owned(), "at_hash".to_owned()],
        ]
        .concat();
        for claim in part(id_token, 1).as_object().unwrap().keys() {
            assert!(known.contains(claim), "{claim}");
        }
        for claim in part(&userinfo.text, 1).as_object().unwrap().keys() {
            assert!(known.contains(claim), "{claim}");
        }
        let acr = part(id_token, 1)["acr"].as_str().unwrap().to_owned();
        assert!(values("acr_values_supported").contains(&acr), "{acr}");
    }
    for alg in ["HS256", "none", "PS256", "EdDSA"] {
        let object = json!({ "redirect_uris": [CALLBACK], "id_token_signed_response_alg": alg });
        let refused = countersign_oauth::ClientMetadata::from_object(object.as_object().unwrap().clone());
        assert!(refused.is_err(), "{alg}");
    }
    assert_eq!(values("subject_types_supported"), ["public"]);
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);

    // The token endpoint.
    let grants = values("grant_types_supported");
    let all = json!({ "redirect_uris": [CALLBACK], "grant_types": grants, "scope": "openid read" });
    let everything = server.client_with("everything", all).await;
    for grant in &grants {
        let answer = everything.token(&[("grant_type", grant)]).await;
        assert_ne!(
            answer.json()["error"],
            "unsupported_grant_type",
            "{grant}: {}",
            answer.text
        );
    }
    for grant in [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ] {
        let answer = everything.token(&[("grant_type", grant)]).await;
        let is_refused = answer.json()["error"] == "unsupported_grant_type";
        assert_eq!(
            is_refused,
            !grants.iter().any(|named| named == grant),
            "{grant}: {}",
            answer.text
        );
    }
    for method in values("token_endpoint_auth_methods_supported") {
        let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": method });
        let client = server.client_with(&format!("by-{method}"), metadata).await;
        for (endpoint, list) in [
            ("/oauth2/token", "token_endpoint_auth_methods_supported"),
            ("/oauth2/revoke", "revocation_endpoint_auth_methods_supported"),
            ("/oauth2/introspect", "introspection_endpoint_auth_methods_supported"),
        ] {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", "x"),
                ("token", "x"),
                ("redirect_uri", CALLBACK),
            ];
            let answer = if method == "client_secret_post" {
                let secret = client.secret.clone().unwrap();
                let client_id = client.client_id.clone();
                let mut form = form.to_vec();
                form.extend([("client_id", client_id.as_str()), ("client_secret", secret.as_str())]);
                let encoded = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(form)
                    .finish();
                server.post_form(endpoint, &encoded).await
            } else {
                client.post(endpoint, &form).await
            };
            let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
            let is_authenticated = !matches!(error.as_str(), "invalid_client" | "unauthorized_client");
            assert_eq!(
                is_authenticated,
                values(list).contains(&method),
                "{method} at {endpoint}: {}",
                answer.text
            );
        }
    }
    for method in ["private_key_jwt", "client_secret_jwt", "tls_client_auth"] {
        let object = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": method });
        let refused = countersign_oauth::ClientMetadata::from_object(object.as_object().unwrap().clone());
        assert!(refused.is_err(), "{method}");
    }
}

/// A part of a JWT as JSON.
fn part(token: &str, at: usize) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// No input makes an endpoint fail: it is refused with a status of its own. PostgreSQL does not take the character U+0000.
#[apply(on_both_databases!)]
async fn o_60_no_endpoint_fails_for_odd_parameters(database: Database) {
    let toml = "[limits]\nenabled = false\n";
    let server = TestServer::start_with(database, toml).await;
    let client = server.client_with("app", json!({ "redirect_uris": [CALLBACK] })).await;
    let document = server.get(OPENID_CONFIGURATION).await.json();
    let names = [
        "client_id",
        "client_secret",
        "redirect_uri",
        "post_logout_redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "resource",
        "claims",
        "prompt",
        "max_age",
        "code",
        "code_challenge",
        "code_verifier",
        "refresh_token",
        "device_code",
        "grant_type",
        "token",
        "token_type_hint",
        "id_token_hint",
        "login_hint",
        "ui_locales",
        "access_token",
        "\0",
    ];
    let values = [
        "\0",
        "a\0b",
        "%",
        "\u{fffd}",
        "\u{202e}",
        "'--",
        "𝒳",
        "-1",
        "18446744073709551616",
    ];
    for path in endpoints(&document) {
        for name in names {
            for value in values {
                let mut form = vec![
                    ("client_id", "app"),
                    ("redirect_uri", CALLBACK),
                    ("grant_type", "refresh_token"),
                ];
                form.retain(|(own, _)| *own != name);
                form.push((name, value));
                let encoded = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(form)
                    .finish();
                let told = format!("{path} {name:?}={value:?}");
                let answer = server.get(&format!("{path}?{encoded}")).await;
                assert!(
                    answer.status.as_u16() < 500,
                    "GET {told}: {} {}",
                    answer.status,
                    answer.text
                );
                let answer = server.post_form(&path, &encoded).await;
                assert!(
                    answer.status.as_u16() < 500,
                    "POST {told}: {} {}",
                    answer.status,
                    answer.text
                );
            }
        }
        // The name of a client in the header.
        for pair in ["\0:x", "a%00b:x", "app%00:", "%ff:x", ":", ""] {
            use base64::Engine;
            let credentials = base64::engine::general_purpose::STANDARD.encode(pair);
            let request = Request::post(&path)
                .header("authorization", format!("Basic {credentials}"))
                .header("content-type", "application/x-www-form-urlencoded");
            let answer = server
                .send(request.body(Body::from("token=x&grant_type=refresh_token")).unwrap())
                .await;
            assert!(
                answer.status.as_u16() < 500,
                "{path} {pair:?}: {} {}",
                answer.status,
                answer.text
            );
        }
    }
    drop(client);
}
