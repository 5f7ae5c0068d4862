//! Without an installation, a command that only reads creates nothing: it fails and says what to do.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory;
use countersign::commands::cli::CommandLine;
use countersign_store::{DatabaseOptions, Db, Role};
use countersign_testkit::{Database, ScratchDatabase, apply, on_both_databases};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// The commands that may create a database, a folder or a key. `restore` may too, but not from a missing file.
const MAY_CREATE: [&str; 8] = [
    "serve",
    "dev",
    "migrate",
    "users create",
    "users invite",
    "apis create",
    "clients create",
    "keys generate",
];

/// The commands that need no installation.
const NEED_NONE: [&str; 5] = ["openapi", "settings", "errors", "completions", "audit kinds"];

/// All command lines of the program that do something: each command with its required arguments, and mutually exclusive
/// arguments one at a time.
pub(crate) fn command_lines() -> Vec<(String, Vec<String>)> {
    let mut lines = Vec::new();
    visit(&CommandLine::command(), &[], &mut lines);
    lines
}

fn visit(command: &clap::Command, path: &[&str], lines: &mut Vec<(String, Vec<String>)>) {
    if command.has_subcommands() {
        for inner in command.get_subcommands() {
            visit(inner, &[path, &[inner.get_name()]].concat(), lines);
        }
        return;
    }
    let required = command.get_arguments().filter(|argument| argument.is_required_set());
    let mut line: Vec<String> = path.iter().map(|&word| word.to_owned()).collect();
    line.extend(required.flat_map(typed));
    let group = command.get_groups().find(|group| group.is_required_set());
    let name = path.join(" ");
    match group {
        None => lines.push((name, line)),
        Some(group) => lines.extend(group.get_args().map(|id| {
            let argument = command
                .get_arguments()
                .find(|argument| argument.get_id() == id)
                .unwrap();
            (name.clone(), [line.clone(), typed(argument)].concat())
        })),
    }
}

/// An argument with a value in the right format.
fn typed(argument: &clap::Arg) -> Vec<String> {
    let possible = argument.get_possible_values();
    let value = match (argument.get_id().as_str(), possible.first()) {
        (_, Some(value)) if argument.get_action().takes_values() => value.get_name().to_owned(),
        ("email" | "all", _) => "ada@example.com".to_owned(),
        ("id", _) => "0198c5a0-7e1c-7000-8000-000000000000".to_owned(),
        ("metadata", _) => "{}".to_owned(),
        ("from", _) => "sqlite://from.db".to_owned(),
        ("to", _) => "sqlite://to.db".to_owned(),
        (id, _) => id.to_owned(),
    };
    let flag = argument.get_long().map(|long| format!("--{long}"));
    let value = argument.get_action().takes_values().then_some(value);
    flag.into_iter().chain(value).collect()
}

fn execute(scratch: &ScratchDatabase, line: &[String]) -> Output {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(scratch.folder()).args(line);
    command.env("COUNTERSIGN_DATABASE_URL", &scratch.url);
    // On the default port, `health` may find a server that runs on this machine.
    command.env("COUNTERSIGN_LISTEN", "127.0.0.1:1");
    command.stdin(Stdio::null()).output().unwrap()
}

/// The content of a folder.
fn contents(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// Whether the database has a table; `None` if a SQLite file does not exist.
async fn holds_tables(scratch: &ScratchDatabase) -> bool {
    if let Some(path) = scratch.url.strip_prefix("sqlite://")
        && !Path::new(path).exists()
    {
        return false;
    }
    let db = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    let blank = db.is_blank().await.unwrap();
    db.close().await.unwrap();
    !blank
}

#[apply(on_both_databases!)]
async fn what_only_reads_makes_nothing_and_fails(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let before = contents(&scratch.folder());
    let lines = command_lines();
    assert!(lines.len() > 30, "{lines:?}");
    let mut wrong = Vec::new();
    for (name, line) in &lines {
        if MAY_CREATE.contains(&name.as_str()) {
            continue;
        }
        let output = execute(&scratch, line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if NEED_NONE.contains(&name.as_str()) != output.status.success() || output.status.code() == Some(2) {
            wrong.push(format!("{line:?} ended with {}: {said}", output.status));
        }
        if !output.status.success() && !said.starts_with("countersign: ") {
            wrong.push(format!("{line:?} said {said:?}"));
        }
        if contents(&scratch.folder()) != before || holds_tables(&scratch).await {
            panic!("{line:?} made something: {:?}; {wrong:#?}", contents(&scratch.folder()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for name in MAY_CREATE {
        assert!(lines.iter().any(|(known, _)| known == name), "{name}");
    }
    let said = execute(&scratch, &["users", "list"].map(str::to_owned));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.contains("no Countersign database at ") && said.contains("check --config"),
        "{said}"
    );

    assert!(execute(&scratch, &["migrate".to_owned()]).status.success());
    assert!(holds_tables(&scratch).await);
    // A database without keys is still one: commands that read keys create none.
    for line in [["users", "list"], ["audit", "verify"], ["keys", "list"]] {
        let output = execute(&scratch, &line.map(str::to_owned));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{line:?}: {said}");
        assert!(
            said.contains("contains no keys, and this command does not create any"),
            "{line:?}: {said}"
        );
    }
    assert!(!scratch.folder().join("secrets").exists());
}

#[apply(on_both_databases!)]
async fn keys_that_are_not_in_the_working_directory_are_looked_for_before_they_are_replaced(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    for line in [
        &["keys", "generate"][..],
        &["clients", "create", "app", "--redirect-uri", "https://a.example/"],
    ] {
        assert!(
            execute(&scratch, &line.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
                .status
                .success()
        );
    }
    let elsewhere = scratch.folder().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let said = |line: &[&str]| {
        let mut command = Command::new(BINARY);
        command.env_clear().current_dir(&elsewhere).args(line);
        command.env("COUNTERSIGN_DATABASE_URL", &scratch.url);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{line:?}");
        [output.stdout, output.stderr]
            .map(|text| String::from_utf8(text).unwrap())
            .concat()
    };
    let folder = elsewhere.join("secrets/jwt").display().to_string();
    for (line, fault) in [
        (&["users", "list"][..], format!("{folder} contains no keys")),
        (&["keys", "rotate"], format!("{folder}/private.pem is missing")),
        (&["doctor"], format!("{folder} contains no keys")),
    ] {
        let said = said(line);
        let at = said.find(&fault).unwrap_or_else(|| panic!("{line:?}: {said}"));
        let advice = "check --config and the working directory, which relative paths start from";
        let checked = said[at..].find(advice).unwrap_or_else(|| panic!("{line:?}: {said}"));
        let replaced = said[at..].find("keys generate");
        assert!(replaced.is_none_or(|replaced| checked < replaced), "{line:?}: {said}");
    }
    assert_eq!(contents(&elsewhere), BTreeSet::new());
}

#[test]
fn an_empty_file_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.db");
    std::fs::write(&file, "").unwrap();
    for line in [
        &["users", "list"][..],
        &["backup", "b.gz"],
        &["audit", "verify"],
        &["doctor"],
    ] {
        let mut command = Command::new(BINARY);
        command.env_clear().current_dir(folder.path()).args(line);
        command.env("COUNTERSIGN_DATABASE_URL", "sqlite://empty.db");
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        assert_eq!(
            contents(folder.path()),
            BTreeSet::from(["empty.db".to_owned()]),
            "{line:?}"
        );
        assert_eq!(std::fs::read(&file).unwrap(), b"", "{line:?}");
    }
}

/// Every line in the operators' guides and the units that runs a command on an installation.
fn documented() -> Vec<(String, String)> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<_> = ["audit", "backup", "mail", "operating"]
        .iter()
        .map(|name| repository.join(format!("docs/guides/{name}.md")))
        .collect();
    let units = std::fs::read_dir(repository.join("infra/systemd")).unwrap();
    files.extend(units.map(|entry| entry.unwrap().path()));
    let mut lines = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let is_unit = file.extension().is_some_and(|end| end != "md");
        let mut in_block = false;
        for line in text.lines() {
            if line.starts_with("```") {
                in_block = !in_block;
            }
            // The user and the folder have the name of the program.
            let as_user = line.split_once("sudo -u countersign env -C /var/lib/countersign ");
            let line = as_user.map_or(line, |(_, line)| line);
            let command = line
                .split_once("countersign ")
                .filter(|(before, _)| before.is_empty() || before.ends_with("/bin/") || before.ends_with("exec "));
            if let Some((_, command)) = command.filter(|_| in_block || is_unit) {
                lines.push((file.display().to_string(), command.to_owned()));
            }
        }
    }
    lines
}

#[test]
fn documented_commands_and_units_name_the_settings_alike() {
    let lines = documented();
    assert!(lines.len() > 15, "{lines:?}");
    for (file, line) in lines {
        // An export is verified, and a database moved, without settings.
        let needs_none =
            line.contains("--export") || line.starts_with("migrate-database") || line.starts_with("audit kinds");
        assert!(
            needs_none || line.contains("--config /etc/countersign/countersign.toml"),
            "{file}: countersign {line}"
        );
    }
}
