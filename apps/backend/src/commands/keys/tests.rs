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
fn o_55_the_rsa_key_is_created_rotated_and_revoked_like_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let run = |command| run_in(dir.path(), command, false);
    let rsa = Rotate { rsa: true, ..ROTATE };
    run(KeysCommand::Generate(GENERATE)).unwrap();
    let none = run(KeysCommand::Rotate(rsa)).unwrap_err();
    assert!(none.contains("`countersign keys generate --rsa`"), "{none}");
    let made = run(KeysCommand::Generate(Generate { rsa: true })).unwrap();
    assert!(made.starts_with("Created the RSA key "), "{made}");
    let again = run(KeysCommand::Generate(Generate { rsa: true })).unwrap_err();
    assert!(again.contains("`countersign keys rotate --rsa`"), "{again}");

    let table = run(KeysCommand::List).unwrap();
    let kid = table.lines().find(|line| line.contains("RS256")).unwrap();
    let kid = kid.split(' ').next().unwrap().to_owned();
    assert!(made.contains(&kid) && table.contains("ES256"), "{table}");
    let rotate = Rotate { rsa: true, ..ROTATE };
    let rotated = run(KeysCommand::Rotate(rotate)).unwrap();
    assert!(rotated.contains("rotate --rsa --activate"), "{rotated}");
    let revoked = run(KeysCommand::Revoke { kid: kid.clone() }).unwrap();
    assert!(revoked.contains(&kid) && revoked.contains("ID tokens"), "{revoked}");

    let file = |name: &str| KeysCommand::Inspect {
        file: Some(dir.path().join("keys/rsa").join(name)),
    };
    for (name, holds) in [("private.pem", "private key"), ("public.pem", "public key")] {
        let seen = run(file(name)).unwrap();
        assert!(seen.contains(holds) && seen.contains("RS256 (RSA)"), "{seen}");
        let pem = std::fs::read_to_string(dir.path().join("keys/rsa").join(name)).unwrap();
        assert!(pem.lines().all(|line| !seen.contains(line)));
    }
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
