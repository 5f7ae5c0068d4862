//! Registering applications, as their developers and tests do.

use std::io::{Read, Write};
use std::net::TcpStream;

use axum::http::Method;
use serde_json::{Value, json};

use super::Dev;

const CALLBACK: &str = "http://localhost:3000/callback";

impl Dev {
    /// The status and the `Location` of an authorization request.
    async fn authorize(&self, client: &str, scope: &str, resource: &str) -> (u16, String) {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let path = format!(
            "/oauth2/authorize?response_type=code&client_id={client}&redirect_uri={CALLBACK}&scope={scope}&\
             code_challenge={challenge}&code_challenge_method=S256{resource}"
        );
        let answer = self.send((Method::GET, &path), None, "").await;
        (answer.status.as_u16(), answer.header("location").to_owned())
    }

    /// Asks for a token with a client's own secret, in a form.
    fn token(&self, secret: &str) -> Value {
        let form = format!("grant_type=client_credentials&client_id=job&client_secret={secret}");
        let host = self.server.issuer().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            form.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

#[tokio::test]
async fn an_application_is_registered_and_replaced() {
    let dev = Dev::start().await;
    let (status, _) = dev.authorize("app", "openid", "").await;
    assert_eq!(status, 400, "unknown so far");
    let app = json!({ "client_id": "app", "public": true, "redirect_uris": [CALLBACK] });
    let answer = dev.post("/dev/clients", app.clone()).await.assert_status(201);
    assert_eq!(
        answer.json(),
        json!({ "client_id": "app", "issuer": dev.server.issuer() })
    );
    let (status, location) = dev.authorize("app", "openid", "").await;
    assert!(
        status == 303 && location.starts_with("/authorize/"),
        "{status} {location}"
    );
    // An API, and another registration of the same client: now it has a secret.
    let orders = json!({ "identifier": "https://api.example.com", "name": "Orders", "clients": "any", "scopes": [
        { "name": "orders:read", "grant": "open" },
    ] });
    for _ in 0..2 {
        let answer = dev.post("/dev/apis", orders.clone()).await.assert_status(201);
        assert_eq!(answer.json(), json!({ "identifier": "https://api.example.com" }));
    }
    let resource = "&resource=https://api.example.com";
    let (status, location) = dev.authorize("app", "orders:read", resource).await;
    assert!(
        status == 303 && location.starts_with("/authorize/"),
        "{status} {location}"
    );
    let job = json!({ "client_id": "job", "grant_types": ["client_credentials"], "scope": "orders:read" });
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let made = dev.post("/dev/clients", job.clone()).await.assert_status(201).json();
        secrets.push(made["client_secret"].as_str().unwrap().to_owned());
    }
    assert_eq!(dev.token(&secrets[0])["error"], "invalid_client");
    assert_eq!(dev.token(&secrets[1])["scope"], "orders:read");
}

#[tokio::test]
async fn a_registration_that_is_refused_says_why() {
    let dev = Dev::start().await;
    for (path, body, told) in [
        ("/dev/clients", json!({ "redirect_uris": [CALLBACK] }), "client_id"),
        (
            "/dev/clients",
            json!({ "client_id": "app" }),
            "redirect_uris must have at least one URI",
        ),
        (
            "/dev/clients",
            json!({ "client_id": "app", "redirect_uris": ["x"] }),
            "redirect_uris",
        ),
        (
            "/dev/clients",
            json!({ "client_id": "app", "redirect": [] }),
            "redirect is not a client metadata field",
        ),
        (
            "/dev/clients",
            json!({ "client_id": "app", "redirect_uris": [CALLBACK], "scope": "profil" }),
            "did you mean profile?",
        ),
        (
            "/dev/clients",
            json!({ "client_id": "countersign", "redirect_uris": [CALLBACK] }),
            "is reserved for this server",
        ),
        (
            "/dev/apis",
            json!({ "identifier": "x", "name": "X" }),
            "is not an absolute URI",
        ),
        ("/dev/apis", json!({ "name": "X" }), "identifier"),
    ] {
        let answer = dev.post(path, body).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{told}: {}", answer.text);
        assert!(answer.text.contains(told), "{told}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_registration_that_is_refused_replaces_nothing() {
    let dev = Dev::start().await;
    let orders = json!({ "identifier": "https://api.example.com", "name": "Orders", "clients": "any", "scopes": [
        { "name": "orders:read", "grant": "open" },
    ] });
    dev.post("/dev/apis", orders.clone()).await.assert_status(201);
    let job = json!({ "client_id": "job", "grant_types": ["client_credentials"], "scope": "orders:read" });
    let made = dev.post("/dev/clients", job.clone()).await.assert_status(201).json();
    let secret = made["client_secret"].as_str().unwrap();
    for (path, mut body, member, value) in [
        ("/dev/clients", job.clone(), "scope", json!("orders:raed")),
        ("/dev/clients", job.clone(), "redirect_uris", json!(["x"])),
        ("/dev/clients", job.clone(), "policy_uri", json!("javascript:alert(1)")),
        ("/dev/apis", orders.clone(), "name", json!("")),
        ("/dev/apis", orders.clone(), "aliases", json!(["x"])),
        ("/dev/apis", orders.clone(), "access_ttl", json!(0)),
    ] {
        body[member] = value;
        dev.post(path, body).await.assert_status(400);
        assert_eq!(dev.token(secret)["scope"], "orders:read", "{member}");
    }
}
