//! The process: what it reads and refuses, and that it leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use axum::http::Method;
use countersign_testkit::{HttpClient, PASSWORD};
use serde_json::Value;

use super::{Dev, PROGRAM};

#[tokio::test]
async fn its_folder_goes_when_its_standard_input_closes() {
    let dev = Dev::start().await;
    let folder = folder_of(dev.server.id()).unwrap();
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
    // Its standard input is already closed, which it was not told to watch.
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
    let folder = folder_of(killed.server.id()).unwrap();
    signal(killed.server.id(), "-KILL");
    drop(killed);
    let living = Dev::start().await;
    assert!(!folder.exists());
    let next = Dev::start().await;
    assert!(folder_of(living.server.id()).is_some() && folder_of(next.server.id()).is_some());
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
            errors.contains(&format!("{flag} {value} is not a loopback address")),
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
    assert!(log.contains("this is `countersign dev`, for testing only"), "{log}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// The in-memory folder, in the first of these places where the program can create it.
fn folder_of(id: u32) -> Option<PathBuf> {
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
    let mut folders = places.iter().map(|place| place.join(format!("countersign-dev-{id}")));
    folders.find(|folder| folder.exists())
}

/// The program in a folder, with an empty environment and a closed standard input.
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
