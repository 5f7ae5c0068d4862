//! `countersign doctor` on installations that are each broken in one way: it must name the fault.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use countersign_store::{DatabaseOptions, Db, Role, query, sql};
use countersign_testkit::{
    Database, Launch, NEXT_VERSION, PASSWORD, ScratchDatabase, ServerProcess, apply, on_both_databases,
};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// A server behind a proxy whose URL is the issuer.
struct Installation {
    scratch: ScratchDatabase,
    server: Option<ServerProcess>,
    environment: Vec<(&'static str, String)>,
    wrapper: Vec<String>,
    proxy: Proxy,
}

/// A reverse proxy that changes headers as the test specifies.
struct Proxy {
    address: SocketAddr,
    upstream: Arc<OnceLock<SocketAddr>>,
}

/// What a proxy does to a request.
type Habit = fn(&mut HeaderMap, &Uri) -> Option<StatusCode>;

impl Proxy {
    async fn start(habit: Habit) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let upstream: Arc<OnceLock<SocketAddr>> = Arc::default();
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let to = upstream.clone();
        let app = Router::new().fallback(move |mut request: Request| {
            let (client, to) = (client.clone(), to.clone());
            async move {
                let uri = request.uri().clone();
                if let Some(status) = habit(request.headers_mut(), &uri) {
                    return status.into_response();
                }
                let Some(to) = to.get() else {
                    return StatusCode::BAD_GATEWAY.into_response();
                };
                *request.uri_mut() = format!("http://{to}{uri}").parse().unwrap();
                client.request(request).await.map_or_else(
                    |_| StatusCode::BAD_GATEWAY.into_response(),
                    |answer| Response::from(answer).map(Body::new),
                )
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, upstream }
    }
}

/// Like nginx with `$proxy_add_x_forwarded_for` and an empty `Forwarded`.
fn honest(headers: &mut HeaderMap, _: &Uri) -> Option<StatusCode> {
    let before = headers
        .get("x-forwarded-for")
        .map(|value| value.to_str().unwrap().to_owned());
    let all = before.map_or_else(|| "198.51.100.9".to_owned(), |before| format!("{before}, 198.51.100.9"));
    headers.insert("x-forwarded-for", all.parse().unwrap());
    headers.remove("forwarded");
    None
}

impl Installation {
    async fn start(database: Database, habit: Habit) -> Self {
        let mut installation = Self::prepare(database, habit).await;
        installation.launch().await;
        installation
    }

    async fn prepare(database: Database, habit: Habit) -> Self {
        let (scratch, proxy) = (ScratchDatabase::create(database).await, Proxy::start(habit).await);
        let environment = vec![
            ("COUNTERSIGN_ISSUER", format!("http://{}", proxy.address)),
            ("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
            ("COUNTERSIGN_METRICS_LISTEN", format!("127.0.0.1:{}", free_port())),
        ];
        Self {
            scratch,
            server: None,
            environment,
            wrapper: Vec::new(),
            proxy,
        }
    }

    fn set(&mut self, variable: &'static str, value: &str) {
        self.environment.retain(|(known, _)| *known != variable);
        self.environment.push((variable, value.to_owned()));
    }

    /// Starts the server and creates a session, so that there is a status list.
    async fn launch(&mut self) {
        let mut launch = Launch::new(BINARY, &self.scratch);
        launch.command.splice(0..0, self.wrapper.clone());
        for (variable, value) in &self.environment {
            launch = launch.with(variable, value.clone());
        }
        let server = launch.start().await;
        self.proxy.upstream.set(server.address).unwrap();
        let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
        let client = server.client();
        client
            .post("/api/auth/register", &ada)
            .await
            .unwrap()
            .assert_status(201);
        client.post("/api/auth/login", &ada).await.unwrap().assert_status(200);
        self.server = Some(server);
    }

    fn doctor(&self, arguments: &[&str]) -> std::process::Output {
        self.run(&[&["doctor"], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().current_dir(self.scratch.folder());
        command
            .env("COUNTERSIGN_DATABASE_URL", &self.scratch.url)
            .env("COUNTERSIGN_KEYS_DIR", "keys");
        for (variable, value) in &self.environment {
            command.env(variable, value);
        }
        command.output().unwrap()
    }

    /// Runs the doctor outside the runtime's threads, because the proxy must keep running.
    fn examined(&self) -> (Option<i32>, Vec<Value>) {
        let output = tokio::task::block_in_place(|| self.doctor(&["--json"]));
        let findings = serde_json::from_slice(&output.stdout);
        let findings: Vec<Value> = findings.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), findings)
    }

    /// Checks that it names this fault with a remedy, and fails if the fault must be fixed.
    fn must_find(&self, state: &str, about: &str, words: &str) {
        let (code, findings) = self.examined();
        let found = findings.iter().find(|finding| {
            finding["state"] == state && finding["about"] == about && finding["found"].as_str().unwrap().contains(words)
        });
        let found = found.unwrap_or_else(|| panic!("{about}: {words}\n{findings:#?}"));
        let told = found["remedy"].as_str().unwrap().len() + found["found"].as_str().unwrap().len();
        assert!(told > 40, "{found}");
        assert_eq!(
            code,
            Some(i32::from(state == "fail" || is_broken(&findings))),
            "{findings:#?}"
        );
    }

    fn stop(&mut self) {
        self.server.take().unwrap().terminate();
    }

    fn keys(&self) -> PathBuf {
        self.scratch.folder().join("keys")
    }

    async fn db(&self) -> Db {
        Db::open(&DatabaseOptions::new(&self.scratch.url, Role::Admin))
            .await
            .unwrap()
    }
}

fn is_broken(findings: &[Value]) -> bool {
    findings.iter().any(|finding| finding["state"] == "fail")
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[apply(on_both_databases!)]
async fn of_a_healthy_installation_it_finds_nothing_to_mend(database: Database) {
    let installation = Installation::start(database, honest).await;
    let (code, findings) = installation.examined();
    assert_eq!((code, is_broken(&findings)), (Some(0), false), "{findings:#?}");
    for about in [
        "database",
        "schema",
        "keys",
        "clock",
        "issuer",
        "status list",
        "proxy",
        "open files",
    ] {
        assert!(
            findings
                .iter()
                .any(|finding| finding["about"] == about && finding["state"] == "ok"),
            "{about}: {findings:#?}"
        );
    }
    let text = tokio::task::block_in_place(|| installation.doctor(&[])).stdout;
    assert!(String::from_utf8(text).unwrap().contains("ok     keys"));
}

#[apply(on_both_databases!)]
async fn it_names_a_schema_that_is_behind_ahead_changed_absent_or_half(database: Database) {
    let mut installation = Installation::start(database, honest).await;
    installation.stop();
    installation.set(NEXT_VERSION, "1");
    installation.must_find("fail", "schema", "it is 1 migration(s) behind this version");
    assert!(installation.run(&["migrate"]).status.success());
    let (_, findings) = installation.examined();
    let is_current = |finding: &Value| finding["about"] == "schema" && finding["state"] == "ok";
    assert!(findings.iter().any(is_current), "{findings:#?}");
    installation
        .environment
        .retain(|(variable, _)| *variable != NEXT_VERSION);
    installation.must_find("fail", "schema", "it is newer than this version");
    let db = installation.db().await;
    query(sql!("DELETE FROM schema_migrations WHERE version = 1000000"))
        .execute(&db)
        .await
        .unwrap();
    query(sql!("UPDATE schema_migrations SET checksum = 'another'"))
        .execute(&db)
        .await
        .unwrap();
    installation.must_find("fail", "schema", "was changed after it was applied");
    query(sql!("DELETE FROM schema_migrations")).execute(&db).await.unwrap();
    installation.must_find("fail", "schema", "the database has no schema");
    db.begin_transfer().await.unwrap();
    installation.must_find("fail", "schema", "was interrupted");
    db.close().await.unwrap();
}

#[apply(on_both_databases!)]
async fn it_names_a_clock_that_is_behind_what_was_written_already(database: Database) {
    let installation = Installation::start(database, honest).await;
    let db = installation.db().await;
    query(sql!(
        "UPDATE audit_events SET at = at + 3600000 WHERE seq IS NULL OR seq > 0"
    ))
    .execute(&db)
    .await
    .unwrap();
    installation.must_find("fail", "clock", "ahead of this machine");
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_keys_that_others_may_read_that_do_not_fit_and_that_are_gone() {
    let mut installation = Installation::start(Database::Sqlite, honest).await;
    let (private, public) = (
        installation.keys().join("private.pem"),
        installation.keys().join("public.pem"),
    );
    let chmod = |path: &PathBuf, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    chmod(&private, 0o644);
    installation.must_find("fail", "keys", "is accessible to all users of this machine");
    chmod(&private, 0o600);

    chmod(&installation.keys(), 0o777);
    installation.must_find("fail", "keys", "is writable by other users");
    chmod(&installation.keys(), 0o700);

    let (right, other) = (
        std::fs::read(&public).unwrap(),
        Installation::start(Database::Sqlite, honest).await,
    );
    std::fs::copy(other.keys().join("public.pem"), &public).unwrap();
    installation.must_find("fail", "keys", "was expected");
    std::fs::write(&public, right).unwrap();

    installation.stop();
    std::fs::rename(installation.keys(), installation.scratch.folder().join("elsewhere")).unwrap();
    installation.must_find("fail", "keys", "contains no keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_an_issuer_that_leads_nowhere_or_elsewhere() {
    let mut installation = Installation::start(Database::Sqlite, honest).await;
    let other = Installation::start(Database::Sqlite, honest).await;
    let (ours, others) = (installation.environment[0].1.clone(), other.environment[0].1.clone());
    installation.set("COUNTERSIGN_ISSUER", &others);
    installation.must_find("fail", "issuer", "are not those in this keys folder");

    let through = Proxy::start(honest).await;
    through.upstream.set(other.server.as_ref().unwrap().address).unwrap();
    installation.set("COUNTERSIGN_ISSUER", &format!("http://{}", through.address));
    installation.must_find("fail", "issuer", &format!("whose issuer is {others}"));

    installation.set("COUNTERSIGN_ISSUER", &format!("http://127.0.0.1:{}", free_port()));
    installation.must_find("fail", "issuer", "connection failed");

    installation.set("COUNTERSIGN_ISSUER", &ours);
    installation.stop();
    installation.must_find("fail", "issuer", "does not lead to a Countersign server (status 502");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_a_proxy_that_is_not_trusted() {
    let mut installation = Installation::prepare(Database::Sqlite, honest).await;
    installation.set("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.0/8");
    installation.launch().await;
    installation.must_find("fail", "proxy", "is not in `trusted_proxies`");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_a_proxy_that_believes_clients() {
    let installation = Installation::start(Database::Sqlite, |headers, _| {
        headers.remove("forwarded");
        None
    });
    installation
        .await
        .must_find("fail", "proxy", "any IP address that a client claims");
    let installation = Installation::start(Database::Sqlite, |headers, _| {
        headers.insert("x-forwarded-for", "198.51.100.9".parse().unwrap());
        None
    });
    installation
        .await
        .must_find("fail", "proxy", "passes on the client's `Forwarded` header");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_a_proxy_that_hides_or_hurries_the_status_lists() {
    let hides: Habit = |headers, uri| {
        honest(headers, uri);
        uri.path().starts_with("/oauth2/").then_some(StatusCode::FORBIDDEN)
    };
    let installation = Installation::start(Database::Sqlite, hides).await;
    installation.must_find("fail", "status list", "responds with 403");
    let hurries: Habit = |headers, uri| {
        honest(headers, uri);
        headers.remove("prefer");
        None
    };
    let installation = Installation::start(Database::Sqlite, hurries).await;
    installation.must_find("warn", "status list", "cannot wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_a_redis_and_a_database_that_are_away() {
    let mut installation = Installation::start(Database::Sqlite, honest).await;
    installation.set("COUNTERSIGN_REDIS_URL", &format!("redis://127.0.0.1:{}", free_port()));
    installation.must_find("fail", "redis", "does not respond");
    let before = std::mem::replace(
        &mut installation.scratch.url,
        format!("postgres://nobody@127.0.0.1:{}/nothing", free_port()),
    );
    installation.must_find("fail", "database", "");
    installation.scratch.url = before;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reports_a_file_without_a_log_and_one_that_is_not_a_database() {
    let mut installation = Installation::start(Database::Sqlite, honest).await;
    installation.stop();
    let path = PathBuf::from(installation.scratch.url.strip_prefix("sqlite://").unwrap());
    let mut file = std::fs::read(&path).unwrap();
    // Like a program that opens it with `PRAGMA journal_mode = DELETE`.
    file[18..20].copy_from_slice(&[1, 1]);
    std::fs::write(&path, &file).unwrap();
    installation.must_find("warn", "database", "write-ahead log");
    std::fs::write(
        &path,
        "no database, but long enough to be looked at as if it were one".repeat(99),
    )
    .unwrap();
    installation.must_find("fail", "database", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_a_server_that_is_not_ready() {
    let busy: Habit = |headers, uri| {
        honest(headers, uri);
        (uri.path() == "/readyz").then_some(StatusCode::SERVICE_UNAVAILABLE)
    };
    let installation = Installation::start(Database::Sqlite, busy).await;
    installation.must_find("fail", "issuer", "is not ready");
}

/// Symbolic links to the database are followed.
#[tokio::test(flavor = "multi_thread")]
async fn it_names_a_database_with_two_names_and_looks_behind_links() {
    let mut installation = Installation::start(Database::Sqlite, honest).await;
    let link = installation.scratch.folder().join("link.db");
    std::os::unix::fs::symlink("test.db", &link).unwrap();
    let before = std::mem::replace(&mut installation.scratch.url, format!("sqlite://{}", link.display()));
    let (code, findings) = installation.examined();
    assert_eq!((code, is_broken(&findings)), (Some(0), false), "{findings:#?}");
    std::fs::hard_link(
        installation.scratch.folder().join("test.db"),
        installation.scratch.folder().join("b.db"),
    )
    .unwrap();
    installation.must_find("fail", "database", "2 hard links");
    installation.scratch.url = before;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_a_limit_on_open_files() {
    let mut installation = Installation::prepare(Database::Sqlite, honest).await;
    installation.wrapper = vec!["prlimit".to_owned(), "--nofile=600:600".to_owned()];
    installation.launch().await;
    installation.must_find("fail", "open files", "the server may open 600");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_yet_it_makes_nothing() {
    let installation = Installation::prepare(Database::Sqlite, honest).await;
    let (_, findings) = installation.examined();
    assert!(
        findings
            .iter()
            .any(|finding| finding["about"] == "database" && finding["state"] == "unknown")
    );
    assert!(!installation.keys().exists());
    let path = PathBuf::from(installation.scratch.url.strip_prefix("sqlite://").unwrap());
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_mail_that_does_not_leave() {
    let mut installation = Installation::start(Database::Sqlite, honest).await;
    installation.must_find("warn", "mail", "no mail server is configured");
    installation.set("COUNTERSIGN_EMAIL_VERIFICATION", "required");
    installation.must_find("fail", "mail", "emails are written to data/mail");
    let nobody = format!("smtp://ada:hunter2@127.0.0.1:{}", free_port());
    installation.set("COUNTERSIGN_MAIL__SMTP_URL", &nobody);
    installation.must_find("fail", "mail", "cannot log in");
    let output = tokio::task::block_in_place(|| installation.doctor(&[]));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter2"));
}
