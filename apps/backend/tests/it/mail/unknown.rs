//! Responses reveal nothing about accounts, and an attacker gains nothing by registering an email address first.

use axum::body::Body;
use axum::http::Request;
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{REQUIRED, login, register, verified};

const OTHER: &str = "a stranger's umbrella";

#[apply(on_both_databases!)]
async fn a_16_known_and_unknown_email_addresses_get_identical_responses(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    verified(&server, "ada").await;
    for path in [
        "/api/auth/register",
        "/api/auth/recover",
        "/api/auth/verify-email",
        "/api/auth/login/email",
    ] {
        let mut answers = Vec::new();
        for email in ["ada@example.com", "nobody@example.com"] {
            let body = match path {
                "/api/auth/register" => json!({ "email": email, "password": PASSWORD }),
                _ => json!({ "email": email }),
            };
            let answer = server.post(path, body).await.assert_status(202);
            let mut headers = answer.headers.clone();
            headers.remove("x-request-id");
            let mut body = answer.json();
            let handle = body["handle"].take();
            assert_eq!(
                handle.as_str().map(|handle| (handle.len(), &handle[..4])),
                Some((47, "csh_")),
                "{path}"
            );
            answers.push((body.to_string(), headers));
        }
        assert_eq!(answers[0], answers[1], "{path}");
    }
}

#[apply(on_both_databases!)]
async fn only_accounts_get_an_email(database: Database) {
    let server = TestServer::start(database).await;
    for path in ["/api/auth/recover", "/api/auth/verify-email", "/api/auth/login/email"] {
        server
            .post(path, json!({ "email": "nobody@example.com" }))
            .await
            .assert_status(202);
    }
    assert_eq!(server.mails().await.len(), 0);
    let required = TestServer::start_with(database, REQUIRED).await;
    verified(&required, "ada").await;
    register(&required, "ada@example.com", OTHER).await.assert_status(202);
    let told = required.mail().await;
    assert!(
        told.subject.contains("already") && !told.link().contains("token"),
        "{told:?}"
    );
    login(&required, "ada@example.com", OTHER)
        .await
        .assert_problem(401, "invalid_credentials");
    login(&required, "ada@example.com", PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_disabled_account_gets_no_mail_that_opens_it(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    server
        .post("/api/auth/login/email", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    let before = server.mail().await;
    let ada = server.sign_in("ada").await.get("/api/auth/me").await.json();
    let id = countersign::core::ids::AccountId(ada["id"].as_str().unwrap().parse().unwrap());
    server.services.operator.set_disabled(id, true).await.unwrap();
    server
        .post("/api/auth/login/email/confirm", json!({ "token": before.token() }))
        .await
        .assert_problem(400, "invalid_code");
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    assert_eq!(server.mails().await.len(), 0);
}

#[apply(on_both_databases!)]
async fn t_15_signing_up_first_with_the_email_address_of_another_gains_nothing(database: Database) {
    // With optional verification, the attacker has access until the owner verifies.
    let server = TestServer::start(database).await;
    for by_recovery in [true, false] {
        let name = if by_recovery { "ada" } else { "bob" };
        let stranger = server.user(name).await;
        server.mails().await;
        let (ask, confirm) = match by_recovery {
            true => ("/api/auth/recover", "/api/auth/recover/confirm"),
            false => ("/api/auth/login/email", "/api/auth/login/email/confirm"),
        };
        server
            .post(ask, json!({ "email": stranger.email }))
            .await
            .assert_status(202);
        let token = server.mail().await.token();
        let answer = match by_recovery {
            true => json!({ "token": token, "new_password": OTHER }),
            false => json!({ "token": token }),
        };
        assert!(server.post(confirm, answer).await.status.is_success());
        stranger.get("/api/auth/me").await.assert_problem(401, "invalid_token");
        stranger
            .refresh(&stranger.refresh_token)
            .await
            .assert_problem(401, "invalid_refresh_token");
        login(&server, &stranger.email, PASSWORD)
            .await
            .assert_problem(401, "invalid_credentials");
        server.mails().await;
    }
}

#[apply(on_both_databases!)]
async fn c_16_c_32_t_9_links_point_to_the_issuer_whatever_the_request_says(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let hostile = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("forwarded", "host=evil.example;proto=http"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ];
    let mut request = Request::post("/api/auth/recover").header("content-type", "application/json");
    for (name, value) in hostile {
        request = request.header(name, value);
    }
    let body = Body::from(json!({ "email": "ada@example.com" }).to_string());
    server.send(request.body(body).unwrap()).await.assert_status(202);
    let mail = server.mail().await;
    assert!(
        mail.link()
            .starts_with("http://127.0.0.1:8000/recover/password?token=csl_"),
        "{}",
        mail.link()
    );
    assert!(!mail.html.contains("evil"), "{}", mail.html);
}

/// The bytes of emails with every accepted name and email address: each header occurs once, and none was injected.
#[apply(on_both_databases!)]
async fn a_89_names_and_email_addresses_cannot_inject_headers(database: Database) {
    let name = "[pages]\nname = \"Ada, <eve@evil.example>; Bcc: eve@evil.example =?utf-8?q?x?=\"\n";
    let server = TestServer::start_with(database, name).await;
    let mut taken = 0;
    for email in [
        "ada@example.com",
        "o'hara+bcc=eve@example.com",
        "jörg@bücher.example",
        "\"a b\"@example.com",
        "\"a>,<eve@evil.example>\"@example.com",
        "\"a\\r\\nBcc: eve@evil.example\"@example.com",
        "a\u{2028}bcc@example.com",
        "=?utf-8?q?a=0d=0aBcc:_eve?=@example.com",
    ] {
        taken += i32::from(register(&server, email, PASSWORD).await.status == 201);
    }
    assert!(taken >= 3, "{taken} are too few to say anything");
    // Emails sent by an operator or an account's owner: an invitation, and a notice about another email address.
    let invited = [
        "o'brien+bcc=eve@example.com",
        "zo\u{eb}@b\u{fc}cher.example",
        "=?utf-8?q?a=0d=0aCc=3A_eve?=@example.org",
    ];
    for email in invited {
        let Ok(email) = email.parse() else { continue };
        taken += i32::from(server.services.operator.invite(&email).await.unwrap().is_some());
    }
    let before = server.mails().await;
    verified(&server, "grace").await;
    let grace = server.sign_in("grace").await;
    let mut moved = 0;
    for email in [
        "=?utf-8?q?b=0d=0aBcc=3A_eve?=@example.com",
        "\"a,eve@evil.example\"@example.com",
        "gr\u{e4}ce+x@b\u{fc}cher.example",
    ] {
        let change = grace
            .post(
                "/api/auth/change-email",
                json!({ "email": email, "password": PASSWORD }),
            )
            .await;
        if change.status != 202 {
            continue;
        }
        let token = server.mail().await.token();
        grace
            .post("/api/auth/change-email/confirm", json!({ "token": token }))
            .await
            .assert_status(204);
        // The notice to the old email address names the new one.
        let told = server.mail().await;
        assert!(told.subject.contains("address"), "{}", told.subject);
        moved += 1;
    }
    assert!(moved >= 2, "{moved} changes are too few to say anything");
    let mails = before;
    assert_eq!(mails.len(), usize::try_from(taken).unwrap());
    for purpose in ["invited", "changed"] {
        let of_kind = |entry: &std::path::Path| std::fs::read_to_string(entry).unwrap().contains(purpose);
        let found = std::fs::read_dir(server.folder().join("mail"))
            .unwrap()
            .filter(|entry| of_kind(&entry.as_ref().unwrap().path()));
        assert!(found.count() > 0, "no mail that says {purpose}");
    }
    for entry in std::fs::read_dir(server.folder().join("mail")).unwrap() {
        let raw = std::fs::read(entry.unwrap().path()).unwrap();
        let raw = String::from_utf8(raw).unwrap();
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{head}");
        let fields = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        let mut fields: Vec<String> = fields
            .map(|line| line.split(':').next().unwrap().to_lowercase())
            .collect();
        fields.sort();
        let unique = fields.len();
        fields.dedup();
        assert_eq!(fields.len(), unique, "{head}");
        for field in ["bcc", "cc", "reply-to", "sender"] {
            assert!(!fields.iter().any(|known| known == field), "{head}");
        }
        for field in ["to", "from", "subject", "message-id", "date"] {
            assert!(fields.iter().any(|known| known == field), "{field}: {head}");
        }
    }
    for mail in mails {
        assert_eq!(mail.from, "no-reply@localhost");
        assert!(!mail.to.ends_with("evil.example"), "{}", mail.to);
    }
}

#[apply(on_both_databases!)]
async fn c_78_a_89_an_email_has_one_recipient_whatever_is_sent(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    for email in [
        json!(["ada@example.com", "eve@example.com"]),
        json!("ada@example.com,eve@example.com"),
        json!("ada@example.com\r\nBcc: eve@example.com"),
        json!("ada@example.com\0"),
        json!({ "email": "ada@example.com" }),
    ] {
        assert_eq!(
            server.post("/api/auth/recover", json!({ "email": email })).await.status,
            422,
            "{email}"
        );
    }
    let twice = r#"{"email":"ada@example.com","email":"eve@example.com"}"#;
    let request = Request::post("/api/auth/recover").header("content-type", "application/json");
    assert_eq!(server.send(request.body(Body::from(twice)).unwrap()).await.status, 422);
    server
        .post_form("/api/auth/recover", "email=ada%40example.com&email=eve%40example.com")
        .await
        .assert_status(415);
    assert_eq!(server.mails().await.len(), 0);
}
