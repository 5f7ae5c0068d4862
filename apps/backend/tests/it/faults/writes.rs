//! A PostgreSQL that responds but does not accept writes: a hot standby at the same address and port, and a read-only
//! role. Reads work, writes get 503 with `Retry-After`, and readiness and the doctor report it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use axum::http::Method;
use countersign_store::{DatabaseOptions, Db, Role, Sql, query};
use countersign_testkit::{Answer, Database, HttpClient, Launch, PASSWORD, ScratchDatabase, ServerProcess};
use serde_json::{Value, json};

use super::{BINARY, BOUND, RECOVERY, get, me, sign_in, sign_up, token, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_a_hot_standby_is_not_ready_until_it_is_promoted() {
    let mut scratch = ScratchDatabase::create(Database::Sqlite).await;
    let mut postgres = Postgres::make();
    postgres.start();
    scratch.url = postgres.url();
    let launch = Launch::new(BINARY, &scratch);
    let server = launch.start().await;
    let client = server.client();
    let ada = sign_up(&client, "ada").await;
    get(&client, "/readyz").await.assert_status(200);

    postgres.start_as_standby();
    reads_and_refuses_to_write(&client, &ada).await;
    doctor_finds(&scratch, &server, "it does not accept writes");
    // A server that starts cannot do anything there, and says so.
    let refusal = launch.refused().await;
    assert_ne!(refusal.exit_code, Some(0));
    assert!(refusal.text.contains("does not accept writes"), "{}", refusal.text);

    postgres.promote();
    writes_again(&client, &ada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_a_read_only_role_is_not_ready_until_it_can_write() {
    let mut scratch = ScratchDatabase::create(Database::Postgres).await;
    let role = format!("role_{}", scratch.url.rsplit('_').next().unwrap());
    scratch.administer(&format!("CREATE ROLE {role} LOGIN SUPERUSER")).await;
    scratch.url = as_role(&scratch.url, &role);
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    let ada = sign_up(&client, "ada").await;

    let set = format!("ALTER ROLE {role} SET default_transaction_read_only = on");
    scratch.administer(&set).await;
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
    scratch.administer(&end).await;
    reads_and_refuses_to_write(&client, &ada).await;
    doctor_finds(&scratch, &server, "it does not accept writes");

    // Sessions that began meanwhile remain read-only, and must not be used any more. Here are several.
    let reads = (0..20).map(|_| client.get_as("/api/auth/sessions", token(&ada)));
    futures_util::future::join_all(reads).await;
    let reset = format!("ALTER ROLE {role} RESET default_transaction_read_only");
    scratch.administer(&reset).await;
    writes_again(&client, &ada).await;
    drop(server);
    let drop_role = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    scratch.administer(&drop_role).await;
}

/// The type of every text column is changed twice, which makes all prepared statements with them stale, on every
/// connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_a_schema_that_is_changed_under_the_server_fails_no_request() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let administrator = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    let mut ada = sign_up(&client, "ada").await;
    for kind in ["VARCHAR(5000)", "TEXT", "VARCHAR(6000)"] {
        // So that many connections have prepared their statements. (The 51st session of an account ends the first.)
        futures_util::future::join_all((0..7).map(|_| sign_in(&client, "ada"))).await;
        for (table, column) in TEXTS {
            run(
                &administrator,
                &format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind}"),
            )
            .await;
        }
        let logins = futures_util::future::join_all((0..7).map(|_| sign_in(&client, "ada")));
        let (_, seen) = tokio::join!(logins, me(&client, &ada));
        seen.assert_status(200);
        let spent = json!({ "refresh_token": ada["refresh_token"] });
        let refreshed = client.post("/api/auth/refresh", &spent).await.unwrap();
        ada = refreshed.assert_status(200).json();
        get(&client, "/readyz").await.assert_status(200);
    }
    let log = Launch::new(BINARY, &scratch).log();
    assert!(log.contains("lost a prepared statement"), "nothing was stale: {log}");
    administrator.close().await.unwrap();
}

const TEXTS: [(&str, &str); 5] = [
    ("accounts", "email"),
    ("accounts", "password_hash"),
    ("account_scopes", "scope"),
    ("sessions", "scope"),
    ("sessions", "user_agent"),
];

/// Every request that writes, once: none may fail like a bug in the program.
async fn reads_and_refuses_to_write(client: &HttpClient, ada: &Value) {
    until(BOUND, async || get(client, "/readyz").await.status == 503).await;
    until(BOUND, async || me(client, ada).await.status == 200).await;
    let ready = get(client, "/readyz").await.assert_problem(503, "unavailable");
    assert!(!ready.header("retry-after").is_empty());
    for path in ["/healthz", "/.well-known/jwks.json", "/", "/signin", "/recover"] {
        get(client, path).await.assert_status(200);
    }
    // A connection that has just been closed may be used once more.
    for path in ["/api/auth/me", "/api/auth/sessions"] {
        until(BOUND, async || {
            client.get_as(path, token(ada)).await.unwrap().status == 200
        })
        .await;
    }

    let began = Instant::now();
    let (email, password) = ("ada@example.com", PASSWORD);
    let requests = [
        ("/api/auth/login", json!({ "email": email, "password": password }), ""),
        (
            "/api/auth/register",
            json!({ "email": "eve@example.com", "password": password }),
            "",
        ),
        (
            "/api/auth/refresh",
            json!({ "refresh_token": ada["refresh_token"] }),
            "",
        ),
        ("/api/auth/logout", json!({ "refresh_token": ada["refresh_token"] }), ""),
        ("/api/auth/logout", Value::Null, token(ada)),
        ("/api/auth/logout-all", Value::Null, token(ada)),
        (
            "/api/auth/change-password",
            json!({ "current_password": password, "new_password": "another long umbrella" }),
            token(ada),
        ),
        ("/api/auth/recover", json!({ "email": email }), ""),
        ("/api/auth/login/email", json!({ "email": email }), ""),
    ];
    for (path, body, bearer) in requests {
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = client.send((Method::POST, path), body, bearer).await.unwrap();
        refused(path, answer);
    }
    let all = [
        (
            Method::DELETE,
            "/api/auth/me",
            Some(json!({ "password": password })),
            token(ada),
        ),
        (
            Method::POST,
            "/api/auth/verify-email",
            Some(json!({ "email": email })),
            token(ada),
        ),
    ];
    for (method, path, body, bearer) in all {
        let answer = client.send((method, path), body.as_ref(), bearer).await.unwrap();
        assert_ne!(answer.status.as_u16(), 500, "{path}: {}", answer.text);
    }
    println!("refused after {:?}", began.elapsed());
    me(client, ada).await.assert_status(200);
}

fn refused(path: &str, answer: Answer) {
    assert_eq!(answer.status.as_u16(), 503, "{path}: {}", answer.text);
    let answer = answer.assert_problem(503, "unavailable");
    assert!(!answer.header("retry-after").is_empty(), "{path}");
}

async fn writes_again(client: &HttpClient, ada: &Value) {
    until(RECOVERY, async || get(client, "/readyz").await.status == 200).await;
    // Several at the same time, so that every connection of the pool is used.
    let logins = (0..20).map(|_| sign_in(client, "ada"));
    futures_util::future::join_all(logins).await;
    me(client, ada).await.assert_status(200);
    let spent = json!({ "refresh_token": ada["refresh_token"] });
    client
        .post("/api/auth/refresh", &spent)
        .await
        .unwrap()
        .assert_status(200);
}

fn doctor_finds(scratch: &ScratchDatabase, server: &ServerProcess, words: &str) {
    let output = Command::new(BINARY)
        .args(["doctor", "--json"])
        .env_clear()
        .current_dir(scratch.folder())
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", &server.base)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let findings: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
    let found = findings.iter().any(|finding| {
        finding["state"] == "fail"
            && finding["about"] == "database"
            && finding["found"].as_str().unwrap().contains(words)
    });
    assert!(found, "{words}: {text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
}

pub(super) async fn run(db: &Db, statements: &str) {
    for statement in statements.split(';') {
        let text: &'static str = Box::leak(statement.to_owned().into_boxed_str());
        let statement: &'static Sql = Box::leak(Box::new(Sql::new(text, text, "a test")));
        query(statement).execute(db).await.unwrap();
    }
}

pub(super) fn as_role(url: &str, role: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, address) = rest.split_once('@').unwrap();
    format!("{scheme}://{role}@{address}")
}

/// A separate PostgreSQL that is a primary and a standby in turn.
pub(super) struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Postgres {
    pub(super) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let postgres = Self {
            folder,
            programs: programs(),
            address,
            child: None,
        };
        if is_root() {
            let owned = Command::new("chown").arg(user()).arg(postgres.folder.path()).status();
            assert!(owned.unwrap().success());
        }
        let mut initdb = postgres.program("initdb");
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--pgdata",
        ]);
        let made = initdb.arg(postgres.data()).stdout(Stdio::null()).status();
        assert!(made.unwrap().success());
        postgres
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }

    pub(super) fn start(&mut self) {
        let mut command = self.program("postgres");
        let port = self.address.port().to_string();
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        command
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.path().display()));
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        while !self.answers() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// The same data, now as a standby: like another server that takes over the address.
    pub(super) fn start_as_standby(&mut self) {
        self.stop();
        let mut touch = self.program("/usr/bin/touch");
        assert!(
            touch
                .arg(self.data().join("standby.signal"))
                .status()
                .unwrap()
                .success()
        );
        self.start();
    }

    fn promote(&self) {
        let mut promote = self.program("pg_ctl");
        let promoted = promote
            .arg("promote")
            .arg("-D")
            .arg(self.data())
            .stdout(Stdio::null())
            .status();
        assert!(promoted.unwrap().success());
    }

    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // SIGINT: a fast shutdown.
        let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(told.unwrap().success());
        child.wait().unwrap();
    }

    fn answers(&self) -> bool {
        let port = self.address.port().to_string();
        let mut ready = self.program("pg_isready");
        ready
            .args(["-q", "-h", "127.0.0.1", "-p", &port])
            .status()
            .unwrap()
            .success()
    }

    /// It refuses to run as root. `setpriv` replaces itself with the program, so that its process id is the one to end.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={}", user()))
                    .args(["--clear-groups", "--"])
                    .arg(path);
                command
            }
            false => Command::new(path),
        };
        command.current_dir(self.folder.path());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn user() -> &'static str {
    match Command::new("id")
        .arg("postgres")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        true => "postgres",
        false => "nobody",
    }
}

/// Debian keeps them outside the PATH, by version.
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("COUNTERSIGN_TEST_POSTGRES_BIN") {
        return folder.into();
    }
    let mut folders: Vec<PathBuf> = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    folders.sort();
    folders
        .pop()
        .expect("set COUNTERSIGN_TEST_POSTGRES_BIN to the folder of PostgreSQL's programs")
}
