//! The appearance of received emails.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{REQUIRED, verified};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
/// A picture of one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
\0\0\0\rIDATx\x9cc\xf8\x0f\0\x01\x01\x01\0\x1b\xb6\xeeV\0\0\0\0IEND\xaeB`\x82";

async fn post(server: &TestServer, path: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("user-agent", FIREFOX)
        .extension(ConnectInfo("203.0.113.9:1".parse::<SocketAddr>().unwrap()))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

#[apply(on_both_databases!)]
async fn a_15_an_email_says_when_and_from_where_it_was_requested(database: Database) {
    let asked = "Time: November 22, 2026 at 10:15 UTC\r\nDevice: Firefox on Linux\r\nIP address: 203.0.113.9\r\n";
    for settings in ["", REQUIRED] {
        let server = TestServer::start_with(database, settings).await;
        let sign_up = json!({ "email": "bob@example.com", "password": PASSWORD });
        post(&server, "/api/auth/register", sign_up).await;
        let mail = server.mail().await;
        assert!(mail.text.contains(asked), "a sign-up, {settings}: {}", mail.text);
        verified(&server, "ada").await;
        for path in ["/api/auth/recover", "/api/auth/login/email"] {
            post(&server, path, json!({ "email": "ada@example.com" }))
                .await
                .assert_status(202);
            let mail = server.mail().await;
            assert!(mail.text.contains(asked), "{path}: {}", mail.text);
            assert!(
                mail.html.contains("Firefox on Linux") && mail.html.contains("203.0.113.9"),
                "{path}"
            );
        }
    }
}

#[apply(on_both_databases!)]
async fn a_15_the_owner_is_notified_of_a_sign_up_with_the_same_email_address(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    verified(&server, "ada").await;
    let sign_up = json!({ "email": "ada@example.com", "password": PASSWORD });
    post(&server, "/api/auth/register", sign_up).await.assert_status(202);
    let told = server.mail().await;
    assert!(
        told.subject.contains("already") && told.text.contains("203.0.113.9"),
        "{told:?}"
    );
}

#[apply(on_both_databases!)]
async fn a_logo_arrives_with_the_mail(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logo.png");
    std::fs::write(&path, PIXEL).unwrap();
    let server = TestServer::start_with(database, &format!("[pages]\nlogo = {path:?}\n")).await;
    post(
        &server,
        "/api/auth/register",
        json!({ "email": "ada@example.com", "password": PASSWORD }),
    )
    .await;
    let mail = server.mail().await;
    assert!(mail.html.contains("src=\"cid:logo\""), "{}", mail.html);
    assert_eq!(mail.code().len(), 6);
    let mut files = std::fs::read_dir(server.folder().join("mail")).unwrap();
    let raw = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
    for part in [
        "multipart/alternative",
        "multipart/related",
        "Content-ID: <logo>",
        "Content-Type: image/png",
        "inline",
    ] {
        assert!(raw.contains(part), "{part}: {raw}");
    }
}
