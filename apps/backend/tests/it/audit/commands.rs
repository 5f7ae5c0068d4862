//! `countersign audit`, used by the operator while a server is running.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_store::{DatabaseOptions, Db, Role, query, sql};
use countersign_testkit::{Database, Launch, PASSWORD, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

fn audit(scratch: &ScratchDatabase, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(scratch.folder());
    command
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys");
    command.env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000");
    command.arg("audit").args(arguments).output().unwrap()
}

/// The standard output of a command that succeeds.
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The error output of a command that fails.
fn failed(output: &Output) -> String {
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[apply(on_both_databases!)]
async fn the_log_is_listed_exported_and_verified_where_no_server_is(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let kept = scratch.folder().join("kept.txt");
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_AUDIT__CHECKPOINT_FILE", kept.display().to_string());
    let server = launch.start().await;
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    server
        .client()
        .post("/api/auth/register", &ada)
        .await
        .unwrap()
        .assert_status(201);
    server
        .client()
        .post("/api/auth/login", &ada)
        .await
        .unwrap()
        .assert_status(200);
    wait_for(&kept, "the server seals and ships by itself").await;
    let listed: Value = serde_json::from_str(&done(&audit(
        &scratch,
        &["list", "--json", "--account", "ada@example.com"],
    )))
    .unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    assert!(done(&audit(&scratch, &["list", "--kind", "server.started"])).contains("version "));
    assert!(server.terminate().success());
    assert!(done(&audit(&scratch, &["list", "--limit", "1"])).contains("server.stopped"));

    let verified = done(&audit(&scratch, &["verify", "--against", "kept.txt"]));
    assert!(verified.starts_with("The audit log is intact: "), "{verified}");
    assert!(done(&audit(&scratch, &["export", "log.jsonl"])).contains("It contains pseudonyms only"));
    assert!(failed(&audit(&scratch, &["export", "log.jsonl"])).contains("cannot create log.jsonl"));
    let offline = [
        "verify",
        "--export",
        "log.jsonl",
        "--public-key",
        "keys/public.pem",
        "--against",
        "kept.txt",
    ];
    assert!(done(&audit(&scratch, &offline)).starts_with("The audit log is intact: "));
    assert!(failed(&audit(&scratch, &offline[..3])).contains("pass the keys to trust"));

    let path = scratch.folder().join("log.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("ada@example.com") && !text.contains(PASSWORD));
    write(&path, &text.replacen("account.registered", "account.exported", 1));
    let said = failed(&audit(&scratch, &offline));
    assert!(
        said.contains("the audit log was tampered with: row ") && said.contains("was changed"),
        "{said}"
    );
    let cut: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"log\"")).collect();
    write(&path, &cut.join("\n"));
    assert!(failed(&audit(&scratch, &offline)).contains("the end of the log was removed"));
    write(&path, "{\"row\":1}\n");
    assert!(failed(&audit(&scratch, &offline)).contains("line 1 of log.jsonl"));
}

#[apply(on_both_databases!)]
async fn a_kept_file_shows_a_log_that_was_emptied_and_has_grown_again(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let kept = scratch.folder().join("kept.txt");
    let lines = || std::fs::read_to_string(&kept).unwrap().lines().count();
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_AUDIT__CHECKPOINT_FILE", kept.display().to_string());
    let server = launch.start().await;
    wait_for(&kept, "the server seals and ships by itself").await;
    server.kill();
    assert!(done(&audit(&scratch, &["verify", "--against", "kept.txt"])).starts_with("The audit log is intact: "));

    // Without the key, the server seals new entries from the beginning.
    let db = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    for statement in [
        sql!("DELETE FROM audit_events"),
        sql!("DELETE FROM audit_checkpoints"),
        sql!("DELETE FROM audit_subjects"),
    ] {
        query(statement).execute(&db).await.unwrap();
    }
    db.close().await.unwrap();
    let (before, server) = (lines(), launch.start().await);
    let began = Instant::now();
    for number in 0.. {
        let ada = json!({ "email": format!("ada{number}@example.com"), "password": PASSWORD });
        server.client().post("/api/auth/register", &ada).await.unwrap();
        if lines() > before {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the log does not grow beyond what it was"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.kill();
    assert!(done(&audit(&scratch, &["verify"])).starts_with("The audit log is intact: "));
    let text = std::fs::read_to_string(&kept).unwrap();
    write(&scratch.folder().join("last.txt"), text.lines().last().unwrap());
    done(&audit(&scratch, &["verify", "--against", "last.txt"]));
    let said = failed(&audit(&scratch, &["verify", "--against", "kept.txt"]));
    assert!(said.contains("does not match the saved checkpoint"), "{said}");
    // An incomplete line after a full disk is skipped and does not hide the others.
    write(&kept, &format!("{text}eyJhbGciOiJFUzI1"));
    assert!(
        failed(&audit(&scratch, &["verify", "--against", "kept.txt"])).contains("does not match the saved checkpoint")
    );
    write(&kept, "\nno checkpoint\n");
    assert!(
        failed(&audit(&scratch, &["verify", "--against", "kept.txt"]))
            .contains("must contain saved checkpoints, one per line")
    );
}

#[apply(on_both_databases!)]
async fn a84_key_operations_of_the_operator_are_recorded(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    let run = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.env_clear().current_dir(scratch.folder()).args(arguments);
        command
            .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
            .env("COUNTERSIGN_KEYS_DIR", "keys");
        done(
            &command
                .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
                .output()
                .unwrap(),
        )
    };
    run(&["keys", "rotate"]);
    run(&["keys", "rotate"]);
    let keys: Value = serde_json::from_str(&run(&["keys", "list", "--json"])).unwrap();
    let next = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["state"] == "next")
        .unwrap();
    let next = next["kid"].as_str().unwrap();
    run(&["keys", "revoke", next]);
    let listed: Value = serde_json::from_str(&done(&audit(&scratch, &["list", "--json"]))).unwrap();
    let of_next = |entry: &&Value| entry["detail"] == next;
    let told: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(of_next)
        .map(|entry| entry["kind"].clone())
        .collect();
    assert_eq!(told, ["keys.revoked", "keys.prepared"]);
    server.kill();
}

#[apply(on_both_databases!)]
async fn checkpoints_reach_a_webhook_that_is_down_for_a_while(database: Database) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let (address, calls) = (webhook(received.clone()).await, received);
    let scratch = ScratchDatabase::create(database).await;
    let url = format!("http://{address}/checkpoints");
    let server = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_AUDIT__CHECKPOINT_URL", url)
        .start()
        .await;
    let began = Instant::now();
    while calls.lock().unwrap().len() < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", calls.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.kill();
    let calls = calls.lock().unwrap().clone();
    // The first attempt was refused, the second redirected.
    assert!(calls[0] == calls[1] && calls[1] == calls[2], "{calls:?}");
    let kept = scratch.folder().join("kept.txt");
    write(&kept, &calls[2]);
    assert!(done(&audit(&scratch, &["verify", "--against", "kept.txt"])).starts_with("The audit log is intact: "));
}

/// Receives posted entries; answers 503 to the first request and redirects the second.
async fn webhook(received: Arc<Mutex<Vec<String>>>) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let take = move |headers: axum::http::HeaderMap, body: String| async move {
        assert_eq!(headers["content-type"], "application/jose");
        let mut received = received.lock().unwrap();
        received.push(body);
        match received.len() {
            1 => axum::http::StatusCode::SERVICE_UNAVAILABLE,
            2 => axum::http::StatusCode::FOUND,
            _ => axum::http::StatusCode::NO_CONTENT,
        }
    };
    let router = axum::Router::new().route("/checkpoints", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn wait_for(path: &Path, what: &str) {
    let began = Instant::now();
    while !std::fs::read_to_string(path).is_ok_and(|text| text.lines().count() >= 1) {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
