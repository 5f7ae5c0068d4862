//! What a backup file has of clients and their grants, and what of it is valid after it was restored.

use std::process::Command;

use axum::body::Body;
use axum::http::Request;
use countersign::core::clock::Clock;
use countersign_testkit::{Database, RelyingParty, ScratchDatabase, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{OPENID, allow_device, granted, machine_token, nightly, text};
use crate::grants::execute;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What clients and a browser hold when the backup is made.
struct Held<'s> {
    client: RelyingParty<'s>,
    machine: RelyingParty<'s>,
    access_token: String,
    refresh_token: String,
    code: String,
    device_code: String,
    machine_token: String,
    /// The path of a request that is still to be answered, and the cookies of its browser.
    request: String,
    cookies: String,
}

/// What of it is valid at a server.
#[derive(Debug, PartialEq, Eq)]
struct Valid {
    access_token: bool,
    refresh_token: bool,
    code: bool,
    device_code: bool,
    machine_token: bool,
    request: bool,
}

impl Valid {
    const ALL: Self = Self {
        access_token: true,
        refresh_token: true,
        code: true,
        device_code: true,
        machine_token: true,
        request: true,
    };
    const NOTHING: Self = Self {
        access_token: false,
        refresh_token: false,
        code: false,
        device_code: false,
        machine_token: false,
        request: false,
    };
}

#[apply(on_both_databases!)]
async fn o_58_f_18_a_restored_backup_ends_grants_codes_and_tokens_and_keeps_clients_and_consents(database: Database) {
    let server = TestServer::start(database).await;
    now(&server);
    let held = held(&server).await;
    let file = server.folder().join("backup.gz").display().to_string();
    assert_eq!(execute(&server, &["backup", &file]).0, Some(0));
    // Without the end of everything, all of it would be valid, also what has been spent or revoked since.
    let kept = restored(database, &server, &["restore", "--keep-sessions", &file]).await;
    assert_eq!(held.valid_at(&kept).await, Valid::ALL);
    let after = restored(database, &server, &["restore", &file]).await;
    assert_eq!(held.valid_at(&after).await, Valid::NOTHING);
    assert_eq!(held.valid_at(&server).await, Valid::ALL);

    // The clients are those of before, and the user, once signed in again, is not asked again.
    let client = held.client.at(&after);
    let mut browser = after.browser();
    browser.sign_in("ada").await;
    let silent = browser.get(&client.authorization_url(&[("prompt", "none")])).await;
    let location = silent.assert_status(303).header("location").to_owned();
    let code = countersign_testkit::parameter(&location, "code").unwrap_or_else(|| panic!("{location}"));
    let tokens = client.redeem(&code).await.assert_status(200).json();
    assert!(userinfo(&after, &text(&tokens, "access_token")).await);
    client.refresh(&text(&tokens, "refresh_token")).await.assert_status(200);
    let machine = held.machine.at(&after);
    assert_eq!(machine.introspect(&machine_token(&machine).await).await["active"], true);
}

/// The time of this machine, which is that of the program.
fn now(server: &TestServer) {
    server.services.clock.set(Clock::system().now());
}

async fn held(server: &TestServer) -> Held<'_> {
    let machine = nightly(server).await;
    let metadata = json!({ "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE] });
    let client = server.client_with("app", metadata).await;
    let ada = server.user("ada").await;
    let mut browser = server.browser();
    let tokens = client.sign_in_with(&mut browser, "ada").await;
    let code = client.authorize(&mut browser, "ada").await;
    let device: Value = client
        .post("/oauth2/device_authorization", &[("scope", "openid")])
        .await
        .assert_status(200)
        .json();
    allow_device(&mut browser, &device, "ada").await;
    let answer = browser.get(&client.authorization_url(&[("prompt", "consent")])).await;
    let request = answer.assert_status(303).header("location").to_owned();
    browser.get(&request).await.assert_status(200);
    let cookies = ["countersign-8000", "countersign-form-8000"].map(|name| {
        let value = browser.cookie(name).unwrap_or_else(|| panic!("no cookie {name}"));
        format!("{name}={value}")
    });
    Held {
        access_token: text(&tokens, "access_token"),
        refresh_token: granted(server, &client, &ada, &OPENID).await,
        code,
        device_code: text(&device, "device_code"),
        machine_token: machine_token(&machine).await,
        request,
        cookies: cookies.join("; "),
        client,
        machine,
    }
}

/// A server on a new database that the program has restored, with the same keys.
async fn restored(database: Database, from: &TestServer, arguments: &[&str]) -> TestServer {
    let scratch = ScratchDatabase::create(database).await;
    let keys = from.folder().join("keys");
    let copied = Command::new("cp").arg("-a").arg(keys).arg(scratch.folder()).status();
    assert!(copied.unwrap().success());
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .env_clear()
        .current_dir(scratch.folder())
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = TestServer::start_on(scratch, "").await;
    now(&server);
    server
}

impl Held<'_> {
    /// Uses all of it at a server.
    async fn valid_at(&self, server: &TestServer) -> Valid {
        let (client, machine) = (self.client.at(server), self.machine.at(server));
        let page = Request::get(&self.request)
            .header("accept", "text/html")
            .header("cookie", &self.cookies);
        let page = server.send(page.body(Body::empty()).unwrap()).await;
        let poll = [("grant_type", DEVICE_CODE), ("device_code", &*self.device_code)];
        Valid {
            access_token: userinfo(server, &self.access_token).await,
            refresh_token: client.refresh(&self.refresh_token).await.status == 200,
            code: client.redeem(&self.code).await.status == 200,
            device_code: client.token(&poll).await.status == 200,
            machine_token: machine.introspect(&self.machine_token).await["active"] == true,
            // A page that asks for a sign-in belongs to a request that can still be answered.
            request: page.status == 200 || page.status == 303,
        }
    }
}

async fn userinfo(server: &TestServer, token: &str) -> bool {
    let request = Request::get("/oauth2/userinfo").header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::empty()).unwrap()).await.status == 200
}
