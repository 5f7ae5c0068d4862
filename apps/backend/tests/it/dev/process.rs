//! The process: what it reads and refuses, and that it leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use axum::http::Method;
use countersign_testkit::{HttpClient, PASSWORD};
use serde_json::{Value, json};

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

#[tokio::test]
async fn in_a_local_network_its_issuer_is_its_address_there() {
    let Some(own) = own_address() else {
        return eprintln!("skipped: this machine is in no network");
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let listen = format!("{own}:0");
    // It also ends if this test fails.
    let mut command = program(
        elsewhere.path(),
        &["dev", "--lan", "--listen", &listen, "--until-stdin-closes"],
    );
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut banner = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !banner.contains("/dev/sessions/") {
        banner = banner + &lines.next().expect("the banner ends").unwrap() + "\n";
    }
    assert!(
        banner.contains("WARNING: Countersign for tests, OPEN TO YOUR LOCAL NETWORK"),
        "{banner}"
    );
    let issuer = banner
        .lines()
        .find_map(|line| line.trim().strip_prefix("issuer"))
        .unwrap()
        .trim()
        .to_owned();
    let port = issuer.strip_prefix(&format!("http://{own}:")).unwrap();
    assert!(banner.contains(&format!("curl -sS {issuer}/dev/tokens")), "{banner}");

    // Loopback is not listened on: the machine has one address here, and it is the issuer's.
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
    let client = HttpClient::of(&issuer);
    let send = async |path: &str, body: Value| client.send((Method::POST, path), Some(&body), "").await.unwrap();
    let credentials = json!({ "email": "ada@example.com", "password": PASSWORD });
    let signed_in = send("/api/auth/login", credentials).await.assert_status(200).json();
    let token = signed_in["access_token"].as_str().unwrap();
    let claims = countersign_jose::decode_without_verifying(token).unwrap().claims;
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer), &json!(issuer)));
    let found = client
        .send((Method::GET, "/.well-known/oauth-authorization-server"), None, "")
        .await
        .unwrap();
    assert_eq!(found.assert_status(200).json()["issuer"], issuer);
    // From this machine. `features/operations/dev/router.rs` has the test that others are refused.
    send("/dev/tokens", json!({ "user": "ada@example.com" }))
        .await
        .assert_status(200);

    signal(child.id(), "-TERM");
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        log.contains("anyone on the local network can reach this server"),
        "{log}"
    );
}

#[test]
fn in_a_local_network_its_address_is_one_of_the_network() {
    let folder = tempfile::tempdir().unwrap();
    for listen in [
        "127.0.0.1:0",
        "0.0.0.0:0",
        "[::]:0",
        "[::ffff:127.0.0.1]:0",
        "laptop.local:8000",
    ] {
        let output = run(folder.path(), &["dev", "--lan", "--listen", listen]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{listen}: {errors}");
        assert!(
            errors.contains("with --lan, use this machine's IP address on its local network"),
            "{errors}"
        );
        assert!(output.stdout.is_empty());
    }
    let output = run(folder.path(), &["dev", "--lan", "--issuer", "http://localhost:8000"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(2) && errors.contains("cannot be used with '--lan'"),
        "{errors}"
    );
    // Without the flag, the error names it.
    let output = run(folder.path(), &["dev", "--listen", "192.0.2.1:8000"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("add --lan"));
    // Nothing else opens a server to a network without TLS.
    let output = run(folder.path(), &["serve", "--lan"]);
    assert_eq!(output.status.code(), Some(2));
}

/// The address of this machine that others reach, if there is one.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then_some(address)
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
