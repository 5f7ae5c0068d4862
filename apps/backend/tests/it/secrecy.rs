//! no secret is ever logged, at any level and whatever goes wrong.

use axum::http::Method;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use countersign_testkit::{Answer, Database, HttpClient, Launch, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};

use crate::probes::exchange;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

const PASSWORD: &str = "canary umbrella \u{1b}[31m one\n";
const WRONG: &str = "canary umbrella two";
const NEW: &str = "canary umbrella three";
const MISPLACED: &str = "canary-umbrella-four";
const OF_THE_DATABASE: &str = "canary-umbrella-five";

#[apply(on_both_databases!)]
async fn a83_secrets_are_not_logged(database: Database) {
    let mut scratch = ScratchDatabase::create(database).await;
    // The test's PostgreSQL accepts any password.
    scratch.url = scratch
        .url
        .replace("postgres@", &format!("postgres:{OF_THE_DATABASE}@"));
    assert_eq!(scratch.url.contains(OF_THE_DATABASE), database == Database::Postgres);
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_LOG__LEVEL", "trace");
    let server = launch.start().await;
    let mut visitor = Visitor {
        client: server.client(),
        secrets: Vec::new(),
    };
    visitor.signs_in_and_out().await;
    visitor.does_everything_wrong().await;
    let query = format!("username=ada%40example.com&password={MISPLACED}");
    let request = format!(
        "POST /api/auth/login?{query} HTTP/1.1\r\nHost: a\r\nReferer: http://a/?{query}\r\nCookie: {MISPLACED}\r\n\
         X-Request-Id: {MISPLACED}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    assert!(exchange(server.address, request).await.starts_with("HTTP/1.1 415 "));
    assert!(
        exchange(server.address, format!("GET /{MISPLACED} {MISPLACED}\r\n\r\n"))
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    let key = std::fs::read_to_string(scratch.folder().join("keys/private.pem")).unwrap();
    let sealing = std::fs::read_dir(scratch.folder().join("keys/sealing")).unwrap();
    let key = sealing.fold(key, |keys, file| {
        keys + &std::fs::read_to_string(file.unwrap().path()).unwrap()
    });
    let mut secrets = visitor.secrets;
    secrets.extend(key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned));
    assert!(server.terminate().success());

    let log = launch.log();
    for needed in [
        "\"level\":\"DEBUG\"",
        "\"request_id\":\"",
        "invalid_credentials",
        "\"stopped\"",
    ] {
        assert!(
            log.contains(needed),
            "the log does not tell of {needed}, so it proves nothing:\n{log}"
        );
    }
    assert!(secrets.len() > 30, "only {} secrets were used", secrets.len());
    for secret in secrets
        .iter()
        .map(String::as_str)
        .chain(["canary", "anary umbrella", "$argon2"])
    {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret:?} was logged:\n{}", line.unwrap_or_default());
    }
    for line in log.lines() {
        let read: Result<Value, _> = serde_json::from_str(line);
        assert!(read.is_ok() && !line.contains('\u{1b}'), "no line of JSON: {line}");
    }
}

/// A user who uses every endpoint, correctly and incorrectly, and remembers every token.
struct Visitor {
    client: HttpClient,
    secrets: Vec<String>,
}

impl Visitor {
    async fn signs_in_and_out(&mut self) {
        let ada = |password: &str| json!({ "email": "ada@example.com", "password": password });
        self.post("/api/auth/register", ada(PASSWORD), "")
            .await
            .assert_status(201);
        let first = self
            .post("/api/auth/login", ada(PASSWORD), "")
            .await
            .assert_status(200)
            .json();
        let access = first["access_token"].as_str().unwrap();
        self.get("/api/auth/me", access).await.assert_status(200);
        self.get("/api/auth/sessions", access).await.assert_status(200);
        self.get("/api/auth/me/export", access).await.assert_status(200);

        // Rotated, replayed within the window, used further, and then reused: the family is revoked.
        let spent = json!({ "refresh_token": first["refresh_token"] });
        let second = self
            .post("/api/auth/refresh", spent.clone(), "")
            .await
            .assert_status(200)
            .json();
        self.post("/api/auth/refresh", spent.clone(), "")
            .await
            .assert_status(200);
        let next = json!({ "refresh_token": second["refresh_token"] });
        self.post("/api/auth/refresh", next.clone(), "")
            .await
            .assert_status(200);
        self.post("/api/auth/refresh", spent, "").await.assert_status(401);
        self.post("/api/auth/logout", next, "").await;
        self.get("/api/auth/me", access).await.assert_status(401);

        let access = self.access_token(ada(PASSWORD)).await;
        let change = json!({ "current_password": PASSWORD, "new_password": NEW });
        self.post("/api/auth/change-password", change, &access)
            .await
            .assert_status(204);
        let access = self.access_token(ada(NEW)).await;
        self.post("/api/auth/logout-all", Value::Null, &access)
            .await
            .assert_status(204);
        let access = self.access_token(ada(NEW)).await;
        let delete = (Method::DELETE, "/api/auth/me");
        let wrong = self
            .client
            .send(delete.clone(), Some(&json!({ "password": WRONG })), &access)
            .await;
        wrong.unwrap().assert_status(403);
        let right = self
            .client
            .send(delete, Some(&json!({ "password": NEW })), &access)
            .await;
        right.unwrap().assert_status(204);
    }

    async fn does_everything_wrong(&mut self) {
        for path in [
            "/api/auth/login",
            "/api/auth/register",
            "/api/auth/refresh",
            "/api/auth/logout",
            "/api/auth/change-password",
        ] {
            for body in [
                json!({ "email": "ada@example.com", "password": WRONG }),
                json!({ "email": "ada@example.com", "password": WRONG.repeat(20) }),
                json!({ "email": "ada@example.com", "password": [WRONG] }),
                json!({ "email": { WRONG: WRONG }, "password": { WRONG: WRONG } }),
                json!({ "email": WRONG, "password": WRONG, "scope": WRONG, WRONG: WRONG }),
                json!({ "current_password": WRONG, "new_password": "short", "refresh_token": MISPLACED }),
                json!({ "refresh_token": [WRONG] }),
                json!({ "refresh_token": format!("csr_{MISPLACED}") }),
                json!(WRONG),
                json!([WRONG]),
            ] {
                let answer = self.post(path, body, "").await;
                assert!(answer.status.as_u16() < 500, "{}", answer.text);
            }
        }
        let basic = BASE64_STANDARD.encode(format!("ada:{MISPLACED}"));
        let forged = format!("eyJhbGciOiJFUzI1NiJ9.{MISPLACED}.{MISPLACED}");
        for token in [MISPLACED, &forged, &basic] {
            self.get("/api/auth/me", token).await.assert_status(401);
            self.get(&format!("/api/auth/sessions/{token}?token={token}"), token)
                .await;
        }
        self.secrets.push(basic);
    }

    async fn access_token(&mut self, body: Value) -> String {
        let answer = self.post("/api/auth/login", body, "").await.assert_status(200);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str, bearer: &str) -> Answer {
        self.client.get_as(path, bearer).await.unwrap()
    }

    async fn post(&mut self, path: &str, body: Value, bearer: &str) -> Answer {
        let answer = self
            .client
            .send((Method::POST, path), Some(&body), bearer)
            .await
            .unwrap();
        if answer.status == 200 {
            let tokens = answer.json();
            for token in [&tokens["access_token"], &tokens["refresh_token"]] {
                let token = token.as_str().unwrap();
                // Parts of a token are secret too: a signature, or the token without its prefix.
                self.secrets.extend(
                    token
                        .split(['.', '_'])
                        .filter(|part| part.len() > 36)
                        .map(str::to_owned),
                );
                self.secrets.push(token.to_owned());
            }
        }
        answer
    }
}
