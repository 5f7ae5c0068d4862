//! Files with several names at the program's own entry points: the database, its backups, and moves.

use std::fs::{hard_link, rename};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign_testkit::{Database, HttpClient, Launch, PASSWORD, ScratchDatabase};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

fn path_of(scratch: &ScratchDatabase) -> PathBuf {
    scratch.folder().join("test.db")
}

/// The same installation, with its database under another name.
fn named<'a>(scratch: &'a ScratchDatabase, path: &Path) -> Launch<'a> {
    Launch::new(BINARY, scratch).with("COUNTERSIGN_DATABASE_URL", format!("sqlite://{}", path.display()))
}

fn execute(scratch: &ScratchDatabase, path: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env_clear()
        .current_dir(scratch.folder())
        .env("COUNTERSIGN_DATABASE_URL", format!("sqlite://{}", path.display()))
        .env("COUNTERSIGN_KEYS_DIR", "keys");
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn sign_up(client: &HttpClient, name: &str) {
    let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
    client
        .post("/api/auth/register", &account)
        .await
        .unwrap()
        .assert_status(201);
}

async fn is_known(client: &HttpClient, name: &str) {
    let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
    client
        .post("/api/auth/login", &account)
        .await
        .unwrap()
        .assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_symbolic_links_is_served_and_survives_a_crash() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let at = |name: &str| scratch.folder().join(name);
    std::fs::create_dir(at("volume")).unwrap();
    symlink("volume", at("current")).unwrap();
    symlink("current/auth.db", at("link.db")).unwrap();
    let server = named(&scratch, &at("link.db")).start().await;
    for index in 0..10 {
        sign_up(&server.client(), &format!("user{index}")).await;
    }
    for other in [at("volume/auth.db"), at("current/auth.db"), PathBuf::from("link.db")] {
        let refusal = named(&scratch, &other).refused().await;
        assert_eq!(refusal.exit_code, Some(1), "{refusal:?}");
        let holder = format!("process {}", server.id());
        assert!(refusal.text.contains(&holder), "{}", refusal.text);
    }
    server.kill();
    let server = named(&scratch, &at("volume/auth.db")).start().await;
    for index in 0..10 {
        is_known(&server.client(), &format!("user{index}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_two_names_has_no_second_server_and_no_command() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let (one, two) = (path_of(&scratch), scratch.folder().join("two.db"));
    let server = Launch::new(BINARY, &scratch).start().await;
    sign_up(&server.client(), "ada").await;
    hard_link(&one, &two).unwrap();
    for name in [&one, &two] {
        let refusal = named(&scratch, name).refused().await;
        assert_eq!(refusal.exit_code, Some(1), "{refusal:?}");
        assert!(
            refusal.text.contains("2 hard links") || refusal.text.contains("another server"),
            "{}",
            refusal.text
        );
        for arguments in [&["users", "list"][..], &["migrate"], &["backup", "x.gz"], &["doctor"]] {
            let output = execute(&scratch, name, arguments);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
            assert!(
                said(&output).contains("2 hard links"),
                "{arguments:?}: {}",
                said(&output)
            );
        }
    }
    // Everything acknowledged is there, whatever happened to the names.
    for index in 0..5 {
        sign_up(&server.client(), &format!("user{index}")).await;
    }
    server.kill();
    std::fs::remove_file(&two).unwrap();
    let server = Launch::new(BINARY, &scratch).start().await;
    for name in ["ada", "user0", "user4"] {
        is_known(&server.client(), name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_renamed_under_a_server_has_no_second_one() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let (before, after) = (path_of(&scratch), scratch.folder().join("after.db"));
    let server = Launch::new(BINARY, &scratch).start().await;
    sign_up(&server.client(), "ada").await;
    rename(&before, &after).unwrap();
    let refusal = named(&scratch, &after).refused().await;
    assert!(refusal.text.contains("under another name"), "{}", refusal.text);
    for arguments in [&["users", "list"][..], &["backup", "x.gz"], &["doctor"]] {
        let output = execute(&scratch, &after, arguments);
        assert!(
            said(&output).contains("under another name"),
            "{arguments:?}: {}",
            said(&output)
        );
        assert_eq!(output.status.code(), Some(1));
    }
    sign_up(&server.client(), "eve").await;
    rename(&after, &before).unwrap();
    server.kill();
    let server = Launch::new(BINARY, &scratch).start().await;
    for name in ["ada", "eve"] {
        is_known(&server.client(), name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_does_not_touch_the_database_through_any_name() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let path = path_of(&scratch);
    let server = Launch::new(BINARY, &scratch).start().await;
    sign_up(&server.client(), "ada").await;
    assert!(server.terminate().success());
    let whole = std::fs::read(&path).unwrap();

    // A link in the place of the file that is being written.
    symlink(&path, scratch.folder().join("good.gz.partial")).unwrap();
    let output = execute(&scratch, &path, &["backup", "good.gz"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(
        std::fs::read(&path).unwrap()[..16],
        whole[..16],
        "the database was written over"
    );

    symlink("test.db", scratch.folder().join("link.gz")).unwrap();
    symlink("nowhere.gz", scratch.folder().join("dangling.gz")).unwrap();
    for taken in [
        "test.db",
        "link.gz",
        "dangling.gz",
        "good.gz",
        "test.db-wal",
        "./test.db-journal",
        "test.db-lock",
    ] {
        let output = execute(&scratch, &path, &["backup", taken]);
        assert_eq!(output.status.code(), Some(1), "{taken}: {}", said(&output));
    }
    assert!(!scratch.folder().join("nowhere.gz").exists());
    // No incomplete file remains.
    let left = std::fs::read_dir(scratch.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().ends_with(".partial"))
        .collect();
    assert_eq!(left, ["good.gz.partial"]);

    let output = execute(&scratch, &path, &["audit", "export", "test.db-lock"]);
    assert!(
        said(&output).contains("is used by the database itself"),
        "{}",
        said(&output)
    );
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_AUDIT__CHECKPOINT_FILE", "link.gz");
    let refusal = launch.refused().await;
    assert_eq!(refusal.exit_code, Some(78), "{refusal:?}");
    assert!(refusal.text.contains("audit.checkpoint_file"), "{}", refusal.text);

    let from = format!("sqlite://{}", path.display());
    symlink("test.db", scratch.folder().join("same.db")).unwrap();
    let output = execute(
        &scratch,
        &path,
        &["migrate-database", "--from", &from, "--to", "sqlite://same.db"],
    );
    assert!(
        said(&output).contains("--from and --to are the same database"),
        "{}",
        said(&output)
    );

    // A restore through a dangling link creates the link's target.
    symlink("restored.db", scratch.folder().join("promised.db")).unwrap();
    let output = execute(&scratch, Path::new("promised.db"), &["restore", "good.gz"]);
    assert!(output.status.success(), "{}", said(&output));
    let server = named(&scratch, &scratch.folder().join("restored.db")).start().await;
    is_known(&server.client(), "ada").await;
}
