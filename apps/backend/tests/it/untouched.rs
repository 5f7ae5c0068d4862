//! A command that does not apply to a file leaves it unchanged, byte for byte, and creates no other files.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use countersign_store::{DatabaseOptions, Db, Role, Sql, query};
use countersign_testkit::{Database, ScratchDatabase, apply, on_both_databases};
use rustix::process::{Pid, Signal, kill_process};

use crate::empty_folder::command_lines;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// Every file of a folder and its subfolders.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.insert(format!("{name}/"), Vec::new());
            found.extend(
                contents(&path)
                    .into_iter()
                    .map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)),
            );
        } else {
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

fn names(files: &BTreeMap<String, Vec<u8>>) -> Vec<&str> {
    files.keys().map(String::as_str).collect()
}

fn command(folder: &Path, url: &str, line: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(folder).args(line);
    command.env("COUNTERSIGN_DATABASE_URL", url).stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Not among the statements of this program, which has no such table.
static MAKE: Sql = Sql::new(
    "CREATE TABLE recipes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)",
    "",
    file!(),
);
static FILL: Sql = Sql::new(
    "INSERT INTO recipes (id, text) VALUES (1, 'flour, water, salt')",
    "",
    file!(),
);

/// A database of another program.
async fn another_programs(file: &Path) -> Db {
    let url = format!("sqlite://{}", file.display());
    let db = Db::open(&DatabaseOptions::new(url, Role::Admin)).await.unwrap();
    query(&MAKE).execute(&db).await.unwrap();
    query(&FILL).execute(&db).await.unwrap();
    db
}

/// SQLite, "Database File Format", 1.3.3: 1 is a rollback journal, 2 a write-ahead log.
fn set_journal_mode(file: &Path, mode: u8) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[18..20].fill(mode);
    std::fs::write(file, bytes).unwrap();
}

/// Every command that could be run on a foreign file, including those that may create a database.
#[tokio::test]
async fn a_file_of_another_program_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("no.db"), "Dear diary, today I wrote no database at all.").unwrap();
    another_programs(&folder.join("closed.db")).await.close().await.unwrap();
    another_programs(&folder.join("rollback.db"))
        .await
        .close()
        .await
        .unwrap();
    set_journal_mode(&folder.join("rollback.db"), 1);
    // As after a crash: the rows are only in its log.
    let open = another_programs(&folder.join("open.db")).await;
    for ending in ["", "-wal"] {
        std::fs::copy(
            folder.join(format!("open.db{ending}")),
            folder.join(format!("crashed.db{ending}")),
        )
        .unwrap();
    }
    open.close().await.unwrap();
    std::fs::remove_file(folder.join("open.db")).unwrap();
    // A backup to restore, created elsewhere.
    let elsewhere = tempfile::tempdir().unwrap();
    for line in [&["users", "invite", "ada@example.com"][..], &["backup", "b.gz"]] {
        let output = command(elsewhere.path(), "sqlite://ours.db", line).output().unwrap();
        assert!(output.status.success(), "{line:?}: {}", said(&output));
    }
    std::fs::copy(elsewhere.path().join("b.gz"), folder.join("file")).unwrap();
    std::fs::copy(elsewhere.path().join("ours.db"), folder.join("from.db")).unwrap();

    let before = contents(folder);
    let mut lines: Vec<Vec<String>> = command_lines().into_iter().map(|(_, line)| line).collect();
    lines.push(vec!["serve".into(), "--listen".into(), "127.0.0.1:0".into()]);
    let mut wrong = Vec::new();
    for file in ["no.db", "closed.db", "rollback.db", "crashed.db"] {
        for line in &lines {
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            // `serve` without arguments would use the default port; the others need no database.
            if matches!(
                line[..],
                ["serve"]
                    | ["dev" | "openapi" | "settings" | "errors" | "completions" | "health", ..]
                    | ["keys" | "token", "inspect", ..]
                    | ["audit", "kinds", ..]
            ) {
                continue;
            }
            let url = format!("sqlite://{file}");
            let line: Vec<&str> = line
                .into_iter()
                .map(|word| if word == "sqlite://to.db" { &*url } else { word })
                .collect();
            let output = command(folder, &url, &line).output().unwrap();
            if output.status.success() {
                wrong.push(format!("{file}: {line:?} succeeded: {}", said(&output)));
            }
            let now = contents(folder);
            if now != before {
                let changed: Vec<_> = now
                    .iter()
                    .filter(|(name, bytes)| before.get(*name) != Some(bytes))
                    .map(|(name, _)| name)
                    .collect();
                wrong.push(format!("{file}: {line:?} changed {changed:?}; {}", said(&output)));
                for name in names(&now).into_iter().filter(|name| !before.contains_key(*name)) {
                    let path = folder.join(name);
                    let _ = if name.ends_with('/') {
                        std::fs::remove_dir_all(path)
                    } else {
                        std::fs::remove_file(path)
                    };
                }
                for (name, bytes) in &before {
                    std::fs::write(folder.join(name), bytes).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
    let output = command(folder, "sqlite://closed.db", &["users", "list"])
        .output()
        .unwrap();
    assert!(
        said(&output).contains("is not a Countersign database"),
        "{}",
        said(&output)
    );
}

/// Our own file, which another program has switched to a rollback journal: commands that only read read it unchanged.
#[tokio::test]
async fn reading_does_not_switch_the_journal_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |line: &[&str]| command(folder, "sqlite://ours.db", line).output().unwrap();
    let invited = run(&["users", "invite", "ada@example.com"]);
    assert!(invited.status.success(), "{}", said(&invited));
    set_journal_mode(&folder.join("ours.db"), 1);
    let before = contents(folder);
    for line in [
        &["users", "list"][..],
        &["users", "show", "ada@example.com"],
        &["sessions", "list", "ada@example.com"],
        &["mail", "list"],
        &["audit", "list"],
        &["audit", "verify"],
        &["audit", "export", "-"],
        &["keys", "list"],
        &["doctor"],
        &["backup", "b.gz"],
    ] {
        let output = run(line);
        // The doctor reports the problem.
        assert!(
            output.status.success() || line == ["doctor"],
            "{line:?}: {}",
            said(&output)
        );
        let mut now = contents(folder);
        assert_eq!(now.remove("b.gz").is_some(), line[0] == "backup");
        assert!(now == before, "{line:?} changed {:?}", names(&now));
    }
    assert!(said(&run(&["doctor"])).contains("disabled its write-ahead log"));
    // A command that writes switches it back.
    let disabled = run(&["users", "disable", "ada@example.com"]);
    assert!(disabled.status.success(), "{}", said(&disabled));
    assert_eq!(std::fs::read(folder.join("ours.db")).unwrap()[18..20], [2, 2]);
    // Commands that only read leave no file behind there either.
    let before = contents(folder);
    assert!(run(&["users", "list"]).status.success());
    assert!(contents(folder) == before, "{:?}", names(&contents(folder)));
}

fn with_input(mut command: Command, input: &str) -> Output {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Arguments are checked before anything is created.
#[apply(on_both_databases!)]
async fn what_cannot_be_done_makes_no_installation(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let folder = scratch.folder();
    let file = folder.join("in-the-way");
    std::fs::write(&file, "a file").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let broken = folder.join("broken-keys");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("private.pem"), "no key").unwrap();
    let certificate = folder.join("no-certificate.pem");
    let before = contents(&folder);
    let in_the_way = file.to_str().unwrap();
    let broken = broken.to_str().unwrap();
    let create = ["users", "create", "--password-stdin"];
    let mut cases: Vec<Case<'_>> = Vec::new();
    for address in [
        "notanaddress",
        "a@127.0.0.1",
        "",
        "a@",
        "\u{fb01}@example.com",
        "ada@example",
    ] {
        cases.push((
            [&create[..], &["--", address]].concat(),
            "a long umbrella stand\n",
            vec![],
        ));
        cases.push((vec!["users", "invite", "--", address], "", vec![]));
    }
    for password in ["", "\n", "short\n", "ada@example.com\n"] {
        cases.push(([&create[..], &["ada@example.com"]].concat(), password, vec![]));
    }
    // There is no terminal to prompt on.
    cases.push((vec!["users", "create", "ada@example.com"], "", vec![]));
    for line in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["users", "invite", "ada@example.com"],
        &["keys", "generate"],
    ] {
        for setting in [
            ("COUNTERSIGN_KEYS_DIR", in_the_way),
            ("COUNTERSIGN_KEYS_DIR", broken),
            ("COUNTERSIGN_TOKENS__ACCESS_TTL", "nonsense"),
        ] {
            cases.push((line.to_vec(), "", vec![setting]));
        }
    }
    for setting in [
        ("COUNTERSIGN_METRICS_LISTEN", &*taken),
        ("COUNTERSIGN_LISTEN", &*taken),
        ("COUNTERSIGN_REDIS_URL", "redis://[::1"),
        ("COUNTERSIGN_MAIL__SMTP_URL", "smtp://no host"),
    ] {
        let listen = ("COUNTERSIGN_LISTEN", "127.0.0.1:0");
        cases.push((
            vec!["serve"],
            "",
            if setting.0 == listen.0 {
                vec![setting]
            } else {
                vec![listen, setting]
            },
        ));
    }
    cases.push((vec!["restore", in_the_way], "", vec![]));
    cases.push((vec!["restore", certificate.to_str().unwrap()], "", vec![]));
    let mut wrong = Vec::new();
    for (line, input, settings) in cases {
        let mut asked = command(&folder, &scratch.url, &line);
        asked.envs(settings.iter().copied());
        let output = with_input(asked, input);
        if output.status.success() || said(&output).is_empty() {
            wrong.push(format!(
                "{line:?} {settings:?} ended with {}: {}",
                output.status,
                said(&output)
            ));
        }
        let now = contents(&folder);
        let is_made = now != before || holds_tables(&scratch).await;
        if is_made {
            panic!(
                "{line:?} {input:?} {settings:?} made something: {:?}; {}; {wrong:#?}",
                names(&now),
                said(&output)
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A command line, its input, and its settings.
type Case<'c> = (Vec<&'c str>, &'c str, Vec<(&'c str, &'c str)>);

async fn holds_tables(scratch: &ScratchDatabase) -> bool {
    if scratch.url.starts_with("sqlite://") {
        return false;
    }
    let db = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    let blank = db.is_blank().await.unwrap();
    db.close().await.unwrap();
    !blank
}

/// From the very beginning: the signal arrives while it waits for its settings, which come through a pipe.
#[test]
fn signals_that_are_ignored_are_so_before_the_settings_are_read() {
    use std::io::{BufRead, BufReader, Write};
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("settings.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut server = Command::new(BINARY);
    let server = server.args(["serve", "--listen", "127.0.0.1:0", "--config", "settings.toml"]);
    let server = server.env_clear().env("COUNTERSIGN_LOG__FORMAT", "json");
    let mut server = server
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The process is running once it reads what is written here.
    let mut settings = std::fs::File::options().write(true).open(&pipe).unwrap();
    let id = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2, Signal::XFSZ, Signal::HUP] {
        kill_process(id, signal).unwrap();
    }
    settings.write_all(b"issuer = \"http://127.0.0.1:8000\"\n").unwrap();
    drop(settings);
    let mut lines = BufReader::new(server.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let listens = lines.find(|line| line.contains("listening"));
    kill_process(id, Signal::TERM).unwrap();
    drop(lines);
    let ended = server.wait().unwrap();
    assert!(listens.is_some() && ended.success(), "{ended}");
}

/// A command exits when its terminal is closed, like any other.
#[test]
fn commands_other_than_serve_end_at_a_hangup() {
    use std::os::unix::process::ExitStatusExt;
    for line in [&["users", "list"][..], &["keys", "rotate", "--wait"], &["settings"]] {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("settings.toml");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut asked = Command::new(BINARY);
        let asked = asked.args(line).args(["--config", "settings.toml"]).env_clear();
        let mut asked = asked
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let settings = std::fs::File::options().write(true).open(&pipe).unwrap();
        let id = Pid::from_raw(i32::try_from(asked.id()).unwrap()).unwrap();
        kill_process(id, Signal::HUP).unwrap();
        let ended = asked.wait().unwrap();
        assert_eq!(ended.signal(), Some(Signal::HUP.as_raw()), "{line:?}: {ended}");
        drop(settings);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_what_belongs_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let lines: [&[&str]; 6] = [
        &["keys", "inspect", "nope"],
        &["audit", "verify", "--export", "nope", "--public-key", "nope"],
        &["audit", "verify", "--export", "nope", "--jwks", "nope"],
        &["restore", "nope"],
        &["migrate-database", "--from", "@nope", "--to", "sqlite://other.db"],
        &["migrate-database", "--from", "sqlite://other.db", "--to", "@nope"],
    ];
    for line in lines {
        let output = command(folder.path(), "sqlite://data.db", line).output().unwrap();
        assert!(!output.status.success(), "{line:?}");
        assert!(
            said(&output).contains("file not found: nope; expected "),
            "{line:?}: {}",
            said(&output)
        );
    }
    for line in [
        &["keys", "inspect", "folder"] as &[&str],
        &["migrate-database", "--from", "@folder", "--to", "sqlite://other.db"],
    ] {
        let output = command(folder.path(), "sqlite://data.db", line).output().unwrap();
        assert!(!output.status.success(), "{line:?}");
        assert!(
            said(&output).contains("cannot read folder: "),
            "{line:?}: {}",
            said(&output)
        );
    }
    assert_eq!(names(&contents(folder.path())), ["folder/"]);
}

#[tokio::test]
async fn a_file_without_tables_is_not_moved_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.db"), "").unwrap();
    let before = contents(folder.path());
    let line = [
        "migrate-database",
        "--from",
        "sqlite://empty.db",
        "--to",
        "sqlite://new.db",
    ];
    let output = command(folder.path(), "sqlite://data.db", &line).output().unwrap();
    assert!(!output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("empty.db contains no tables"),
        "{}",
        said(&output)
    );
    assert_eq!(contents(folder.path()), before);
}
