//! `countersign dev`, as the fixtures of applications use it: the real program, from its first line to its end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use axum::http::Method;
use countersign_testkit::{Answer, Database, DevServer, DevToken, HttpClient, PASSWORD, TestServer, on_both_databases};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");

struct Dev {
    server: DevServer,
    client: HttpClient,
}

impl Dev {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(arguments: &[&str]) -> Self {
        let server = DevServer::run(PROGRAM, arguments).await;
        let client = HttpClient::of(server.issuer());
        Self { server, client }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>, bearer: &str) -> Answer {
        self.client.send((method, path), body.as_ref(), bearer).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body), "").await
    }

    async fn get(&self, path: &str, token: &DevToken) -> Answer {
        self.send(Method::GET, path, None, &token.access_token).await
    }

    async fn refresh(&self, token: &DevToken) -> Answer {
        self.post("/api/auth/refresh", json!({ "refresh_token": token.refresh_token }))
            .await
    }

    /// The folder in memory; the program makes it in the first of these places that it can.
    fn folder(&self) -> PathBuf {
        folder_of(self.server.id()).expect("a running server has its folder")
    }
}

fn folder_of(id: u32) -> Option<PathBuf> {
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
    let mut folders = places.iter().map(|place| place.join(format!("countersign-dev-{id}")));
    folders.find(|folder| folder.exists())
}

fn list_of(token: &DevToken) -> String {
    claims(token)["status"]["status_list"]["uri"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn claims(token: &DevToken) -> Value {
    countersign_jose::decode_without_verifying(&token.access_token)
        .unwrap()
        .claims
}

#[tokio::test]
async fn the_first_line_names_the_issuer_and_users_who_can_sign_in() {
    let dev = Dev::start().await;
    let users: Vec<_> = dev
        .server
        .users()
        .iter()
        .map(|user| (user.email.as_str(), user.scopes.join(" ")))
        .collect();
    assert_eq!(
        users,
        [
            ("ada@example.com", "products:read products:write".to_owned()),
            ("bob@example.com", "products:read".to_owned()),
        ]
    );
    for user in dev.server.users() {
        assert_eq!(user.password, PASSWORD);
        let credentials = json!({ "email": user.email, "password": user.password });
        let tokens = dev.post("/api/auth/login", credentials).await.assert_status(200).json();
        assert_eq!(tokens["scope"], user.scopes.join(" "));
        let me = dev
            .send(
                Method::GET,
                "/api/auth/me",
                None,
                tokens["access_token"].as_str().unwrap(),
            )
            .await;
        assert_eq!(me.json()["id"], user.id.to_string());
    }
    let metadata = dev
        .send(Method::GET, "/.well-known/oauth-authorization-server", None, "")
        .await
        .json();
    assert_eq!(metadata["issuer"], dev.server.issuer());
}

#[tokio::test]
async fn a_token_is_that_of_a_sign_in() {
    let dev = Dev::start().await;
    let ada = &dev.server.users()[0];
    let token = dev.server.token("ada@example.com").await;
    assert_eq!((token.user, token.expires_in), (ada.id, 15 * 86_400));
    let me = dev.get("/api/auth/me", &token).await.assert_status(200).json();
    assert_eq!(me["email"], "ada@example.com");
    assert!(me["last_sign_in_at"].is_string());
    let sessions = dev.get("/api/auth/sessions", &token).await.assert_status(200).json();
    assert_eq!(sessions[0]["id"], token.session.to_string());
    let claims = claims(&token);
    assert_eq!(
        (&claims["scope"], &claims["amr"]),
        (&json!("products:read products:write"), &json!(["pwd"]))
    );
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(dev.server.issuer()), &json!(dev.server.issuer()))
    );
    dev.refresh(&token).await.assert_status(200);
    // By id, as well.
    assert_eq!(dev.server.token(&ada.id.to_string()).await.user, ada.id);
}

#[tokio::test]
async fn scopes_are_the_tokens_alone() {
    let dev = Dev::start().await;
    let scope = async |token: DevToken| claims(&token)["scope"].clone();
    let more = dev
        .server
        .token("bob@example.com")
        .scopes(["products:write", "anything:else"]);
    assert_eq!(scope(more.await).await, "anything:else products:write");
    assert_eq!(
        scope(dev.server.token("bob@example.com").scopes([""; 0]).await).await,
        Value::Null
    );
    // Nothing of that stays with the account.
    assert_eq!(scope(dev.server.token("bob@example.com").await).await, "products:read");
}

#[tokio::test]
async fn an_expired_token_is_refused_and_its_session_lives() {
    let dev = Dev::start().await;
    let token = dev.server.token("ada@example.com").lifetime("-1h").await;
    assert_eq!(token.expires_in, -3600);
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
    let claims = claims(&token);
    assert!(
        claims["iat"].as_i64() < claims["exp"].as_i64() && claims["auth_time"] == claims["iat"],
        "{claims}"
    );
    dev.refresh(&token).await.assert_status(200);
    assert_eq!(
        dev.server.token("ada@example.com").lifetime("15m").await.expires_in,
        900
    );
}

#[tokio::test]
async fn an_audience_is_the_one_that_was_asked_for() {
    let dev = Dev::start().await;
    let token = dev
        .server
        .token("ada@example.com")
        .audience("https://api.example.com")
        .await;
    assert_eq!(claims(&token)["aud"], "https://api.example.com");
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn whoever_is_unknown_gets_an_account_once() {
    let dev = Dev::start().await;
    let (one, two) = tokio::join!(dev.server.token("new@example.com"), dev.server.token("New@example.com"));
    assert_eq!(one.user, two.user);
    let credentials = json!({ "email": "new@example.com", "password": PASSWORD });
    dev.post("/api/auth/login", credentials).await.assert_status(200);
    let body = json!({ "user": "01900000-0000-7000-8000-000000000000" });
    let unknown = dev
        .post("/dev/tokens", body)
        .await
        .assert_problem(422, "validation_failed");
    assert!(unknown.text.contains("e-mail address"), "{}", unknown.text);
}

#[tokio::test]
async fn what_is_written_wrongly_is_answered_with_how_to_write_it() {
    let dev = Dev::start().await;
    let wrong = [
        ("/dev/tokens", json!({}), "user", "Name an e-mail address"),
        (
            "/dev/tokens",
            json!({ "user": "ada" }),
            "user",
            "Name an e-mail address",
        ),
        ("/dev/tokens", json!({ "user": 7 }), "user", "Name an e-mail address"),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "scopes": "a" }),
            "scopes",
            "Write a list of scopes",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "scopes": ["\""] }),
            "scopes",
            "Write a list of scopes",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "lifetime": 60 }),
            "lifetime",
            "Write a duration",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "lifetime": "--1h" }),
            "lifetime",
            "Write a duration",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "audience": "" }),
            "audience",
            "Write the one audience",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "audience": "a".repeat(9000) }),
            "scopes",
            "longer than any verifier takes",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "scope": "a" }),
            "scope",
            "there are user, scopes,",
        ),
        ("/dev/clock", json!({}), "advance", "Write a duration"),
        (
            "/dev/clock",
            json!({ "advance": "-1h" }),
            "advance",
            "The clock goes back only by",
        ),
        ("/dev/clock", json!({ "to": "tomorrow" }), "to", "Write a time in UTC"),
        (
            "/dev/clock",
            json!({ "to": "9000-01-01T00:00:00Z" }),
            "to",
            "The clock ends at 9000",
        ),
        (
            "/dev/clock",
            json!({ "advance": "99999999d" }),
            "to",
            "The clock ends at 9000",
        ),
        (
            "/dev/clock",
            json!({ "advance": "1h", "to": "2027-01-01T00:00:00Z" }),
            "to",
            "not both",
        ),
    ];
    for (path, body, field, how) in wrong {
        let answer = dev
            .post(path, body.clone())
            .await
            .assert_problem(422, "validation_failed");
        let mistake = &answer.json()["errors"][0];
        assert_eq!(mistake["field"], field, "{body}");
        assert!(mistake["detail"].as_str().unwrap().contains(how), "{body}: {mistake}");
    }
    dev.send(Method::POST, "/dev/tokens", None, "")
        .await
        .assert_problem(415, "unsupported_media_type");
    dev.post("/dev/tokens", json!([]))
        .await
        .assert_problem(422, "validation_failed");
    dev.send(Method::GET, "/dev/tokens", None, "")
        .await
        .assert_problem(405, "method_not_allowed");
    dev.send(Method::GET, "/dev/nothing", None, "")
        .await
        .assert_problem(404, "not_found");
    dev.send(Method::DELETE, "/dev/sessions/x", None, "")
        .await
        .assert_problem(404, "not_found");
    // A member that is null was left out.
    let nothing = json!({ "user": "ada@example.com", "scopes": null, "lifetime": null, "audience": null });
    dev.post("/dev/tokens", nothing).await.assert_status(200);
}

#[tokio::test]
async fn the_clock_decides_at_once_what_has_expired() {
    let dev = Dev::start().await;
    let token = dev.server.token("ada@example.com").lifetime("15m").await;
    dev.get("/api/auth/me", &token).await.assert_status(200);
    dev.server.advance_clock("14m").await;
    dev.get("/api/auth/me", &token).await.assert_status(200);
    dev.server.advance_clock("2m").await;
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
    // A refresh token rests for 30 days at most.
    dev.server.advance_clock("30d").await;
    dev.refresh(&token).await.assert_problem(401, "invalid_refresh_token");

    let now = dev
        .post("/dev/clock", json!({ "to": "2031-02-03T04:05:06Z" }))
        .await
        .assert_status(200)
        .json();
    assert!(now["now"].as_str().unwrap().starts_with("2031-02-03T04:0"), "{now}");
    let then = dev.server.token("ada@example.com").await;
    dev.get("/api/auth/me", &then).await.assert_status(200);
    // Also back, where what had expired has not.
    dev.server.set_clock("2026-01-01T00:00:00.5+00:00").await;
    dev.get("/api/auth/me", &dev.server.token("bob@example.com").await)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_session_is_ended_from_both_sides() {
    let dev = Dev::start().await;
    let token = dev.server.token("ada@example.com").await;
    let other = dev.server.token("ada@example.com").await;
    let path = list_of(&token).strip_prefix(dev.server.issuer()).unwrap().to_owned();
    let published = dev.send(Method::GET, &path, None, "").await.assert_status(200);
    dev.server.revoke(&token).await;
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
    dev.refresh(&token).await.assert_problem(401, "invalid_refresh_token");
    let changed = dev.send(Method::GET, &path, None, "").await.assert_status(200);
    assert_ne!(published.header("etag"), changed.header("etag"));
    let again = format!("/dev/sessions/{}", token.session);
    dev.send(Method::DELETE, &again, None, "")
        .await
        .assert_problem(404, "not_found");

    dev.get("/api/auth/me", &other).await.assert_status(200);
    dev.send(Method::POST, "/api/auth/logout", None, &other.access_token)
        .await
        .assert_status(204);
    dev.get("/api/auth/me", &other)
        .await
        .assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn one_account_may_have_as_many_sessions_as_a_suite_has_tests() {
    let dev = Dev::start().await;
    let first = dev.server.token("ada@example.com").await;
    for _ in 0..60 {
        dev.server.token("ada@example.com").await;
    }
    dev.get("/api/auth/me", &first).await.assert_status(200);
}

#[tokio::test]
async fn the_known_key_makes_a_recorded_token_last() {
    let kid = async |dev: &Dev| {
        let keys = dev.send(Method::GET, "/.well-known/jwks.json", None, "").await.json();
        keys["keys"][0]["kid"].as_str().unwrap().to_owned()
    };
    let one = Dev::start_with(&["--deterministic-keys"]).await;
    let two = Dev::start_with(&["--deterministic-keys"]).await;
    let other = Dev::start().await;
    assert_eq!(kid(&one).await, kid(&two).await);
    assert_ne!(kid(&one).await, kid(&other).await);
    // The list that a recorded token names is there before any token is issued.
    let token = one.server.token("ada@example.com").await;
    assert!(list_of(&token).ends_with("/oauth2/status-lists/1"));
    two.send(Method::GET, "/oauth2/status-lists/1", None, "")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn its_folder_goes_when_its_standard_input_closes() {
    let dev = Dev::start().await;
    let folder = dev.folder();
    assert!(folder.join("countersign.db").exists() && folder.join("keys/private.pem").exists());
    drop(dev);
    assert!(!folder.exists());
}

#[tokio::test]
async fn its_folder_goes_at_a_signal_also_while_connections_are_open() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = program(elsewhere.path(), &["dev", "--listen", "127.0.0.1:0", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let announced: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        announced.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["issuer", "users"]
    );
    // Its standard input has ended long ago, which it was not told to mind.
    let client = HttpClient::of(announced["issuer"].as_str().unwrap());
    client
        .send((Method::GET, "/healthz"), None, "")
        .await
        .unwrap()
        .assert_status(200);
    let folder = folder_of(child.id()).unwrap();
    signal(child.id(), "-TERM");
    assert!(child.wait().unwrap().success());
    assert!(!folder.exists());
}

#[tokio::test]
async fn what_a_killed_one_left_the_next_removes() {
    let killed = Dev::start().await;
    let folder = killed.folder();
    signal(killed.server.id(), "-KILL");
    drop(killed);
    let living = Dev::start().await;
    assert!(!folder.exists());
    let next = Dev::start().await;
    assert!(living.folder().exists() && next.folder().exists());
}

#[test]
fn it_refuses_to_be_reached_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, value) in [
        ("--listen", "0.0.0.0:0"),
        ("--listen", "[::]:0"),
        ("--listen", "192.0.2.1:8000"),
        ("--listen", "[::ffff:127.0.0.1]:0"),
        ("--issuer", "https://auth.example.com"),
    ] {
        let output = run(folder.path(), &["dev", flag, value]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{value}: {errors}");
        assert!(
            errors.contains(&format!("{flag} {value} is no loopback address")),
            "{errors}"
        );
        assert!(output.stdout.is_empty());
    }
    let output = run(
        folder.path(),
        &["dev", "--listen", "0.0.0.0:8000", "--issuer", "http://localhost:8000"],
    );
    assert_eq!(output.status.code(), Some(78));
    let output = run(folder.path(), &["dev", "--issuer", "http://auth.example.com"]);
    assert_eq!(output.status.code(), Some(78));
    let output = run(folder.path(), &["dev", "--database-url", "postgres://a@db/auth"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn no_setting_of_another_server_leaks_in() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("countersign.toml"),
        "listen = \"0.0.0.0:8000\"\nnonsense = 1\n",
    )
    .unwrap();
    let mut command = program(
        folder.path(),
        &["dev", "--listen", "127.0.0.1:0", "--until-stdin-closes"],
    );
    command
        .env("COUNTERSIGN_DATABASE_URL", "postgres://auth@db.example.com/auth")
        .env("COUNTERSIGN_ISSUER", "https://auth.example.com")
        .env("COUNTERSIGN_CONFIG", "nowhere.toml")
        .env("COUNTERSIGN_NONSENSE", "1");
    let output = command.output().unwrap();
    let (text, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{log}");
    assert!(
        text.contains("Countersign for tests") && text.contains("http://127.0.0.1:"),
        "{text}"
    );
    assert!(text.contains("ada@example.com") && text.contains(PASSWORD), "{text}");
    assert!(log.contains("this is `countersign dev`, for tests alone"), "{log}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

on_both_databases! {
    async fn a_real_server_has_none_of_this(database: Database) {
        let server = TestServer::start(database).await;
        let body = json!({ "user": "ada@example.com", "advance": "1h" });
        for path in ["/dev/tokens", "/dev/clock", "/dev/sessions/01900000-0000-7000-8000-000000000000"] {
            server.post(path, body.clone()).await.assert_problem(404, "not_found");
        }
        assert!(!server.get("/openapi.json").await.text.contains("/dev/"));
    }
}

/// The program in a folder, with an empty environment and a standard input that has ended.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().unwrap()
}

fn signal(id: u32, name: &str) {
    Command::new("kill").args([name, &id.to_string()]).status().unwrap();
}
