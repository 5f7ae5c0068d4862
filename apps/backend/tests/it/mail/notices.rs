//! Whom notices go to, and what they say of a device.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_testkit::{Database, PASSWORD, TestServer, on_both_databases};
use serde_json::{Value, json};

use super::verified;

const NEW_PASSWORD: &str = "another umbrella for tests";

on_both_databases! {
    async fn r_68_a_15_nobody_is_told_at_an_address_that_nobody_has_proven(database: Database) {
        let server = TestServer::start(database).await;
        // A stranger registers the victim's address.
        let eve = server.user("victim").await;
        assert_eq!(server.mails().await.len(), 1, "the one that asks for a proof");
        let mut passwords = [PASSWORD, NEW_PASSWORD];
        for _ in 0..4 {
            let change = json!({ "current_password": passwords[0], "new_password": passwords[1] });
            eve.post("/api/auth/change-password", change).await.assert_status(204);
            passwords.reverse();
        }
        server.sign_in("victim").await;
        assert_eq!(server.mails().await.len(), 0);
    }

    async fn a_64_r_68_no_notice_says_what_a_client_says_of_itself(database: Database) {
        let server = TestServer::start(database).await;
        verified(&server, "ada").await;
        server.sign_in("ada").await;
        let sent = "Your account is locked, call 555-0100 or see https://evil.example/";
        let send = |path: &str, bearer: &str, body: Value| {
            let request = Request::post(path)
                .header("authorization", format!("Bearer {bearer}"))
                .header("user-agent", sent)
                .header("host", "evil.example")
                .header("content-type", "application/json")
                .extension(ConnectInfo::<SocketAddr>("203.0.113.7:1".parse().unwrap()))
                .body(Body::from(body.to_string()));
            server.send(request.unwrap())
        };
        let body = json!({ "email": "ada@example.com", "password": PASSWORD });
        let tokens = send("/api/auth/login", "", body).await.assert_status(200).json();
        let bearer = tokens["access_token"].as_str().unwrap().to_owned();
        let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
        send("/api/auth/change-password", &bearer, change).await.assert_status(204);
        let mails = server.mails().await;
        assert_eq!(mails.len(), 2, "a sign-in and a password: {mails:?}");
        for mail in &mails {
            for part in ["evil", "555", "locked"] {
                assert!(!mail.text.contains(part) && !mail.html.contains(part), "{part}: {}", mail.text);
            }
            assert!(mail.text.contains("Device: Unknown device."), "{}", mail.text);
        }
    }
}
