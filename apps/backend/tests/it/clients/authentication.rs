//! Client authentication (RFC 6749 §2.3).

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::core::caller::Caller;
use countersign::core::request_info::RequestInfo;
use countersign::features::oauth::clients::{ClientAuthError, NewClient};
use countersign::settings::client_metadata;
use countersign_oauth::{Parameters, Policy};
use countersign_store::{query, sql};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

/// What the operator chose, with all that form encoding changes.
const OWN_SECRET: &str = "a:b%41+c%20d&e=f%C3%A9+é-0123456789abcdef";

/// Registers a client that needs no RSA key, and returns its secret, if it has one.
async fn register(server: &TestServer, client_id: &str, has_secret: bool) -> Option<String> {
    let metadata = json!({
        "redirect_uris": ["https://app.example.com/cb"],
        "id_token_signed_response_alg": "ES256",
    });
    let Value::Object(object) = metadata else {
        unreachable!()
    };
    let new = NewClient {
        client_id: client_id.to_owned(),
        trusted: false,
        metadata: client_metadata(object, has_secret, &Policy::default()).unwrap(),
    };
    let services = &server.services;
    let made = services.clients.create(&new, services.command_line()).await.unwrap();
    made.secret.map(|secret| secret.reveal().to_owned())
}

fn basic(client_id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}")))
}

fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs).finish()
}

fn from(address: &str) -> Caller {
    let mut request = RequestInfo::local("test");
    request.address = Some(address.parse::<IpAddr>().unwrap());
    Caller::anyone(request)
}

/// How a request is answered: the client that it comes from, or the error.
async fn answer(server: &TestServer, headers: &[&str], body: &str) -> Result<String, String> {
    answer_to(server, headers, body, &from("192.0.2.1")).await
}

async fn answer_to(server: &TestServer, headers: &[&str], body: &str, caller: &Caller) -> Result<String, String> {
    let mut map = HeaderMap::new();
    for header in headers {
        map.append(AUTHORIZATION, header.parse().unwrap());
    }
    let body = Parameters::parse(body).unwrap();
    match server.services.clients.authenticate(&map, &body, caller).await {
        Ok(client) => Ok(client.client_id),
        Err(ClientAuthError::Refused) => Err("invalid_client".to_owned()),
        Err(ClientAuthError::Malformed(_)) => Err("invalid_request".to_owned()),
        Err(ClientAuthError::Limited(exceeded)) => Err(exceeded.policy.to_string()),
        Err(ClientAuthError::Store(error)) => panic!("{error}"),
    }
}

#[apply(on_both_databases!)]
async fn o_26_x_33_a_client_is_known_by_exactly_one_method(database: Database) {
    let server = &TestServer::start(database).await;
    let secret = &register(server, "web", true).await.unwrap();
    let other = &register(server, "other", true).await.unwrap();
    register(server, "app", false).await;
    let web = Ok("web".to_owned());
    let (refused, malformed) = (Err("invalid_client".to_owned()), Err("invalid_request".to_owned()));
    let body = |pairs: &[(&str, &str)]| form(pairs);

    // Both ways of sending a secret stand for each other.
    assert_eq!(answer(server, &[&basic("web", secret)], "").await, web);
    assert_eq!(answer(server, &[&basic("web", secret)], "client_id=web").await, web);
    assert_eq!(
        answer(server, &[&basic("web", secret).replace("Basic", "bAsIc")], "").await,
        web
    );
    let posted = body(&[("client_id", "web"), ("client_secret", secret)]);
    assert_eq!(answer(server, &[], &posted).await, web);
    assert_eq!(
        answer(server, &["Basic"], &posted).await,
        web,
        "an empty header counts as absent"
    );
    assert_eq!(answer(server, &["Basic "], &posted).await, web);
    assert_eq!(answer(server, &[], "client_id=app").await, Ok("app".to_owned()));
    assert_eq!(
        answer(server, &[], "client_id=app&client_secret=").await,
        Ok("app".to_owned())
    );
    assert_eq!(answer(server, &[&basic("app", "")], "").await, Ok("app".to_owned()));

    for (headers, text) in [
        (vec![], body(&[("client_id", "web"), ("client_secret", other)])),
        (vec![], body(&[("client_id", "other"), ("client_secret", secret)])),
        (vec![], body(&[("client_id", "unknown"), ("client_secret", secret)])),
        (vec![], body(&[("client_id", "web"), ("client_secret", &secret[..46])])),
        (vec![], body(&[("client_id", "web"), ("client_secret", &secret[4..])])),
        (
            vec![],
            body(&[("client_id", "web"), ("client_secret", &format!("{secret}x"))]),
        ),
        (
            vec![],
            body(&[("client_id", "web"), ("client_secret", &secret.to_uppercase())]),
        ),
        (vec![], body(&[("client_id", "web"), ("client_secret", "null")])),
        (vec![], body(&[("client_id", "web"), ("client_secret", "")])),
        (vec![], body(&[("client_id", "web")])),
        (vec![], body(&[("client_id", "WEB"), ("client_secret", secret)])),
        (vec![], body(&[("client_secret", secret)])),
        (vec![], String::new()),
        (vec![], body(&[("client_id", "app"), ("client_secret", secret)])),
        (vec![], body(&[("client_id", "app"), ("client_secret", "x")])),
        (vec![basic("app", "x")], String::new()),
        (vec![basic("web", "")], String::new()),
        (vec![basic("unknown", "")], String::new()),
        (vec![format!("Basic {secret}")], String::new()),
        (vec!["Basic !".to_owned()], body(&[("client_id", "app")])),
        (vec![format!("Bearer {secret}")], body(&[("client_id", "web")])),
        (vec![format!("Bearer {secret}")], String::new()),
        (vec![], body(&[("client_id", "web"), ("client_assertion", "a.b.c")])),
        (
            vec![],
            body(&[("client_id", "app"), ("client_assertion_type", "urn:x")]),
        ),
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        assert_eq!(answer(server, &headers, &text).await, refused, "{headers:?} {text}");
    }
    // more than one method, even if both are right, and everything that is doubled.
    let (header, twice) = (basic("web", secret), format!("{posted}&{posted}"));
    for (headers, text) in [
        (vec![&header], posted.clone()),
        (vec![&header], body(&[("client_secret", secret)])),
        (vec![&header], "client_assertion=a".to_owned()),
        (vec![&header, &header], String::new()),
        (vec![&header], "client_id=other".to_owned()),
        (vec![], format!("{posted}&client_assertion=a")),
        (vec![], twice),
        (vec![], format!("{posted}&client_id=web")),
        (vec![], format!("{posted}&client_secret=")),
    ] {
        let headers: Vec<_> = headers.into_iter().map(String::as_str).collect();
        assert_eq!(answer(server, &headers, &text).await, malformed, "{headers:?} {text}");
    }

    // A disabled client is refused, and a secret is valid until it expires.
    let services = &server.services;
    let caller = services.command_line();
    services.clients.set_disabled("web", true, caller).await.unwrap();
    services.clients.set_disabled("app", true, caller).await.unwrap();
    assert_eq!(answer(server, &[], &posted).await, refused);
    assert_eq!(answer(server, &[], "client_id=app").await, refused);
    services.clients.set_disabled("web", false, caller).await.unwrap();
    let grace = Duration::from_secs(3600);
    let next = services.clients.rotate_secret("web", grace, caller).await.unwrap();
    let with_next = body(&[("client_id", "web"), ("client_secret", next.reveal())]);
    assert_eq!(answer(server, &[], &posted).await, web);
    assert_eq!(answer(server, &[], &with_next).await, web);
    services.clock.advance(grace);
    assert_eq!(answer(server, &[], &posted).await, refused);
    assert_eq!(answer(server, &[], &with_next).await, web);
}

#[apply(on_both_databases!)]
async fn r_41_a_secret_in_the_header_is_read_with_and_without_form_encoding(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web");
    std::fs::write(&path, OWN_SECRET).unwrap();
    let toml = format!(
        "[[clients]]\nclient_id = \"my.web_app~1-x\"\nsecret_file = {path:?}\nredirect_uris = [\"https://a.example/\"]\n"
    );
    let server = &TestServer::start_with(database, &toml).await;
    let id = "my.web_app~1-x";
    let encoded: String = form_urlencoded::byte_serialize(OWN_SECRET.as_bytes()).collect();
    let percent = encoded.replace('+', "%20");
    let lower = encoded.replace("%C3%A9", "%c3%a9").replace("%3A", "%3a");
    for secret in [OWN_SECRET, &encoded, &percent, &lower] {
        assert_eq!(
            answer(server, &[&basic(id, secret)], "").await,
            Ok(id.to_owned()),
            "{secret}"
        );
    }
    let unpadded = basic(id, OWN_SECRET).trim_end_matches('=').to_owned();
    assert_eq!(answer(server, &[&unpadded], "").await, Ok(id.to_owned()));
    let twice: String = form_urlencoded::byte_serialize(encoded.as_bytes()).collect();
    let decoded = OWN_SECRET.replace('+', " ").replace("%41", "A");
    for secret in [
        twice.as_str(),
        &decoded,
        "a",
        &format!(" {OWN_SECRET}"),
        &OWN_SECRET.replace('é', "e\u{301}"),
    ] {
        let refused = Err("invalid_client".to_owned());
        assert_eq!(answer(server, &[&basic(id, secret)], "").await, refused, "{secret}");
    }
}

/// RFC 6749 §2.3.1 and appendix B: a secret is encoded in UTF-8, and then like a form, so what is in the header is ASCII. A
/// program that writes the characters of a secret in another encoding presents another secret.
#[apply(on_both_databases!)]
async fn r_41_a_secret_in_latin_1_is_another_secret(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web");
    let secret = "caf\u{e9}-0123456789abcdef0123456789abcdef";
    std::fs::write(&path, secret).unwrap();
    let toml =
        format!("[[clients]]\nclient_id = \"web\"\nsecret_file = {path:?}\nredirect_uris = [\"https://a.example/\"]\n");
    let server = &TestServer::start_with(database, &toml).await;
    let header = |secret: &[u8]| format!("Basic {}", STANDARD.encode([b"web:", secret].concat()));
    let rest = "-0123456789abcdef0123456789abcdef";
    let web = Ok("web".to_owned());
    for utf8 in [secret.as_bytes(), format!("caf%C3%A9{rest}").as_bytes()] {
        assert_eq!(answer(server, &[&header(utf8)], "").await, web);
    }
    let refused = Err("invalid_client".to_owned());
    let raw = [b"caf\xe9", rest.as_bytes()].concat();
    for latin1 in [&*raw, format!("caf%E9{rest}").as_bytes()] {
        assert_eq!(answer(server, &[&header(latin1)], "").await, refused);
    }
}

/// What is stored opens nothing.
#[apply(on_both_databases!)]
async fn o_26_a_75_a_stored_hash_is_no_secret(database: Database) {
    let server = &TestServer::start(database).await;
    register(server, "web", true).await.unwrap();
    let stored: Vec<Vec<u8>> = query(sql!("SELECT hash FROM client_secrets"))
        .all(&server.services.db)
        .await
        .unwrap();
    let hash = &stored[0];
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
    for secret in [hex, base64.clone(), format!("csc_{base64}"), STANDARD.encode(hash)] {
        let body = form(&[("client_id", "web"), ("client_secret", &secret)]);
        assert_eq!(
            answer(server, &[], &body).await,
            Err("invalid_client".to_owned()),
            "{secret}"
        );
    }
}

#[apply(on_both_databases!)]
async fn o_26_r_42_failures_are_limited_by_network_and_recorded(database: Database) {
    let server = &TestServer::start_with(database, "[limits]\nclient_auth_per_address = \"3/5m\"\n").await;
    let secret = &register(server, "web", true).await.unwrap();
    let right = form(&[("client_id", "web"), ("client_secret", secret)]);
    let wrong = form(&[("client_id", "web"), ("client_secret", "wrong")]);
    let unknown = form(&[("client_id", "hunter2"), ("client_secret", "wrong")]);
    for _ in 0..10 {
        assert_eq!(
            answer(server, &[], &right).await,
            Ok("web".to_owned()),
            "successes do not count"
        );
    }
    for body in [&wrong, &unknown, &wrong] {
        assert_eq!(answer(server, &[], body).await, Err("invalid_client".to_owned()));
    }
    assert_eq!(
        answer(server, &[], &wrong).await,
        Err("client_auth_per_address".to_owned())
    );
    // The clients of a network are not locked out by others' failures.
    assert_eq!(answer(server, &[], &right).await, Ok("web".to_owned()));
    let elsewhere = &from("198.51.100.7");
    assert_eq!(answer_to(server, &[], &right, elsewhere).await, Ok("web".to_owned()));
    server.services.clock.advance(Duration::from_secs(300));
    assert_eq!(answer(server, &[], &right).await, Ok("web".to_owned()));
    let details: Vec<String> = query(sql!(
        "SELECT detail FROM audit_events WHERE kind = 'client.authentication_failed' ORDER BY detail DESC"
    ))
    .all(&server.services.db)
    .await
    .unwrap();
    assert_eq!(details, ["web", "web", "unknown client"]);
}
