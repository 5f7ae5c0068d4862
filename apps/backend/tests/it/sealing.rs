//! Sealing keys, the server's own symmetric keys: how they are created, followed by every node, replaced and retired,
//! and what the operator is told if one is lost or damaged (F-13).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use countersign::core::clock::{Clock, Timestamp};
use countersign::core::sealing::Purpose;
use countersign::features::operations::keys::{
    JWKS_MAX_AGE, KeyOperator, KeyOptions, Keys, KeysError, OperatorError, SealingState,
};
use countersign::migrations;
use countersign_jose::{SigningKey, SymmetricKey};
use countersign_store::{DatabaseOptions, Db, Role};
use countersign_testkit::{Database, Launch, ScratchDatabase, TestServer, apply, on_both_databases};
use serde_json::Value;

use crate::health::{metrics, value};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
const START: Timestamp = Timestamp(1_795_342_500_000);
/// How long a new key waits before it becomes active.
const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);
const REPLAY_WINDOW: Duration = Duration::from_secs(30);

/// A database and a key folder without a server.
struct Scratch {
    database: ScratchDatabase,
    db: Db,
    clock: Clock,
}

impl Scratch {
    async fn create(database: Database) -> Self {
        let database = ScratchDatabase::create(database).await;
        let db = Db::open(&DatabaseOptions::new(&database.url, Role::Server))
            .await
            .unwrap();
        db.migrate(migrations::ALL, START.millis()).await.unwrap();
        Self {
            database,
            db,
            clock: Clock::fixed(START),
        }
    }

    fn options(&self, folder: &str) -> KeyOptions {
        KeyOptions {
            issuer: "https://id.example.com".to_owned(),
            dir: self.database.folder().join(folder),
            passphrase: None,
            access_ttl: Duration::from_secs(86_400),
            max_age: JWKS_MAX_AGE,
            replay_window: REPLAY_WINDOW,
        }
    }

    async fn open_in(&self, folder: &str) -> Result<Keys, KeysError> {
        Keys::open(self.options(folder), self.db.clone(), self.clock.clone()).await
    }

    async fn open(&self) -> Keys {
        self.open_in("keys").await.unwrap()
    }

    fn operator(&self) -> KeyOperator {
        KeyOperator::new(self.options("keys"), self.db.clone(), self.clock.clone())
    }

    async fn states(&self) -> Vec<(String, SealingState)> {
        let listed = self.operator().list_sealing().await.unwrap();
        listed.into_iter().map(|key| (key.id, key.state)).collect()
    }

    fn sealing(&self) -> PathBuf {
        self.options("keys").dir.join("sealing")
    }
}

fn derived(keys: &Keys) -> [u8; 32] {
    *keys.sealing().derive(Purpose::RefreshSuccessor, &[b"input"])
}

fn each(keys: &Keys) -> Vec<[u8; 32]> {
    let sealing = keys.sealing();
    let derived = sealing.derive_with_each(Purpose::RefreshSuccessor, &[b"input"]);
    derived.map(|derived| *derived).collect()
}

/// The files of a folder, with their modes.
fn files(folder: &Path) -> Vec<(String, u32)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect();
    files.sort();
    files
}

fn only_file(folder: &Path) -> PathBuf {
    let files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    folder.join(&files[0].0)
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

fn command(scratch: &ScratchDatabase, program: &[String], arguments: &[&str]) -> Output {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).args(arguments).env_clear();
    command.current_dir(scratch.folder());
    command
        .env("PATH", "/usr/bin:/bin")
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .output()
        .unwrap()
}

fn execute(scratch: &ScratchDatabase, arguments: &[&str]) -> Output {
    command(scratch, &[BINARY.to_owned()], arguments)
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The last line of a command that cannot work with these keys.
fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    let lines = said
        .lines()
        .filter(|line| !line.starts_with("countersign: creating the database "));
    assert_eq!(lines.count(), 1, "{said}");
    said
}

#[apply(on_both_databases!)]
async fn f13_the_first_start_makes_a_sealing_key_and_later_ones_keep_it(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    assert!(Launch::new(BINARY, &scratch).start().await.terminate().success());
    let (keys, sealing) = (scratch.folder().join("keys"), scratch.folder().join("keys/sealing"));
    assert!(files(&keys).contains(&("sealing".to_owned(), 0o700)));
    let made = files(&sealing);
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].1, 0o600);
    let listed: Value =
        serde_json::from_str(&done(&execute(&scratch, &["keys", "sealing", "list", "--json"]))).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!(listed[0]["state"], "active");
    assert!(made[0].0.ends_with(&format!("-{id}.key")), "{made:?} {id}");

    assert!(Launch::new(BINARY, &scratch).start().await.terminate().success());
    done(&execute(&scratch, &["users", "list"]));
    assert_eq!(files(&sealing), made);
    let table = done(&execute(&scratch, &["keys", "sealing", "list"]));
    assert!(table.contains("STATE") && table.contains(id), "{table}");
}

#[apply(on_both_databases!)]
async fn f13_servers_that_start_at_once_make_one_sealing_key(database: Database) {
    let scratch = Scratch::create(database).await;
    let opened = futures_util::future::join_all((0..8).map(|_| scratch.open_in("keys"))).await;
    let opened: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
    assert!(opened.iter().all(|keys| derived(keys) == derived(&opened[0])));
    only_file(&scratch.sealing());
}

#[apply(on_both_databases!)]
async fn f13_processes_that_start_at_once_make_one_sealing_key(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    done(&execute(&scratch, &["migrate"]));
    std::thread::scope(|scope| {
        for number in 0..4 {
            let scratch = &scratch;
            scope.spawn(move || {
                done(&execute(
                    scratch,
                    &["users", "invite", &format!("user{number}@example.com")],
                ))
            });
        }
    });
    let id = only_file(&scratch.folder().join("keys/sealing"));
    let listed: Value =
        serde_json::from_str(&done(&execute(&scratch, &["keys", "sealing", "list", "--json"]))).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert!(id.to_str().unwrap().contains(listed[0]["id"].as_str().unwrap()));
}

#[apply(on_both_databases!)]
async fn f13_of_two_folders_on_one_database_one_gets_a_sealing_key(database: Database) {
    let scratch = Scratch::create(database).await;
    // The same signing key in both.
    scratch.operator().generate().await.unwrap();
    let (keys, a, b) = (
        scratch.options("keys").dir,
        scratch.options("a").dir,
        scratch.options("b").dir,
    );
    fs::remove_dir_all(scratch.sealing()).unwrap();
    forget(&scratch).await;
    copy(&keys, &a);
    copy(&keys, &b);
    let (in_a, in_b) = tokio::join!(scratch.open_in("a"), scratch.open_in("b"));
    let (won, lost, loser) = if in_a.is_ok() { (in_a, in_b, b) } else { (in_b, in_a, a) };
    let active = won.unwrap().sealing().active_id();
    let error = lost.err().unwrap();
    assert!(
        matches!(&error, KeysError::SealingLost { id, .. } if *id == active),
        "{error}"
    );
    assert!(!loser.join("sealing").exists());
}

#[apply(on_both_databases!)]
async fn f13_a_lost_sealing_key_stops_the_start_and_is_replaced_only_by_hand(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch);
    assert!(launch.start().await.terminate().success());
    let sealing = scratch.folder().join("keys/sealing");
    let file = only_file(&sealing);
    let away = scratch.folder().join("away");
    fs::rename(&sealing, &away).unwrap();
    let refusal = launch.refused().await;
    assert_eq!(refusal.exit_code, Some(78), "{refusal:?}");
    let id = file
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .rsplit_once('-')
        .unwrap()
        .1
        .to_owned();
    for words in [
        "contains no usable sealing key, but this database has used the sealing key",
        &id,
        "mount or restore the folder",
        "`countersign keys sealing rotate`",
    ] {
        assert!(refusal.text.contains(words), "{words} is missing in: {}", refusal.text);
    }
    // Neither commands that create an installation nor commands that change one create a key.
    for arguments in [
        &["users", "invite", "ada@example.com"][..],
        &["sessions", "revoke", "--everyone"],
    ] {
        let said = refused(&execute(&scratch, arguments));
        assert!(said.contains(&id), "{arguments:?}: {said}");
    }
    assert!(!sealing.exists());

    fs::rename(&away, &sealing).unwrap();
    assert!(launch.start().await.terminate().success());
    fs::remove_dir_all(&sealing).unwrap();
    let told = done(&execute(&scratch, &["keys", "sealing", "rotate"]));
    assert!(
        told.starts_with("Created the sealing key ") && told.contains("immediately"),
        "{told}"
    );
    assert!(launch.start().await.terminate().success());
    let listed: Value =
        serde_json::from_str(&done(&execute(&scratch, &["keys", "sealing", "list", "--json"]))).unwrap();
    assert_eq!(
        (&listed[0]["state"], &listed[1]["state"]),
        (&"active".into(), &"missing".into())
    );
    assert_eq!(listed[1]["id"], id.as_str());
}

#[apply(on_both_databases!)]
async fn a_new_sealing_key_is_active_on_every_node_when_each_has_read_it(database: Database) {
    let scratch = Scratch::create(database).await;
    let (keys, node) = (scratch.open().await, scratch.open().await);
    let platform = node.sealing();
    let old = derived(&keys);
    assert_eq!(each(&keys), [old]);
    scratch.clock.advance(MINUTE);

    let made = scratch.operator().rotate_sealing().await.unwrap();
    assert_eq!(made.active_at, scratch.clock.now() + MINUTE);
    assert_eq!(made.replaces, Some(keys.sealing().active_id()));
    for keys in [&keys, &node] {
        keys.refresh().await;
        assert_eq!((derived(keys), each(keys).len()), (old, 2));
    }
    scratch.clock.advance(MINUTE - MOMENT);
    for keys in [&keys, &node] {
        keys.refresh().await;
        assert_eq!(derived(keys), old);
    }
    scratch.clock.advance(MOMENT);
    keys.refresh().await;
    let new = derived(&keys);
    assert_ne!(new, old);
    assert_eq!(each(&keys), [new, old]);
    // The other node is late, and still finds what this one derived.
    assert_eq!(each(&node), [old, new]);
    node.refresh().await;
    assert_eq!(derived(&node), new);
    // A platform that was created earlier uses the new key as well.
    assert_eq!(*platform.derive(Purpose::RefreshSuccessor, &[b"input"]), new);
    assert_eq!(derived(&scratch.open().await), new);
}

#[apply(on_both_databases!)]
async fn a_running_node_follows_a_rotation_by_the_command_line(database: Database) {
    let server = TestServer::start(database).await;
    let rotate = || {
        let output = Command::new(BINARY)
            .args(["keys", "sealing", "rotate", "--json"])
            .env_clear()
            .current_dir(server.folder())
            .env("COUNTERSIGN_DATABASE_URL", server.database_url())
            .env("COUNTERSIGN_KEYS_DIR", &server.services.settings.keys_dir)
            .output()
            .unwrap();
        serde_json::from_str::<Value>(&done(&output)).unwrap()
    };
    let before = server.services.platform.sealing.active_id();
    let made = rotate();
    assert_eq!(made["replaces"], before.as_str());
    server
        .services
        .clock
        .set(made["active_at"].as_str().unwrap().parse().unwrap());
    // To the second: the key waits for a whole minute.
    server.services.clock.advance(Duration::from_secs(1));
    server.services.keys.refresh().await;
    assert_eq!(made["id"], server.services.platform.sealing.active_id().as_str());
}

#[apply(on_both_databases!)]
async fn a_sealing_key_is_retired_when_nothing_needs_it(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let old = keys.sealing().active_id();
    copy(&scratch.options("keys").dir, &scratch.options("copy").dir);
    let refusal = scratch.operator().retire_sealing(&old).await.unwrap_err();
    assert!(
        matches!(&refusal, OperatorError::SealingInUse(id) if *id == old),
        "{refusal}"
    );
    let unknown = scratch.operator().retire_sealing("0123456789abcdef").await.unwrap_err();
    assert!(matches!(unknown, OperatorError::Unknown(_)), "{unknown}");

    scratch.clock.advance(MINUTE);
    let made_at = scratch.clock.now();
    let made = scratch.operator().rotate_sealing().await.unwrap();
    let waiting = scratch.operator().retire_sealing(&made.id).await.unwrap_err();
    assert!(matches!(waiting, OperatorError::SealingInUse(_)), "{waiting}");
    assert_eq!(
        scratch.states().await,
        [
            (made.id.clone(), SealingState::Waiting),
            (old.clone(), SealingState::Active)
        ]
    );
    let retirable_at = made_at + MINUTE + MINUTE + REPLAY_WINDOW;
    assert_eq!(made.retirable_at, Some(retirable_at));
    for so_far in [Duration::ZERO, MINUTE, MINUTE + REPLAY_WINDOW - MOMENT] {
        scratch.clock.advance(so_far);
        let refusal = scratch.operator().retire_sealing(&old).await.unwrap_err();
        assert!(
            matches!(&refusal, OperatorError::SealingNeeded { until, .. } if *until == retirable_at),
            "{refusal}"
        );
    }
    keys.refresh().await;
    assert_eq!(each(&keys).len(), 2);
    scratch.clock.advance(MOMENT);
    scratch.operator().retire_sealing(&old).await.unwrap();
    only_file(&scratch.sealing());
    keys.refresh().await;
    assert_eq!(each(&keys), [derived(&keys)]);
    assert_eq!(
        scratch.states().await,
        [(made.id, SealingState::Active), (old, SealingState::Retired)]
    );
    // A folder that only contains the retired key has no usable key.
    let error = scratch.open_in("copy").await.err().unwrap();
    assert!(matches!(error, KeysError::SealingLost { .. }), "{error}");
}

#[apply(on_both_databases!)]
async fn a_sealing_key_that_a_folder_lacks_is_named(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    copy(&scratch.options("keys").dir, &scratch.options("copy").dir);
    let elsewhere = scratch.open_in("copy").await.unwrap();
    scratch.clock.advance(MINUTE);
    let made = scratch.operator().rotate_sealing().await.unwrap();
    keys.refresh().await;
    elsewhere.refresh().await;
    assert_eq!((keys.missing_sealing_keys(), elsewhere.missing_sealing_keys()), (0, 1));
    // The file was not deployed there: the node continues with its existing key.
    scratch.clock.advance(MINUTE);
    elsewhere.refresh().await;
    assert_eq!(each(&elsewhere).len(), 1);
    fs::copy(
        only_new(&scratch, &made.id),
        scratch.options("copy").dir.join("sealing/any-name.key"),
    )
    .unwrap();
    elsewhere.refresh().await;
    assert_eq!(elsewhere.missing_sealing_keys(), 0);
    assert_eq!(elsewhere.sealing().active_id(), made.id);
}

#[apply(on_both_databases!)]
async fn the_metrics_count_sealing_keys_that_are_missing(database: Database) {
    let server = TestServer::start(database).await;
    assert_eq!(value(&metrics(&server).await, "sealing_keys_missing"), 0.0);
    let sealing = server.services.settings.keys_dir.join("sealing");
    let old = only_file(&sealing);
    fs::write(
        sealing.join("other.key"),
        SymmetricKey::generate().unwrap().to_pem(None).unwrap().as_bytes(),
    )
    .unwrap();
    fs::set_permissions(sealing.join("other.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(old).unwrap();
    server.services.keys.refresh().await;
    assert_eq!(value(&metrics(&server).await, "sealing_keys_missing"), 1.0);
}

#[apply(on_both_databases!)]
async fn f13_a_damaged_sealing_key_stops_the_start_and_leaves_a_running_server_alone(database: Database) {
    let scratch = Scratch::create(database).await;
    let keys = scratch.open().await;
    let (before, file) = (derived(&keys), only_file(&scratch.sealing()));
    let good = fs::read_to_string(&file).unwrap();
    let body = good.lines().nth(1).unwrap();
    let short = good.replace(body, "MB4CAQAwBQYDK2VwBBIEEC8jY90ay0XlpZf2dfjvNTc=");
    let other = SymmetricKey::generate().unwrap().to_pem(None).unwrap();
    let signing = SigningKey::generate().unwrap().to_pkcs8_pem().unwrap();
    let damages: [(&str, &str); 6] = [
        ("", "cannot use"),
        ("garbage", "restore it from a backup"),
        (&short, "the key is malformed"),
        (&other, "was expected"),
        (&signing, "is not a symmetric key"),
        (&good.repeat(2), "cannot use"),
    ];
    for (text, words) in damages {
        fs::write(&file, text).unwrap();
        let error = scratch.open_in("keys").await.err().unwrap().to_string();
        assert!(
            error.contains(words) && error.contains(file.to_str().unwrap()),
            "{error}"
        );
        assert!(!error.contains(body) && !error.contains("BEGIN"), "{error}");
        keys.refresh().await;
        assert_eq!(derived(&keys), before);
    }
    fs::write(&file, &good).unwrap();
    for (mode, fine) in [
        (0o640, true),
        (0o400, true),
        (0o604, false),
        (0o602, false),
        (0o644, false),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        match scratch.open_in("keys").await {
            Ok(_) => assert!(fine, "{mode:o}"),
            Err(error) => {
                let error = error.to_string();
                assert!(!fine && error.contains("chmod o-rwx"), "{mode:o}: {error}");
                assert!(error.contains("`countersign keys sealing rotate`"), "{error}");
            }
        }
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    // A symbolic link, as orchestrators mount secrets; the file it points to counts.
    let real = scratch.sealing().join("..data");
    fs::rename(&file, &real).unwrap();
    std::os::unix::fs::symlink(&real, &file).unwrap();
    assert_eq!(derived(&scratch.open().await), before);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(scratch.open_in("keys").await, Err(KeysError::Exposed { .. })));
    // All files were removed while the server is running: it continues.
    fs::remove_dir_all(scratch.sealing()).unwrap();
    keys.refresh().await;
    assert_eq!(derived(&keys), before);
}

#[apply(on_both_databases!)]
async fn f13_a_read_only_folder_without_a_sealing_key_is_refused_with_the_remedy(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    done(&execute(&scratch, &["keys", "generate"]));
    let keys = scratch.folder().join("keys");
    fs::remove_dir_all(keys.join("sealing")).unwrap();
    // A database without any record of a key.
    let new = ScratchDatabase::create(database).await;
    copy(&keys, &new.folder().join("keys"));
    let keys = new.folder().join("keys");
    let program = unprivileged(&new, BINARY);
    let mode = |mode| fs::set_permissions(&keys, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    let said = refused(&command(&new, &program, &["users", "invite", "ada@example.com"]));
    for words in [
        "keys/sealing contains no sealing key, and none can be created there: ",
        "`countersign keys sealing rotate`",
        "`openssl genpkey -algorithm ed25519 -out first.key`",
        "keys/sealing/first.key",
    ] {
        assert!(said.contains(words), "{words} is missing in: {said}");
    }
    mode(0o700);
    fs::create_dir(keys.join("sealing")).unwrap();
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out", "sealing/first.key"])
        .current_dir(&keys)
        .status();
    assert!(made.unwrap().success());
    unprivileged(&new, BINARY);
    mode(0o500);
    done(&command(&new, &program, &["users", "invite", "ada@example.com"]));
    mode(0o700);
}

#[apply(on_both_databases!)]
async fn f13_a_passphrase_protects_sealing_keys(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_KEYS_PASSPHRASE", "sesame");
    assert!(launch.start().await.terminate().success());
    let file = only_file(&scratch.folder().join("keys/sealing"));
    let pem = fs::read_to_string(&file).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{pem}");
    assert!(launch.start().await.terminate().success());
    for (passphrase, words) in [
        (None, "requires its passphrase"),
        (Some("wrong"), "the passphrase of the private key is wrong"),
    ] {
        let mut launch = Launch::new(BINARY, &scratch);
        if let Some(passphrase) = passphrase {
            launch = launch.with("COUNTERSIGN_KEYS_PASSPHRASE", passphrase);
        }
        let refusal = launch.refused().await;
        assert_eq!(refusal.exit_code, Some(78), "{refusal:?}");
        assert!(refusal.text.contains(words), "{refusal:?}");
        assert!(refusal.text.contains("`keys_passphrase`"), "{refusal:?}");
    }
    // OpenSSL removes the passphrase, and the key is the same.
    let open = scratch.folder().join("open.pem");
    let taken_off = Command::new("openssl")
        .args(["pkcs8", "-passin", "pass:sesame", "-in"])
        .arg(&file)
        .arg("-out")
        .arg(&open)
        .output()
        .unwrap();
    assert!(taken_off.status.success(), "{taken_off:?}");
    fs::rename(&open, &file).unwrap();
    let seen = done(&execute(
        &scratch,
        &["keys", "inspect", file.to_str().unwrap(), "--json"],
    ));
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(
        (&seen["holds"], &seen["algorithm"]),
        (&"sealing key".into(), &"256 random bits".into())
    );
    assert!(
        file.to_str()
            .unwrap()
            .ends_with(&format!("-{}.key", seen["kid"].as_str().unwrap())),
        "{seen}"
    );
    assert!(Launch::new(BINARY, &scratch).start().await.terminate().success());
}

#[apply(on_both_databases!)]
async fn what_is_done_to_sealing_keys_is_said_and_recorded(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let told = done(&execute(&scratch, &["keys", "generate"]));
    assert!(told.contains("Created the sealing key "), "{told}");
    let told = done(&execute(&scratch, &["keys", "sealing", "rotate"]));
    assert!(
        told.contains("use it from") && told.contains("countersign keys sealing retire"),
        "{told}"
    );
    let listed: Value =
        serde_json::from_str(&done(&execute(&scratch, &["keys", "sealing", "list", "--json"]))).unwrap();
    let (new, old) = (listed[0]["id"].as_str().unwrap(), listed[1]["id"].as_str().unwrap());
    assert_eq!(
        (&listed[0]["state"], &listed[1]["state"]),
        (&"waiting".into(), &"active".into())
    );
    for (id, code, words) in [
        (new, 1, "active sealing key"),
        (old, 1, "is needed until"),
        ("no-key", 1, "unknown key"),
    ] {
        let output = execute(&scratch, &["keys", "sealing", "retire", id]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{id}: {said}");
        assert_eq!(output.status.code(), Some(code), "{id}: {said}");
    }
    // A key whose file is lost and which is not needed any more.
    let db = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    countersign_store::query(countersign_store::sql!(
        "UPDATE sealing_keys SET first_seen_at = first_seen_at - 3600000"
    ))
    .execute(&db)
    .await
    .unwrap();
    db.close().await.unwrap();
    for file in files(&scratch.folder().join("keys/sealing")) {
        if file.0.contains(old) {
            fs::remove_file(scratch.folder().join("keys/sealing").join(file.0)).unwrap();
        }
    }
    let doctor = || {
        let output = execute(&scratch, &["doctor", "--json"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let found = doctor();
    assert!(
        found.contains(&format!("lacks {old}")) && found.contains("countersign keys sealing retire"),
        "{found}"
    );
    let told = done(&execute(&scratch, &["keys", "sealing", "retire", old]));
    assert!(told.starts_with(&format!("Removed the sealing key {old}")), "{told}");
    let found = doctor();
    assert!(found.contains(&format!("{new} is the active sealing key")), "{found}");
    let events = done(&execute(&scratch, &["audit", "list", "--json"]));
    for (kind, id, times) in [("sealing_key.created", "", 2), ("sealing_key.retired", old, 1)] {
        assert_eq!(events.matches(kind).count(), times, "{events}");
        assert!(events.contains(id), "{events}");
    }
}

#[apply(on_both_databases!)]
async fn the_doctor_names_a_sealing_key_that_is_lost(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    done(&execute(&scratch, &["keys", "generate"]));
    let doctor = || {
        let output = execute(&scratch, &["doctor", "--json"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let sealing = scratch.folder().join("keys/sealing");
    let file = only_file(&sealing);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(doctor().contains("chmod o-rwx"), "{}", doctor());
    fs::remove_dir_all(&sealing).unwrap();
    assert!(
        doctor().contains("contains no sealing key, but this database has used"),
        "{}",
        doctor()
    );
}

#[apply(on_both_databases!)]
async fn f_18_a_restore_and_a_move_keep_the_sealing_keys(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    done(&execute(&scratch, &["users", "invite", "ada@example.com"]));
    done(&execute(&scratch, &["backup", "backup.gz"]));
    let backup = scratch.folder().join("backup.gz").display().to_string();
    let restored = ScratchDatabase::create(database).await;
    copy(&scratch.folder().join("keys"), &restored.folder().join("keys"));
    done(&execute(&restored, &["restore", &backup]));
    let moved = ScratchDatabase::create(database).await;
    copy(&scratch.folder().join("keys"), &moved.folder().join("keys"));
    done(&execute(
        &scratch,
        &["migrate-database", "--from", &scratch.url, "--to", &moved.url],
    ));
    for elsewhere in [&restored, &moved] {
        done(&execute(elsewhere, &["users", "invite", "eve@example.com"]));
        // The database was moved with its record of the key, so the key is never created again.
        fs::remove_dir_all(elsewhere.folder().join("keys/sealing")).unwrap();
        let said = refused(&execute(elsewhere, &["users", "invite", "joan@example.com"]));
        assert!(said.contains("this database has used the sealing key"), "{said}");
    }
}

async fn forget(scratch: &Scratch) {
    for statement in [
        countersign_store::sql!("DELETE FROM sealing_keys"),
        countersign_store::sql!("DELETE FROM signing_keys"),
    ] {
        countersign_store::query(statement).execute(&scratch.db).await.unwrap();
    }
}

fn only_new(scratch: &Scratch, id: &str) -> PathBuf {
    let files = files(&scratch.sealing());
    let (name, _) = files.iter().find(|(name, _)| name.contains(id)).unwrap();
    scratch.sealing().join(name)
}

/// File permissions do not apply to root.
const NOBODY: &str = "65534";

/// Runs the program as a user to whom file permissions apply and who owns the folder.
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
