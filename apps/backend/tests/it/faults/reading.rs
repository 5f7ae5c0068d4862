//! Commands that only read work where nothing can be written: on a hot standby, with a role that has only SELECT, and
//! on a read-only SQLite file.

use std::process::{Command, Output};

use countersign_store::{DatabaseOptions, Db, Role};
use countersign_testkit::{Database, Launch, ScratchDatabase};

use super::writes::{Postgres, as_role, run};
use super::{BINARY, sign_up};

/// Every command that only reads, and what it prints with the account of ada.
const READING: [(&[&str], &str); 12] = [
    (&["users", "list"], "ada@example.com"),
    (&["users", "show", "ada@example.com"], "ada@example.com"),
    (&["sessions", "list", "ada@example.com"], "127.0.0.1"),
    (&["mail", "list"], "PURPOSE"),
    (&["audit", "list"], "account.registered"),
    (&["audit", "verify"], "intact"),
    (&["audit", "export", "-"], "countersign-audit-1"),
    (&["keys", "list"], "current"),
    (&["keys", "inspect"], "ES256"),
    (&["health"], ""),
    (&["settings"], "database_url"),
    (&["token", "verify"], "verified"),
];

fn command(scratch: &ScratchDatabase, line: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(line).env_clear().current_dir(scratch.folder());
    command
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000");
    command
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn all_read(scratch: &ScratchDatabase, token: &str, place: &str) {
    let mut failed = Vec::new();
    for (line, word) in READING {
        if line == ["health"] {
            continue;
        }
        let line = match line {
            ["token", "verify"] => [line, &[token]].concat(),
            _ => line.to_vec(),
        };
        let output = command(scratch, &line).output().unwrap();
        let said = said(&output);
        if !output.status.success() || !said.contains(word) {
            failed.push(format!("{place}: {line:?} {}: {said}", output.status));
        }
    }
    // A backup is complete, whether or not it can be recorded in the log.
    let file = format!("{place}.gz");
    let output = command(scratch, &["backup", &file]).output().unwrap();
    let told = said(&output);
    if !output.status.success() || !told.contains("1 accounts") || !told.contains("audit log") {
        failed.push(format!("{place}: backup {}: {told}", output.status));
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Commands that change something fail there and say why.
fn none_writes(scratch: &ScratchDatabase, place: &str) {
    for line in [
        &["users", "disable", "ada@example.com"][..],
        &["sessions", "revoke", "--all", "ada@example.com"],
        &["users", "grant", "ada@example.com", "admin"],
    ] {
        let output = command(scratch, line).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{place}: {line:?} {}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_read_only_commands_work_on_a_hot_standby() {
    let mut scratch = ScratchDatabase::create(Database::Sqlite).await;
    let mut postgres = Postgres::make();
    postgres.start();
    scratch.url = postgres.url();
    let server = Launch::new(BINARY, &scratch).start().await;
    let ada = sign_up(&server.client(), "ada").await;
    assert!(server.terminate().success());
    let token = ada["access_token"].as_str().unwrap();
    postgres.start_as_standby();
    all_read(&scratch, token, "standby");
    none_writes(&scratch, "standby");
    let doctor = said(&command(&scratch, &["doctor"]).output().unwrap());
    assert!(
        doctor.contains("it does not accept writes") && doctor.contains("it is up to date"),
        "{doctor}"
    );
    // A database can also be moved from a standby.
    let to = scratch.folder().join("moved.db");
    let to = format!("sqlite://{}", to.display());
    let line = ["migrate-database", "--from", &scratch.url.clone(), "--to", &to];
    let moved = command(&scratch, &line).output().unwrap();
    assert!(moved.status.success(), "{}", said(&moved));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_read_only_commands_need_only_select() {
    let mut scratch = ScratchDatabase::create(Database::Postgres).await;
    let owner = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    let server = Launch::new(BINARY, &scratch).start().await;
    let ada = sign_up(&server.client(), "ada").await;
    assert!(server.terminate().success());
    let token = ada["access_token"].as_str().unwrap();
    let schema = scratch.url.rsplit("%3D").next().unwrap().to_owned();
    let role = schema.replace("test_", "reader_");
    run(
        &owner,
        &format!(
            "CREATE ROLE {role} LOGIN;GRANT USAGE ON SCHEMA {schema} TO {role};\
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"
        ),
    )
    .await;
    scratch.url = as_role(&scratch.url, &role);
    all_read(&scratch, token, "select");
    none_writes(&scratch, "select");
    run(&owner, &format!("DROP OWNED BY {role};DROP ROLE {role}")).await;
    owner.close().await.unwrap();
}

/// The user who runs the programs of this test, because file permissions do not apply to root.
const NOBODY: &str = "65534";

fn unprivileged(scratch: &ScratchDatabase, program: &str) -> Vec<String> {
    if !rustix::process::geteuid().is_root() {
        return vec![program.to_owned()];
    }
    let owned = Command::new("chown")
        .args(["-R", NOBODY])
        .arg(scratch.folder())
        .status();
    assert!(owned.unwrap().success());
    let words = [
        "setpriv",
        "--reuid",
        NOBODY,
        "--clear-groups",
        "--no-new-privs",
        "--",
        program,
    ];
    words.map(str::to_owned).to_vec()
}

fn set_modes(scratch: &ScratchDatabase, file: u32, folder: u32) {
    use std::os::unix::fs::PermissionsExt;
    let database = scratch.url.strip_prefix("sqlite://").unwrap();
    for (path, mode) in [(database.into(), file), (scratch.folder(), folder)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// The SQLite counterpart of revoked privileges: a file or folder that the server's user may not write any more. A
/// running server has them open and continues; none starts on them, and the doctor reports it in advance. Commands that
/// only read work.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_the_doctor_reports_an_unwritable_sqlite_file_which_can_still_be_read() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let mut launch = Launch::new(BINARY, &scratch);
    launch.command = unprivileged(&scratch, BINARY);
    let server = launch.start().await;
    let client = server.client();
    let ada = sign_up(&client, "ada").await;
    let token = ada["access_token"].as_str().unwrap();
    let run = |line: &[&str]| {
        let words = unprivileged(&scratch, BINARY);
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(line)
            .env_clear()
            .current_dir(scratch.folder());
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("COUNTERSIGN_DATABASE_URL", &scratch.url);
        command
            .env("COUNTERSIGN_KEYS_DIR", "keys")
            .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000");
        command.output().unwrap()
    };
    for (file, folder) in [(0o400, 0o700), (0o400, 0o500)] {
        set_modes(&scratch, file, folder);
        super::get(&client, "/readyz").await.assert_status(200);
        super::sign_in(&client, "ada").await;
        let doctor = said(&run(&["doctor"]));
        assert!(doctor.contains("may not write to it"), "{file:o} {folder:o}: {doctor}");
        for (line, word) in READING {
            if !matches!(line, ["users" | "sessions" | "audit" | "mail" | "keys", ..]) {
                continue;
            }
            let output = run(line);
            assert!(
                output.status.success() && said(&output).contains(word),
                "{file:o} {folder:o} {line:?}: {}",
                said(&output)
            );
        }
    }
    set_modes(&scratch, 0o600, 0o700);
    assert!(server.terminate().success());
    for (file, folder, why) in [
        (0o400, 0o700, "Permission denied"),
        (0o600, 0o500, "must be able to write to its folder"),
        (0o400, 0o500, "Permission denied"),
    ] {
        set_modes(&scratch, file, folder);
        let refusal = launch.refused().await;
        assert_ne!(refusal.exit_code, Some(0));
        println!("{file:o} {folder:o}: {}", refusal.text);
        assert!(refusal.text.contains(why), "{file:o} {folder:o}: {}", refusal.text);
        let doctor = run(&["doctor"]);
        assert!(!doctor.status.success(), "{file:o} {folder:o}: {}", said(&doctor));
        println!("{}", said(&doctor));
        for (line, word) in READING {
            let line = match line {
                ["health"] => continue,
                ["token", "verify"] => [line, &[token]].concat(),
                _ => line.to_vec(),
            };
            let output = run(&line);
            assert!(
                output.status.success() && said(&output).contains(word),
                "{file:o} {folder:o} {line:?}: {}",
                said(&output)
            );
        }
        let disabled = run(&["users", "disable", "ada@example.com"]);
        assert_eq!(
            disabled.status.code(),
            Some(1),
            "{file:o} {folder:o}: {}",
            said(&disabled)
        );
    }
    set_modes(&scratch, 0o600, 0o700);
    let server = launch.start().await;
    super::sign_in(&server.client(), "ada").await;
}
