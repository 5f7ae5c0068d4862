//! Tests of the key commands, from arguments to output.

use super::*;
use crate::commands::cli::CommandLine;
use crate::commands::process::Early;

/// Runs a command and returns its output or its error message.
fn run_in(dir: &std::path::Path, command: KeysCommand, json: bool) -> Result<String, String> {
    let database = format!("--database-url=sqlite://{}/db", dir.display());
    let keys = format!("--keys-dir={}/keys", dir.display());
    let format = if json { "--json" } else { "--as=ada" };
    let line = ["countersign", &database, &keys, format].map(Into::into);
    let Ok(line) = CommandLine::read(line) else {
        panic!("the command line is sound");
    };
    let (_, global) = line.into_parts();
    let process = Process::new(Early::default(), global).taking_flags_alone();
    let mut printed = Vec::new();
    let done = run(command, process, &mut Output::to(json, &mut printed));
    done.map(|()| String::from_utf8(printed).unwrap())
        .map_err(|failure| failure.to_string())
}

const GENERATE: Generate = Generate { rsa: false };
const ROTATE: Rotate = Rotate {
    rsa: false,
    activate: false,
    wait: false,
};

#[test]
fn each_change_says_what_happens_next() {
    let dir = tempfile::tempdir().unwrap();
    let run = |command| run_in(dir.path(), command, false);
    assert!(
        run(KeysCommand::Generate(GENERATE))
            .unwrap()
            .starts_with("Created the key ")
    );
    assert!(
        run(KeysCommand::Generate(GENERATE))
            .unwrap_err()
            .contains("`countersign keys rotate`")
    );
    let table = run(KeysCommand::List).unwrap();
    assert!(table.contains("STATE") && table.contains("current"), "{table}");
    let kid = table.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let rotated = run(KeysCommand::Rotate(ROTATE)).unwrap();
    assert!(
        rotated.contains("10m after that") && rotated.contains("rotate --activate"),
        "{rotated}"
    );
    let activated = run(KeysCommand::Rotate(Rotate {
        activate: true,
        ..ROTATE
    }))
    .unwrap_err();
    assert!(activated.contains("no server has published"), "{activated}");
    assert!(
        run(KeysCommand::Retire { kid: kid.clone() })
            .unwrap_err()
            .contains("is in use")
    );
    let revoked = run(KeysCommand::Revoke { kid: kid.clone() }).unwrap();
    assert!(revoked.contains(&kid) && revoked.contains("signs instead"), "{revoked}");
}

#[test]
fn inspecting_shows_no_private_part() {
    let dir = tempfile::tempdir().unwrap();
    let made: serde_json::Value =
        serde_json::from_str(&run_in(dir.path(), KeysCommand::Generate(GENERATE), true).unwrap()).unwrap();
    let seen = run_in(dir.path(), KeysCommand::Inspect { file: None }, false).unwrap();
    assert!(
        seen.contains("private key") && seen.contains(made["kid"].as_str().unwrap()),
        "{seen}"
    );
    let pem = std::fs::read_to_string(dir.path().join("keys/private.pem")).unwrap();
    assert!(pem.lines().all(|line| !seen.contains(line)));
    let missing = run_in(
        dir.path(),
        KeysCommand::Inspect {
            file: Some("no.pem".into()),
        },
        false,
    )
    .unwrap_err();
    assert!(missing.contains("file not found: no.pem"), "{missing}");
}
