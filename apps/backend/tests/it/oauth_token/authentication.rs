//! Client authentication at every endpoint that asks for it (RFC 6749 §2.3, §5.2).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::core::caller::Caller;
use countersign_testkit::{Answer, Database, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::ORDERS;

/// Every endpoint that authenticates clients, with a request that it answers.
const ENDPOINTS: [(&str, &[(&str, &str)]); 4] = [
    (
        "/oauth2/token",
        &[("grant_type", "client_credentials"), ("resource", ORDERS)],
    ),
    ("/oauth2/revoke", &[("token", "x")]),
    ("/oauth2/introspect", &[("token", "x")]),
    ("/oauth2/device_authorization", &[("scope", "openid")]),
];

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a request presents: a header `Authorization`, and fields of the form.
#[derive(Debug)]
struct Presented {
    header: Option<String>,
    fields: Vec<(&'static str, String)>,
}

fn posted(client_id: &str, secret: &str) -> Presented {
    Presented {
        header: None,
        fields: vec![
            ("client_id", client_id.to_owned()),
            ("client_secret", secret.to_owned()),
        ],
    }
}

fn header(value: String) -> Presented {
    Presented {
        header: Some(value),
        fields: Vec::new(),
    }
}

fn basic(client_id: &str, secret: &str) -> Presented {
    header(format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}"))))
}

async fn send(server: &TestServer, path: &str, fields: &[(&str, &str)], presented: &Presented) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    if let Some(value) = &presented.header {
        request = request.header("authorization", value);
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).extend_pairs(&presented.fields);
    server.send(request.body(Body::from(form.finish())).unwrap()).await
}

/// Everything about an answer that could tell one reason from another.
fn seen(answer: &Answer) -> (u16, BTreeMap<String, String>, Value) {
    let mut headers = BTreeMap::new();
    for (name, value) in &answer.headers {
        if name != "x-request-id" {
            headers.insert(name.to_string(), value.to_str().unwrap().to_owned());
        }
    }
    (answer.status.as_u16(), headers, answer.json())
}

#[apply(on_both_databases!)]
async fn o_26_x_33_a_75_every_endpoint_refuses_every_client_that_is_not_authenticated_alike(database: Database) {
    let server = TestServer::start(database).await;
    server.api(ORDERS, &["orders:read"]).await;
    let metadata = json!({ "grant_types": ["client_credentials", DEVICE_CODE], "redirect_uris": [] });
    let mut secrets = BTreeMap::new();
    for name in ["web", "other", "renewed", "disabled", "deleted"] {
        let client = server.client_with(name, metadata.clone()).await;
        secrets.insert(name, client.secret.unwrap());
    }
    let public = json!({
        "grant_types": [DEVICE_CODE],
        "redirect_uris": [],
        "token_endpoint_auth_method": "none",
    });
    server.client_with("page", public).await;
    let (clients, caller) = (&server.services.clients, Caller::operator(None));
    clients
        .rotate_secret("renewed", Duration::from_secs(60), &caller)
        .await
        .unwrap();
    server.services.clock.advance(Duration::from_secs(60));
    clients.set_disabled("disabled", true, &caller).await.unwrap();
    clients.delete("deleted", &caller).await.unwrap();

    let secret_of = |name: &str| secrets[name].as_str();
    let (secret, other) = (secret_of("web"), secret_of("other"));
    let mut wrong = vec![
        header(String::new()),
        header(format!("Bearer {secret}")),
        header(format!("Basic {secret}")),
        header("Basic !".to_owned()),
        header(format!("Basic {}", STANDARD.encode(secret))),
        Presented {
            header: None,
            fields: vec![("client_id", "web".to_owned())],
        },
        Presented {
            header: None,
            fields: vec![("client_secret", secret.to_owned())],
        },
        Presented {
            header: Some(format!("Bearer {secret}")),
            fields: vec![("client_id", "page".to_owned())],
        },
        Presented {
            header: None,
            fields: vec![
                ("client_id", "web".to_owned()),
                ("client_assertion", "a.b.c".to_owned()),
            ],
        },
    ];
    let long = "x".repeat(2_000);
    for (client_id, presented) in [
        ("unknown", secret),
        ("unknown", ""),
        ("WEB", secret),
        ("web ", secret),
        ("web", other),
        ("other", secret),
        ("web", ""),
        ("web", "x"),
        ("web", "null"),
        ("web", "undefined"),
        ("web", &*long),
        ("web", &secret[4..]),
        ("web", &secret[..secret.len() - 1]),
        ("web", &*format!("{secret}x")),
        ("web", &*secret.to_uppercase()),
        ("web", &*secret.replace("csc_", "csg_")),
        ("page", secret),
        ("page", "x"),
        ("renewed", secret_of("renewed")),
        ("disabled", secret_of("disabled")),
        ("deleted", secret_of("deleted")),
    ] {
        wrong.push(posted(client_id, presented));
        wrong.push(basic(client_id, presented));
    }
    for (path, fields) in ENDPOINTS {
        let mut first = None;
        for presented in &wrong {
            let answer = send(&server, path, fields, presented).await;
            assert_eq!(answer.status, 401, "{path}: {presented:?}: {}", answer.text);
            let seen = seen(&answer.assert_oauth_error(401, "invalid_client"));
            // RFC 6749 §5.2, RFC 9110 §11.6.1.
            assert!(seen.1["www-authenticate"].starts_with("Basic realm="), "{path}");
            assert_eq!(seen.1["cache-control"], "no-store", "{path}");
            assert_eq!(
                *first.get_or_insert_with(|| seen.clone()),
                seen,
                "{path}: {presented:?}"
            );
        }
        // It was not the request, and no failure locked the client out.
        for right in [posted("web", secret), basic("web", secret)] {
            send(&server, path, fields, &right).await.assert_status(200);
        }
    }
}
