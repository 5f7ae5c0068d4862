//! Startup: ports, messages, schemas of other versions.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use countersign_store::{DatabaseOptions, Db, Role, query, sql};
use countersign_testkit::{Database, NEXT_VERSION, ScratchDatabase, TestServer, apply, on_both_databases};
use tower::ServiceExt;

/// The program in the folder of a test, with an empty environment.
fn countersign(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command.env("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    command
}

fn execute(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    let mut command = countersign(folder);
    command.args(arguments).env("COUNTERSIGN_DATABASE_URL", url);
    command.output().unwrap()
}

/// The same by the next version of the program, which has another migration.
fn execute_next(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    let mut command = countersign(folder);
    command.args(arguments).env("COUNTERSIGN_DATABASE_URL", url);
    command.env(NEXT_VERSION, "1").output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_first_start_greets_with_lines_to_paste_and_finds_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = countersign(folder.path());
    let command = command.arg("serve");
    let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let greeting: Vec<String> = lines.take_while(|line| !line.contains("/api/auth/me")).collect();
    server.kill().unwrap();
    server.wait().unwrap();
    let greeting = greeting.join("\n");
    assert!(
        greeting.contains("Countersign is running on http://127.0.0.1:"),
        "{greeting}"
    );
    assert!(!greeting.contains("127.0.0.1:0\n"), "{greeting}");
    assert!(greeting.contains("(new)"), "{greeting}");
    assert!(greeting.contains("curl -sS http://127.0.0.1:"), "{greeting}");
    assert!(folder.path().join("data/countersign.db").exists());
    assert!(folder.path().join("secrets/jwt/private.pem").exists());
}

#[tokio::test]
async fn no_text_stands_between_log_lines_of_json() {
    // Both streams in one file, as in the journal; and JSON by setting, as for containers.
    for (one_file, format) in [(true, "auto"), (true, "json"), (false, "json")] {
        let folder = tempfile::tempdir().unwrap();
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        let file = |path: &Path| std::fs::File::options().create(true).append(true).open(path).unwrap();
        let mut command = countersign(folder.path());
        let command = command.arg("serve").env("COUNTERSIGN_LOG__FORMAT", format);
        let command = command
            .stdout(file(&out))
            .stderr(file(if one_file { &out } else { &err }));
        let mut server = command.spawn().unwrap();
        let said = || {
            let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
            read(&out) + &read(&err)
        };
        // The startup message, if there were one, would follow this line immediately.
        for _ in 0..600 {
            if said().contains("listening") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(said().contains("listening"), "{}", said());
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap(),
            rustix::process::Signal::TERM,
        )
        .unwrap();
        server.wait().unwrap();
        for line in said().lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("{format}: {line:?}"));
        }
    }
}

#[test]
fn a_port_in_use_is_named_with_the_option_that_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (setting, option, other) in [
        ("COUNTERSIGN_LISTEN", " --listen ", "--metrics-listen"),
        ("COUNTERSIGN_METRICS_LISTEN", " --metrics-listen ", "--listen"),
    ] {
        let mut command = countersign(folder.path());
        let output = command.arg("serve").env(setting, &taken).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{setting}: {said}");
        assert!(
            said.contains(&format!("{taken} is already in use")),
            "{setting}: {said}"
        );
        assert!(
            said.contains(option) && !said.contains(&format!(" {other} ")),
            "{setting}: {said}"
        );
    }
}

/// With two threads that answer on one core, each waits for the other's time slice.
#[test]
fn threads_are_as_many_as_the_cores_that_the_process_may_use() {
    let cores = rustix::thread::sched_getaffinity(None).unwrap();
    let core = (0..rustix::thread::CpuSet::MAX_CPU)
        .find(|core| cores.is_set(*core))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("taskset");
    command.env_clear().current_dir(folder.path()).stdin(Stdio::null());
    command.args([
        "-c",
        &core.to_string(),
        env!("CARGO_BIN_EXE_countersign"),
        "serve",
        "--listen",
        "127.0.0.1:0",
    ]);
    let command = command.env("COUNTERSIGN_LOG__FORMAT", "json").stdout(Stdio::null());
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let listening = lines.find(|line| line.contains("listening")).unwrap_or_default();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(listening.contains("\"workers\":1,"), "{listening}");
    assert!(listening.contains("\"hashing_threads\":1"), "{listening}");
}

#[test]
fn the_example_is_a_settings_file_that_starts_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let example = countersign(folder.path())
        .args(["settings", "--example"])
        .output()
        .unwrap();
    std::fs::write(folder.path().join("countersign.toml"), &example.stdout).unwrap();
    let text = String::from_utf8(example.stdout).unwrap();
    for part in [
        "\n#issuer = ",
        "\n[tokens]\n",
        "\n#access_ttl = \"15d\"\n",
        "\n#smtp_url = ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let shown = |folder: &Path| countersign(folder).args(["settings", "--json"]).output().unwrap();
    let with = shown(folder.path());
    assert!(with.status.success(), "{}", errors(&with));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(with.stdout, shown(empty.path()).stdout);
}

#[test]
fn a_command_that_makes_a_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| errors(&countersign(folder.path()).args(arguments).output().unwrap());
    let said = run(&["users", "invite", "ada@example.com"]);
    assert!(
        said.contains("creating the database sqlite://data/countersign.db ("),
        "{said}"
    );
    assert_eq!(run(&["users", "list"]), "");
}

#[apply(on_both_databases!)]
async fn migrate_works_with_the_settings_of_a_container(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let mut command = countersign(&scratch.folder());
    command.arg("migrate").env("COUNTERSIGN_DATABASE_URL", &scratch.url);
    command
        .env("COUNTERSIGN_LISTEN", "0.0.0.0:8000")
        .env("COUNTERSIGN_ISSUER", "https://auth.example.com");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
}

#[apply(on_both_databases!)]
async fn a_command_leaves_the_schema_of_an_older_version_alone(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let folder = scratch.folder();
    assert!(execute(&folder, &scratch.url, &["migrate"]).status.success());
    let output = execute_next(&folder, &scratch.url, &["users", "list"]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    assert!(
        errors(&output).contains("run `countersign migrate` first"),
        "{}",
        errors(&output)
    );
    let output = execute(&folder, &scratch.url, &["migrate"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("The schema is up to date"), "{told}{}", errors(&output));
}

#[apply(on_both_databases!)]
async fn a_server_stays_ready_beside_the_schema_of_a_newer_version(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let (folder, url) = (server.folder(), server.database_url());
    let output = execute_next(&folder, url, &["migrate"]);
    assert!(output.status.success(), "{}", errors(&output));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("Applied 1 migration(s)"), "{told}");
    server.get("/readyz").await.assert_status(200);
    server.sign_in("ada").await.get("/api/auth/me").await.assert_status(200);
    server.user("grace").await;
    // Starting on it is different: it may lack what this version needs.
    let commands: &[_] = match database {
        // With a running server, it does not even check.
        Database::Sqlite => &["migrate"],
        Database::Postgres => &["migrate", "serve"],
    };
    for command in commands {
        let output = execute(&folder, url, &[command]);
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        assert!(
            errors(&output).contains("this version does not know"),
            "{}",
            errors(&output)
        );
    }
}

#[apply(on_both_databases!)]
async fn programs_that_migrate_at_once_apply_each_migration_once(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let racers: Vec<_> = (0..4)
        .map(|_| {
            let mut command = countersign(&scratch.folder());
            command.args(["migrate", "--json"]).env(NEXT_VERSION, "1");
            command.env("COUNTERSIGN_DATABASE_URL", &scratch.url);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut applied = Vec::new();
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        applied.extend(
            told["applied"]
                .as_array()
                .unwrap()
                .iter()
                .map(|version| version.as_i64().unwrap()),
        );
    }
    applied.sort_unstable();
    let one_after_the_other = execute_next(&scratch.folder(), &scratch.url, &["migrate"]);
    let told = String::from_utf8_lossy(&one_after_the_other.stdout).into_owned();
    assert!(told.contains("The schema is up to date"), "{told}");
    let all = countersign::migrations::ALL.iter().map(|migration| migration.version);
    assert_eq!(applied, all.chain([1_000_000]).collect::<Vec<_>>());
}

#[apply(on_both_databases!)]
async fn a_migration_that_was_changed_is_refused(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    assert!(execute(&scratch.folder(), &scratch.url, &["migrate"]).status.success());
    let db = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    query(sql!("UPDATE schema_migrations SET checksum = 'another'"))
        .execute(&db)
        .await
        .unwrap();
    db.close().await.unwrap();
    let folder = scratch.folder();
    for output in [
        execute(&folder, &scratch.url, &["migrate"]),
        execute_next(&folder, &scratch.url, &["migrate"]),
        execute(&folder, &scratch.url, &["serve"]),
    ] {
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        assert!(
            errors(&output).contains("migration 1 (initial) was changed after it was applied"),
            "{}",
            errors(&output)
        );
    }
}

#[apply(on_both_databases!)]
async fn a_request_without_a_client_ip_address_is_an_internal_error(database: Database) {
    let server = TestServer::start(database).await;
    let request = Request::post("/api/auth/login").header("content-type", "application/x-www-form-urlencoded");
    let request = request
        .body(Body::from("username=ada@example.com&password=a+long+umbrella"))
        .unwrap();
    let answer = countersign::app(server.services.clone())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// Runs the program with little memory, and stops it if it does not end.
fn execute_for_ten_seconds(mut command: Command) -> Option<Output> {
    let mut server = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..1000 {
        if server.try_wait().unwrap().is_some() {
            return Some(server.wait_with_output().unwrap());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    server.kill().unwrap();
    server.wait().unwrap();
    None
}

/// A pipe without a writer, a device without an end, and an ordinary file that is far too long.
fn unreadable_files(folder: &Path) -> Vec<String> {
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", folder.join("link")).unwrap();
    let long = std::fs::File::create(folder.join("long")).unwrap();
    long.set_len(16 << 20).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    vec![path("pipe"), "/dev/zero".to_owned(), path("link"), path("long")]
}

#[test]
fn a_setting_that_names_a_pipe_a_device_or_a_huge_file_stops_the_start_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files = unreadable_files(folder);
    let serve = |configure: &dyn Fn(&mut Command)| {
        // A server that reads without an end must not take the machine's memory.
        let mut command = Command::new("sh");
        command.env_clear().current_dir(folder).stdin(Stdio::null());
        command.args(["-c", "ulimit -v 8000000; exec \"$0\" \"$@\""]);
        command.args([env!("CARGO_BIN_EXE_countersign"), "serve", "--listen", "127.0.0.1:0"]);
        configure(&mut command);
        execute_for_ten_seconds(command)
    };
    type Configure = fn(&mut Command, &str);
    let settings: [(&str, Configure); 8] = [
        ("database_url_file", |command, file| {
            command.env("COUNTERSIGN_DATABASE_URL_FILE", file);
        }),
        ("mail.smtp_url_file", |command, file| {
            command.env("COUNTERSIGN_MAIL__SMTP_URL_FILE", file);
        }),
        ("COUNTERSIGN_CONFIG", |command, file| {
            command.env("COUNTERSIGN_CONFIG", file);
        }),
        ("--config", |command, file| {
            command.args(["--config", file]);
        }),
        ("pages.logo", |command, file| {
            command.env("COUNTERSIGN_PAGES__LOGO", file);
        }),
        ("secret_file", |command, file| {
            let folder = command.get_current_dir().unwrap().to_owned();
            let entry = format!(
                "[[clients]]\nclient_id = \"app\"\nsecret_file = {file:?}\nredirect_uris = [\"https://a.example/\"]\n"
            );
            std::fs::write(folder.join("client.toml"), entry).unwrap();
            command.args(["--config", "client.toml"]);
        }),
        ("keys_dir", |command, file| {
            let keys = command.get_current_dir().unwrap().join("keys");
            let _ = std::fs::remove_dir_all(&keys);
            std::fs::create_dir(&keys).unwrap();
            std::os::unix::fs::symlink(file, keys.join("private.pem")).unwrap();
            command.env("COUNTERSIGN_KEYS_DIR", keys);
        }),
        ("sslrootcert", |command, file| {
            let url = format!("postgres://ada@db.example/auth?sslmode=verify-full&sslrootcert={file}");
            command.env("COUNTERSIGN_DATABASE_URL", url);
        }),
    ];
    for file in &files {
        for (setting, configure) in &settings {
            // The settings may come through a pipe, which the server waits for.
            if file.ends_with("pipe") && ["--config", "COUNTERSIGN_CONFIG"].contains(setting) {
                continue;
            }
            let output = serve(&|command| configure(command, file));
            let output = output.unwrap_or_else(|| panic!("{setting} = {file}: the server neither starts nor stops"));
            let told = errors(&output);
            assert!(!output.status.success(), "{setting} = {file}: {told}");
            // A key is cut off where it is too long, and is then no key; a device may also be exposed.
            let reasons: &[&str] = match *setting {
                "keys_dir" => &["regular file", "PEM", "accessible to all users"],
                _ => &["not a regular file", "longer than"],
            };
            assert!(
                reasons.iter().any(|reason| told.contains(reason)),
                "{setting} = {file}: {told}"
            );
        }
    }
}

#[test]
fn secrets_are_read_through_the_links_of_an_orchestrator() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // As Kubernetes mounts them: the name is a link into a folder that is a link itself.
    std::fs::create_dir(folder.join("..2026_01_01")).unwrap();
    std::os::unix::fs::symlink("..2026_01_01", folder.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/url", folder.join("url")).unwrap();
    std::fs::write(folder.join("..2026_01_01/url"), "sqlite://mounted.db\n").unwrap();
    let mut command = countersign(folder);
    command.arg("migrate").env("COUNTERSIGN_DATABASE_URL_FILE", "url");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    assert!(folder.join("mounted.db").exists());
}
