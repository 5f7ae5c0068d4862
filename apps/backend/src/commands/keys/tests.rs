//! Commands on the keys of a folder, from their arguments to what is printed.

use countersign_store::Role;

use super::*;
use crate::installation::Opening;
use crate::settings::{SettingsFile, Sources};

/// Runs a command and gives what it printed, or the sentence with which it failed.
async fn run_in(dir: &std::path::Path, command: Keys, json: bool) -> Result<String, String> {
    let text = format!(
        "database_url = \"sqlite://{0}/db\"\nkeys_dir = \"{0}/keys\"\n",
        dir.display()
    );
    let file = SettingsFile {
        path: "countersign.toml".into(),
        text: Ok(text),
    };
    let Ok(loaded) = Settings::load(&Sources {
        file: Some(file),
        ..Sources::default()
    }) else {
        panic!("the settings are sound");
    };
    let mut printed = Vec::new();
    let access = Access {
        role: Role::Admin,
        opening: Opening::OrCreate,
        operator: None,
    };
    let done = run(
        command,
        (&loaded.settings, &access),
        &mut Output::to(json, &mut printed),
    )
    .await;
    done.map(|()| String::from_utf8(printed).unwrap())
        .map_err(|failure| failure.to_string())
}

const ROTATE: Rotate = Rotate {
    activate: false,
    wait: false,
};

#[tokio::test]
async fn each_change_says_what_happens_next() {
    let dir = tempfile::tempdir().unwrap();
    let run = |command| run_in(dir.path(), command, false);
    assert!(run(Keys::Generate).await.unwrap().starts_with("Made the key "));
    assert!(
        run(Keys::Generate)
            .await
            .unwrap_err()
            .contains("`countersign keys rotate`")
    );
    let table = run(Keys::List).await.unwrap();
    assert!(table.contains("STATE") && table.contains("current"), "{table}");
    let kid = table.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let rotated = run(Keys::Rotate(ROTATE)).await.unwrap();
    assert!(
        rotated.contains("10m after that") && rotated.contains("rotate --activate"),
        "{rotated}"
    );
    let activated = run(Keys::Rotate(Rotate {
        activate: true,
        ..ROTATE
    }))
    .await
    .unwrap_err();
    assert!(activated.contains("no server has published"), "{activated}");
    assert!(
        run(Keys::Retire { kid: kid.clone() })
            .await
            .unwrap_err()
            .contains("is in use")
    );
    let revoked = run(Keys::Revoke { kid: kid.clone() }).await.unwrap();
    assert!(
        revoked.contains(&kid) && revoked.contains("signs in its place"),
        "{revoked}"
    );
}

#[tokio::test]
async fn inspecting_shows_no_private_part() {
    let dir = tempfile::tempdir().unwrap();
    let made: serde_json::Value =
        serde_json::from_str(&run_in(dir.path(), Keys::Generate, true).await.unwrap()).unwrap();
    let seen = run_in(dir.path(), Keys::Inspect { file: None }, false).await.unwrap();
    assert!(
        seen.contains("private key") && seen.contains(made["kid"].as_str().unwrap()),
        "{seen}"
    );
    let pem = std::fs::read_to_string(dir.path().join("keys/private.pem")).unwrap();
    assert!(pem.lines().all(|line| !seen.contains(line)));
    let missing = run_in(
        dir.path(),
        Keys::Inspect {
            file: Some("no.pem".into()),
        },
        false,
    )
    .await
    .unwrap_err();
    assert!(missing.contains("there is no file no.pem"), "{missing}");
}
