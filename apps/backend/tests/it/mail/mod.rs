//! Emails and what they prove: verification, recovery, email changes, sign-in, notices.

mod commands;
mod floods;
mod flows;
mod guesses;
mod looks;
mod notices;
mod outbox;
mod smtp;
mod takeover;
mod unknown;

use countersign_testkit::{Answer, PASSWORD, Person, TestServer};
use serde_json::json;

/// A setting that requires verification before signing in.
const REQUIRED: &str = "email_verification = \"required\"\n";

async fn register(server: &TestServer, email: &str, password: &str) -> Answer {
    server
        .post("/api/auth/register", json!({ "email": email, "password": password }))
        .await
}

async fn login(server: &TestServer, email: &str, password: &str) -> Answer {
    server
        .post("/api/auth/login", json!({ "email": email, "password": password }))
        .await
}

/// Signs up and verifies the email address.
async fn verified(server: &TestServer, name: &str) {
    register(server, &format!("{name}@example.com"), PASSWORD).await;
    let token = server.mail().await.token();
    server
        .post(
            "/api/auth/verify-email/confirm",
            json!({ "token": token, "password": PASSWORD }),
        )
        .await
        .assert_status(204);
}

/// Asks to change to this email address.
async fn ask_to_change(person: &Person<'_>, email: &str) {
    let change = json!({ "email": email, "password": PASSWORD });
    person.post("/api/auth/change-email", change).await.assert_status(202);
}
