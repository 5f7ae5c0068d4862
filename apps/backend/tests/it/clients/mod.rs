//! Clients, APIs and consents: registering them, and how clients authenticate themselves.

mod authentication;
mod commands;
mod consents;
mod doctor;
mod file;
mod machines;

use std::process::{Command, Output, Stdio};

use countersign_testkit::ScratchDatabase;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// Runs a command. `countersign.toml` in the folder of the test is read.
fn execute(scratch: &ScratchDatabase, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(scratch.folder()).args(arguments);
    command
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", "https://auth.example.com");
    command.stdin(Stdio::null()).output().unwrap()
}

fn done(scratch: &ScratchDatabase, arguments: &[&str]) -> String {
    let output = execute(scratch, arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(scratch: &ScratchDatabase, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(scratch, &[arguments, &["--json"]].concat())).unwrap()
}

/// The exit code and the standard error of a command that fails.
fn refused(scratch: &ScratchDatabase, arguments: &[&str]) -> (i32, String) {
    let output = execute(scratch, arguments);
    assert!(
        !output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), told)
}

/// The kinds and details of the newest events, oldest first.
fn events(scratch: &ScratchDatabase, count: usize) -> Vec<(String, String)> {
    let listed = json(scratch, &["audit", "list", "--limit", &count.to_string()]);
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entries = listed.as_array().unwrap().iter().rev();
    entries
        .map(|entry| (text(entry, "kind"), text(entry, "detail")))
        .collect()
}
