//! How the process starts and stops: no request is dropped when it stops, and it refuses to start with one sentence and
//! the appropriate exit code.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_testkit::{Database, HttpClient, Launch, PASSWORD, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::probes::{PATIENCE, answer, exchange};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
const CLIENTS: usize = 20;
const ROUNDS: usize = 3;

/// A server that is stopping answers once more on each connection, for a second. Requests from the first half of that
/// must be answered; later ones may be late on a busy machine.
const LAST_CALL: Duration = Duration::from_millis(500);

#[apply(on_both_databases!)]
async fn f16_a_stop_under_load_drops_nothing(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch);
    let mut tokens = Vec::new();
    for round in 0..ROUNDS {
        let server = launch.start().await;
        if round == 0 {
            tokens = sign_in(&server.client()).await;
        }
        let (stop, stopped) = watch::channel(None);
        let answered = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = tokens
            .drain(..)
            .enumerate()
            .map(|(index, tokens)| {
                let client = Client {
                    tokens,
                    stopped: stopped.clone(),
                    answered: answered.clone(),
                };
                tokio::spawn(client.run(server.address, index % 2 == 0))
            })
            .collect();
        while answered.load(Ordering::Relaxed) < 10 * CLIENTS {
            assert!(
                !clients.iter().any(JoinHandle::is_finished),
                "a client gave up before the stop"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let before = answered.load(Ordering::Relaxed);
        stop.send(Some(Instant::now())).unwrap();
        server.tell_to_stop();
        for client in clients {
            tokens.push(client.await.expect("nothing is dropped"));
        }
        println!(
            "answered before the stop: {before}, after it: {}",
            answered.load(Ordering::Relaxed) - before
        );
        assert_eq!(
            server.ended(PATIENCE).await.unwrap().code(),
            Some(0),
            "{}",
            launch.log()
        );
    }
    // Every session survived.
    let server = launch.start().await;
    for Tokens { access, refresh } in &tokens {
        server
            .client()
            .get_as("/api/auth/me", access)
            .await
            .unwrap()
            .assert_status(200);
        let body = json!({ "refresh_token": refresh });
        server
            .client()
            .post("/api/auth/refresh", &body)
            .await
            .unwrap()
            .assert_status(200);
    }
}

struct Tokens {
    access: String,
    refresh: String,
}

impl Tokens {
    fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

/// One account, and a separate session for each client.
async fn sign_in(client: &HttpClient) -> Vec<Tokens> {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = client.post("/api/auth/register", &body).await.unwrap();
    answer.assert_status(201);
    let mut tokens = Vec::new();
    for _ in 0..CLIENTS {
        let answer = client.post("/api/auth/login", &body).await.unwrap();
        tokens.push(Tokens::of(&answer.assert_status(200).json()));
    }
    tokens
}

/// Sends one request after the other on a connection, like a reverse proxy, until the connection is to be closed.
struct Client {
    tokens: Tokens,
    stopped: watch::Receiver<Option<Instant>>,
    answered: Arc<AtomicUsize>,
}

impl Client {
    async fn run(mut self, address: SocketAddr, refreshes: bool) -> Tokens {
        let mut stream = TcpStream::connect(address).await.unwrap();
        loop {
            let request = if refreshes { self.refresh() } else { self.me() };
            let sent = Instant::now();
            let said = match stream.write_all(request.as_bytes()).await {
                Ok(()) => tokio::spawn(async move { (answer(&mut stream).await, stream) })
                    .await
                    .ok(),
                Err(_) => None,
            };
            let Some((said, connection)) = said else {
                let stopped = self.stopped.borrow().expect("dropped before the stop");
                assert!(sent > stopped + LAST_CALL, "a request was dropped");
                return self.tokens;
            };
            stream = connection;
            assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
            if refreshes {
                let (_, body) = said.split_once("\r\n\r\n").unwrap();
                self.tokens = Tokens::of(&serde_json::from_str(body).unwrap());
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
            if said.contains("connection: close") {
                assert!(self.stopped.borrow().is_some(), "told to close before the stop");
                return self.tokens;
            }
        }
    }

    fn me(&self) -> String {
        let token = &self.tokens.access;
        format!("GET /api/auth/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
    }

    fn refresh(&self) -> String {
        let body = json!({ "refresh_token": self.tokens.refresh }).to_string();
        let head = "POST /api/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json";
        format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }
}

/// While load balancers get time to notice, `/readyz` fails and everything else works; the second signal ends that.
#[tokio::test(flavor = "multi_thread")]
async fn a_lame_duck_serves_until_a_second_signal() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_HTTP__LAME_DUCK", "1h");
    let server = launch.start().await;
    server.tell_to_stop();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let noticed = async {
        while !exchange(server.address, get("/readyz"))
            .await
            .starts_with("HTTP/1.1 503 ")
        {}
    };
    tokio::time::timeout(PATIENCE, noticed).await.expect("it is not ready");
    assert!(
        exchange(server.address, get("/healthz"))
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    server.tell_to_stop();
    assert_eq!(server.ended(PATIENCE).await.expect("it ends").code(), Some(0));
}

/// Signals that other programs use for other purposes, and those of broken pipes and file size limits: the server
/// continues, and logs what it does with them.
#[tokio::test(flavor = "multi_thread")]
async fn signals_that_mean_something_to_others_are_ignored_and_told() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch);
    let server = launch.start().await;
    let tokens = sign_in(&server.client()).await;
    let help = std::process::Command::new(BINARY)
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for name in ["SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR1"] {
        assert!(help.contains(name), "{name} is missing in\n{help}");
    }
    for name in ["HUP", "USR1", "USR2", "PIPE", "XFSZ", "HUP"] {
        server.signal(name);
        if name != "PIPE" {
            let told = format!("SIG{name}");
            let noticed = async {
                while !launch.log().contains(&told) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(PATIENCE, noticed).await.expect("it is in the log");
        }
        let me = server.client().get_as("/api/auth/me", &tokens[0].access).await;
        me.unwrap_or_else(|| panic!("{name} ended it")).assert_status(200);
    }
    assert!(server.terminate().success());
}

/// Each of them drains, with a request in progress, and exits with 0; the second exits immediately.
#[tokio::test(flavor = "multi_thread")]
async fn every_signal_that_stops_answers_what_has_begun() {
    for name in ["TERM", "INT", "QUIT"] {
        let scratch = ScratchDatabase::create(Database::Sqlite).await;
        let launch = Launch::new(BINARY, &scratch);
        let server = launch.start().await;
        let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
        let (first, second) = body.split_at(20);
        let head = "POST /api/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json";
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let begun = format!("{head}\r\nContent-Length: {}\r\n\r\n{first}", body.len());
        stream.write_all(begun.as_bytes()).await.unwrap();
        // Once it answers a later request, it has read the head.
        server.client().get_as("/healthz", "").await.unwrap().assert_status(200);
        server.signal(name);
        let noticed = async {
            while !launch.log().contains(&format!("SIG{name}")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, noticed).await.expect("it is in the log");
        stream.write_all(second.as_bytes()).await.unwrap();
        let said = answer(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 201 "), "{name}: {said}");
        assert_eq!(
            server.ended(PATIENCE).await.unwrap().code(),
            Some(0),
            "{name}: {}",
            launch.log()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_file_is_refused() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch);
    let server = launch.start().await;
    let refusal = launch.refused().await;
    assert_eq!(refusal.exit_code, Some(1), "{refusal:?}");
    let path = scratch.folder().join("test.db").display().to_string();
    assert_sentence(&refusal.text, &[&path, &format!("process {}", server.id())]);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = server.client().post("/api/auth/register", &body).await;
    answer.unwrap().assert_status(201);
    // The lock is released with the process, however that ends.
    server.kill();
    launch.start().await;
}

/// For each command that opens a database, before anything is written to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_utf_8_is_refused_everywhere() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let good = Launch::new(BINARY, &scratch).start().await;
    assert!(good.terminate().success());
    let backup = execute(&scratch, &scratch.url, &["backup", "good.gz"]);
    assert!(backup.status.success(), "{backup:?}");
    for encoding in ["SQL_ASCII", "LATIN1"] {
        let name = format!("{}_{}", encoding.to_lowercase(), std::process::id());
        let make = "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING";
        // Both take long on a busy machine, because PostgreSQL writes a checkpoint.
        scratch
            .administer(&format!("CREATE DATABASE {name} {make} '{encoding}'"))
            .await;
        let (server, _) = scratch.url.split_once('?').unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let mut all = Vec::new();
        for arguments in [
            &["serve"][..],
            &["migrate"],
            &["doctor"],
            &["restore", "good.gz"],
            &["users", "list"],
            &["users", "invite", "łukasz@example.com"],
            &["migrate-database", "--from", &scratch.url, "--to", &url],
        ] {
            let output = execute(&scratch, &url, arguments);
            all.push((arguments[0].to_owned(), output));
        }
        scratch.administer(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        for (command, output) in all {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command}: {said}");
            for words in [encoding, "UTF8", "createdb", "--encoding=UTF8"] {
                assert!(said.contains(words), "{command}, {words}: {said}");
            }
            assert!(!said.contains("check that it is running"), "{command}: {said}");
        }
    }
}

fn execute(scratch: &ScratchDatabase, url: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(BINARY);
    command
        .args(arguments)
        .env_clear()
        .current_dir(scratch.folder())
        .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
        .env("COUNTERSIGN_DATABASE_URL", url)
        .env("COUNTERSIGN_KEYS_DIR", "keys");
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_LISTEN", &address);
    let refusal = launch.refused().await;
    assert_eq!(refusal.exit_code, Some(1), "{refusal:?}");
    assert_sentence(&refusal.text, &[&address, "in use"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_keys_that_must_not_be_used_stop_the_start() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch);
    assert!(launch.start().await.terminate().success());
    let private = scratch.folder().join("keys/private.pem");
    let public = scratch.folder().join("keys/public.pem");
    let (secret, known) = (std::fs::read(&private).unwrap(), std::fs::read(&public).unwrap());
    let mode = |mode| std::fs::set_permissions(&private, std::fs::Permissions::from_mode(mode)).unwrap();
    let refused = async |words: &[&str]| {
        let refusal = launch.refused().await;
        assert_eq!(refusal.exit_code, Some(78), "{refusal:?}");
        assert_sentence(&refusal.text, words);
    };

    mode(0o604);
    refused(&[&private.display().to_string(), "604", "chmod o-rwx"]).await;
    mode(0o600);
    std::fs::write(&public, OTHER_PUBLIC_KEY).unwrap();
    refused(&[&public.display().to_string(), "restore the correct file"]).await;
    std::fs::write(&public, &known).unwrap();
    std::fs::write(
        &private,
        "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    refused(&[&private.display().to_string()]).await;
    // Missing keys are not created again, because no one could verify their tokens.
    let (sealing, away) = (scratch.folder().join("keys/sealing"), scratch.folder().join("away"));
    std::fs::rename(&sealing, &away).unwrap();
    std::fs::remove_dir_all(scratch.folder().join("keys")).unwrap();
    refused(&["contains no keys", "countersign keys generate"]).await;

    std::fs::create_dir(scratch.folder().join("keys")).unwrap();
    std::fs::write(&private, secret).unwrap();
    std::fs::write(&public, known).unwrap();
    std::fs::rename(&away, &sealing).unwrap();
    mode(0o640);
    assert!(
        launch.start().await.terminate().success(),
        "orchestrators mount secrets for a group"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c66_all_errors_in_the_settings_are_reported_at_once() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_TOKENS__ACCES_TTL", "1h")
        .with("COUNTERSIGN_TOKENS__REFRESH_IDLE_TTL", "soon")
        .with("COUNTERSIGN_HASHING__WORKERS", "0")
        .with("COUNTERSIGN_LISTEN", "localhost");
    let refusal = launch.refused().await;
    assert_eq!(refusal.exit_code, Some(78), "{refusal:?}");
    let words = [
        "COUNTERSIGN_TOKENS__ACCES_TTL",
        "COUNTERSIGN_TOKENS__ACCESS_TTL",
        "COUNTERSIGN_TOKENS__REFRESH_IDLE_TTL",
        "COUNTERSIGN_HASHING__WORKERS",
        "COUNTERSIGN_LISTEN",
    ];
    assert_sentence(&refusal.text, &words);
    assert!(!scratch.folder().join("keys").exists(), "it began to work all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a78_databases_and_redis_on_other_hosts_require_encryption() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    for (variable, url, remedy) in [
        (
            "COUNTERSIGN_DATABASE_URL",
            "postgres://u:secret@db.invalid/d?sslmode=disable",
            "sslmode=require",
        ),
        (
            "COUNTERSIGN_DATABASE_URL",
            "postgres://u:secret@db.invalid/d?sslmode=prefer",
            "sslmode=require",
        ),
        ("COUNTERSIGN_REDIS_URL", "redis://:secret@redis.invalid", "rediss://"),
        (
            "COUNTERSIGN_MAIL__SMTP_URL",
            "smtp://u:secret@mail.invalid?tls=none",
            "smtps://",
        ),
    ] {
        let refusal = Launch::new(BINARY, &scratch).with(variable, url).refused().await;
        assert_ne!(refusal.exit_code, Some(0));
        assert_sentence(&refusal.text, &[remedy, "allow_unencrypted"]);
        assert!(!refusal.text.contains("secret"), "{}", refusal.text);
    }
}

/// The message is readable: it comes from the program, names these things, and is not debug output.
fn assert_sentence(text: &str, words: &[&str]) {
    assert!(text.contains("countersign: "), "{text}");
    assert!(!text.contains("panicked") && !text.contains("Error {"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
}

/// The public key of RFC 7515 A.3.
const OTHER_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n\
    6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n\
    -----END PUBLIC KEY-----\n";
