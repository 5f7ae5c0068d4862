//! Backups, restores, and moves between databases, with the real program.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_guard::{Guard, Reason};
use countersign_jose::{Present, StatusListClaims, StatusListExpectation, VerifyingKey, verify};
use countersign_store::{DatabaseOptions, Db, Role, query, sql};
use countersign_testkit::{
    Database, HttpClient, Launch, NEXT_VERSION, PASSWORD, ReceivedMail, ScratchDatabase, ServerProcess, apply,
    on_both_databases,
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
const ISSUER: &str = "http://127.0.0.1:8000";

fn execute(scratch: &ScratchDatabase, arguments: &[&str]) -> Output {
    program(scratch, arguments).output().unwrap()
}

fn program(scratch: &ScratchDatabase, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(scratch.folder()).args(arguments);
    command
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", ISSUER);
    command
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn failed(output: &Output) -> String {
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn credentials(name: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "password": PASSWORD })
}

async fn register(client: &HttpClient, name: &str) {
    client
        .post("/api/auth/register", &credentials(name))
        .await
        .unwrap()
        .assert_status(201);
}

async fn sign_in(client: &HttpClient, name: &str) -> (String, String) {
    let tokens = client
        .post("/api/auth/login", &credentials(name))
        .await
        .unwrap()
        .assert_status(200)
        .json();
    let text = |member: &str| tokens[member].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn is_accepted(client: &HttpClient, access_token: &str) -> bool {
    let answer = client.get_as("/api/auth/me", access_token).await.unwrap();
    assert!(matches!(answer.status.as_u16(), 200 | 401), "{}", answer.text);
    answer.status.as_u16() == 200
}

async fn refreshes(client: &HttpClient, refresh_token: &str) -> bool {
    let answer = client
        .post("/api/auth/refresh", &json!({ "refresh_token": refresh_token }))
        .await
        .unwrap();
    assert!(matches!(answer.status.as_u16(), 200 | 401), "{}", answer.text);
    answer.status.as_u16() == 200
}

/// The location of a token's bit: the path of its list, and the index.
fn place(access_token: &str) -> (String, u64) {
    let payload = URL_SAFE_NO_PAD.decode(access_token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let list = &claims["status"]["status_list"];
    let path = list["uri"].as_str().unwrap().strip_prefix(ISSUER).unwrap();
    (path.to_owned(), list["idx"].as_u64().unwrap())
}

async fn list(server: &ServerProcess, scratch: &ScratchDatabase, path: &str) -> StatusListClaims {
    let answer = server.client().get_as(path, "").await.unwrap().assert_status(200);
    let key = std::fs::read(scratch.folder().join("keys/public.pem")).unwrap();
    let key = VerifyingKey::from_spki_pem(&key).unwrap();
    let uri = format!("{ISSUER}{path}");
    let now = countersign::core::clock::Clock::system().now().seconds();
    let expect = StatusListExpectation {
        issuer: ISSUER,
        uri: &uri,
        present: Present { now, leeway: 5 },
    };
    verify::<StatusListClaims>(&answer.text, |_| Some(key.clone()), &expect).unwrap()
}

/// An empty database of the same kind with the same keys.
async fn elsewhere(database: Database, scratch: &ScratchDatabase) -> ScratchDatabase {
    let other = ScratchDatabase::create(database).await;
    let (from, to) = (scratch.folder().join("keys"), other.folder().join("keys"));
    assert!(
        Command::new("cp")
            .arg("-a")
            .args([from, to])
            .status()
            .unwrap()
            .success()
    );
    other
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The unit of the nightly backup, with this test's folders instead of the machine's.
fn nightly_backup(scratch: &ScratchDatabase) -> Output {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let unit = std::fs::read_to_string(repository.join("infra/systemd/countersign-backup.service")).unwrap();
    let line = |key: &str| {
        let mut values = unit
            .lines()
            .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let value = values
            .next()
            .unwrap_or_else(|| panic!("the unit has no {key}"))
            .to_owned();
        assert_eq!(values.next(), None, "{key}");
        value
    };
    let guide = std::fs::read_to_string(repository.join("docs/guides/backup.md")).unwrap();
    for key in ["ExecStart", "WorkingDirectory", "User"] {
        assert!(
            guide.contains(&format!("{key}={}", line(key))),
            "the guide shows another {key}"
        );
    }
    assert_eq!(line("WorkingDirectory"), "/var/lib/countersign");
    let folder = scratch.folder();
    let settings = folder.join("countersign-of-the-drill.toml");
    // Relative, like the defaults: relative to the working directory.
    let text = format!(
        "database_url = {:?}\nkeys_dir = \"keys\"\nissuer = \"{ISSUER}\"\n",
        scratch.url
    );
    std::fs::write(&settings, text).unwrap();
    std::fs::create_dir_all(folder.join("backups")).unwrap();
    let command = line("ExecStart")
        .replace("/usr/local/bin/countersign", BINARY)
        .replace("/etc/countersign/countersign.toml", &settings.display().to_string())
        .replace(
            "/var/backups/countersign",
            &folder.join("backups").display().to_string(),
        )
        .replace("%%", "%");
    assert!(
        command.starts_with("/bin/sh -c '") && command.ends_with('\''),
        "{command}"
    );
    let mut shell = Command::new("/bin/sh");
    // systemd removes the quotes like a shell.
    shell.env_clear().current_dir(folder).args(["-c", &command]);
    shell.env("PATH", "/usr/bin:/bin").output().unwrap()
}

/// The only file that the unit wrote.
fn nightly_file(scratch: &ScratchDatabase) -> String {
    let mut files = std::fs::read_dir(scratch.folder().join("backups")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file.display().to_string()
}

#[apply(on_both_databases!)]
async fn f_18_the_documented_unit_saves_what_the_server_serves(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    // Before there is a server, there is nothing to back up.
    let said = failed(&nightly_backup(&scratch));
    assert!(said.contains("no Countersign database at"), "{said}");
    let server = Launch::new(BINARY, &scratch).start().await;
    register(&server.client(), "ada").await;
    let told = done(&nightly_backup(&scratch));
    assert!(told.starts_with("Wrote 1 accounts,"), "{told}");
    server.kill();
    let restored = elsewhere(database, &scratch).await;
    assert!(
        done(&execute(&restored, &["restore", &nightly_file(&scratch)]))
            .starts_with("Restored and verified 1 accounts,")
    );
    let server = Launch::new(BINARY, &restored).start().await;
    sign_in(&server.client(), "ada").await;
    server.kill();
}

#[apply(on_both_databases!)]
async fn a_backup_without_accounts_says_so_aloud(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    done(&execute(&scratch, &["migrate"]));
    let told = done(&execute(&scratch, &["backup", "empty.gz"]));
    assert!(told.contains("WARNING: this backup contains 0 accounts"), "{told}");
    let told: Value = serde_json::from_str(&done(&execute(&scratch, &["backup", "again.gz", "--json"]))).unwrap();
    assert_eq!(
        (&told["accounts"], &told["holds_no_accounts"]),
        (&json!(0), &json!(true)),
        "{told}"
    );
    let restored = ScratchDatabase::create(database).await;
    let file = scratch.folder().join("empty.gz").display().to_string();
    let told = done(&execute(&restored, &["restore", &file]));
    assert!(told.contains("WARNING: this backup contains 0 accounts"), "{told}");
}

#[apply(on_both_databases!)]
async fn f_18_a_restore_drill_loses_nothing_older_and_revives_nothing_revoked(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    for name in ["ada", "grace"] {
        register(&client, name).await;
    }
    let ada = sign_in(&client, "ada").await;
    let grace = sign_in(&client, "grace").await;
    assert!(
        execute(&scratch, &["sessions", "revoke", "--all", "grace@example.com"])
            .status
            .success()
    );
    let before = list(&server, &scratch, &place(&ada.0).0).await;

    // Others sign up meanwhile; everything acknowledged before the backup began must be in it.
    let busy = Arc::new(AtomicBool::new(true));
    let answered = Arc::new(AtomicUsize::new(0));
    let load = tokio::spawn({
        let (client, busy, answered) = (client.clone(), busy.clone(), answered.clone());
        async move {
            let mut names = Vec::new();
            while busy.load(Ordering::Relaxed) {
                let name = format!("user{}", names.len());
                register(&client, &name).await;
                names.push((name, Instant::now()));
                answered.store(names.len(), Ordering::Relaxed);
            }
            names
        }
    });
    eventually("an account before the backup", async || {
        answered.load(Ordering::Relaxed) > 0
    })
    .await;
    let began = Instant::now();
    let told = done(&execute(&scratch, &["backup", "backup.gz"]));
    assert!(
        told.contains("verified the file") && told.contains("does not contain the keys (keys)"),
        "{told}"
    );
    let until_then = answered.load(Ordering::Relaxed);
    eventually("an account after the backup", async || {
        answered.load(Ordering::Relaxed) > until_then
    })
    .await;
    busy.store(false, Ordering::Relaxed);
    let names = load.await.unwrap();
    let older: Vec<_> = names
        .iter()
        .filter(|(_, answered)| *answered < began)
        .map(|(name, _)| name)
        .collect();
    assert!(
        !older.is_empty() && names.len() > older.len(),
        "{} of {}",
        older.len(),
        names.len()
    );

    // After the backup: a new session, a new account, and a revocation, none of which the backup contains.
    let late = sign_in(&client, "ada").await;
    register(&client, "late").await;
    let newcomer = sign_in(&client, "late").await;
    assert!(
        execute(&scratch, &["sessions", "revoke", "--all", "ada@example.com"])
            .status
            .success()
    );
    server.kill();
    assert!(failed(&execute(&scratch, &["backup", "backup.gz"])).contains("already exists"));

    let restored = elsewhere(database, &scratch).await;
    let file = scratch.folder().join("backup.gz").display().to_string();
    let told = done(&execute(&restored, &["restore", &file]));
    assert!(told.contains("users have to sign in again"), "{told}");
    let server = Launch::new(BINARY, &restored).start().await;
    let client = server.client();
    for (access_token, refresh_token) in [&ada, &grace, &late, &newcomer] {
        assert!(!is_accepted(&client, access_token).await);
        assert!(!refreshes(&client, refresh_token).await);
        let (path, idx) = place(access_token);
        let list = list(&server, &restored, &path).await;
        assert_eq!(list.status_list.status(idx), Some(1));
        assert!(
            list.version > before.version,
            "a verifier that has the old list would not take this one"
        );
    }
    // A list that the backup does not contain.
    let unknown = list(&server, &restored, "/oauth2/status-lists/77").await;
    assert_eq!(
        (unknown.status_list.status(0), unknown.status_list.status(131_071)),
        (Some(1), Some(1))
    );
    for name in older.into_iter().map(String::as_str).chain(["ada", "grace"]) {
        let (access_token, refresh_token) = sign_in(&client, name).await;
        assert!(is_accepted(&client, &access_token).await && refreshes(&client, &refresh_token).await);
        let (path, idx) = place(&access_token);
        assert_eq!(list(&server, &restored, &path).await.status_list.status(idx), Some(0));
    }
    assert!(done(&execute(&restored, &["audit", "list", "--kind", "database.restored"])).contains("accounts"));
    assert!(done(&execute(&restored, &["audit", "verify"])).starts_with("The audit log is intact: "));
    server.kill();
    assert!(failed(&execute(&restored, &["restore", &file])).contains("is not empty"));
}

#[apply(on_both_databases!)]
async fn f_18_a_verifier_with_the_old_list_notices_the_restore(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    register(&server.client(), "ada").await;
    assert!(execute(&scratch, &["backup", "backup.gz"]).status.success());
    let ada = sign_in(&server.client(), "ada").await;
    let address = server.address;
    let guard = Guard::discover(ISSUER)
        .base_url(&server.base)
        .audience(ISSUER)
        .build()
        .await
        .unwrap();
    guard.verify(&ada.0).await.unwrap();
    server.kill();
    let restored = elsewhere(database, &scratch).await;
    let file = scratch.folder().join("backup.gz").display().to_string();
    done(&execute(&restored, &["restore", &file]));
    guard.verify(&ada.0).await.unwrap();
    let launch = Launch::new(BINARY, &restored).with("COUNTERSIGN_LISTEN", address.to_string());
    let server = start_at(&launch, address).await;
    eventually("the guard refuses what the backup never knew", async || {
        guard
            .verify(&ada.0)
            .await
            .is_err_and(|denied| matches!(denied.reason, Reason::Revoked))
    })
    .await;
    drop(server);
}

#[apply(on_both_databases!)]
async fn f_18_links_sent_before_a_restore_are_invalid_after_it(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    register(&server.client(), "ada").await;
    let mut mail = None;
    eventually("the mail is sent", async || {
        let folder = std::fs::read_dir(scratch.folder().join("data/mail"))
            .into_iter()
            .flatten();
        let path = folder
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|end| end == "eml"));
        mail = path.map(|path| ReceivedMail::parse(&std::fs::read(path).unwrap()));
        mail.is_some()
    })
    .await;
    assert!(execute(&scratch, &["backup", "backup.gz"]).status.success());
    // It is spent after the backup was made, so the backup does not know.
    let answer = json!({ "token": mail.unwrap().token(), "password": PASSWORD });
    let verify = "/api/auth/verify-email/confirm";
    server.client().post(verify, &answer).await.unwrap().assert_status(204);
    server.kill();
    let restored = elsewhere(database, &scratch).await;
    let file = scratch.folder().join("backup.gz").display().to_string();
    done(&execute(&restored, &["restore", &file]));
    let server = Launch::new(BINARY, &restored).start().await;
    server
        .client()
        .post(verify, &answer)
        .await
        .unwrap()
        .assert_problem(400, "invalid_code");
    server.kill();
}

#[apply(on_both_databases!)]
async fn the_worst_day_ends_everything_on_a_running_server(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    register(&client, "ada").await;
    let ada = sign_in(&client, "ada").await;
    assert!(is_accepted(&client, &ada.0).await);
    assert!(done(&execute(&scratch, &["sessions", "revoke", "--everyone"])).starts_with("Revoked 1 sessions"));
    eventually("the running server notices", async || {
        !is_accepted(&client, &ada.0).await
    })
    .await;
    assert!(!refreshes(&client, &ada.1).await);
    let again = sign_in(&client, "ada").await;
    assert!(is_accepted(&client, &again.0).await);
    assert_ne!(place(&again.0).0, place(&ada.0).0);
    done(&execute(&scratch, &["sessions", "revoke", "--everyone"]));
    eventually("a second time too", async || !is_accepted(&client, &again.0).await).await;
    let third = sign_in(&client, "ada").await;
    assert!(is_accepted(&client, &third.0).await);
    server.kill();
}

#[apply(on_both_databases!)]
async fn the_worst_day_ends_mails_that_have_not_left_yet(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    // Nothing listens on this port.
    let away = Launch::new(BINARY, &scratch).with("COUNTERSIGN_MAIL__SMTP_URL", "smtp://127.0.0.1:9");
    let server = away.start().await;
    let client = server.client();
    register(&client, "ada").await;
    for path in ["/api/auth/login/email", "/api/auth/recover"] {
        client
            .post(path, &json!({ "email": "ada@example.com" }))
            .await
            .unwrap()
            .assert_status(202);
    }
    server.kill();
    let queued = || {
        let listed = done(&execute(&scratch, &["mail", "list", "--queued", "--json"]));
        serde_json::from_str::<serde_json::Value>(&listed)
            .unwrap()
            .as_array()
            .map_or(0, Vec::len)
    };
    assert_eq!(queued(), 3);
    done(&execute(&scratch, &["sessions", "revoke", "--everyone"]));
    let server = Launch::new(BINARY, &scratch).start().await;
    done(&execute(&scratch, &["mail", "retry"]));
    eventually("nothing is queued any more", async || queued() == 0).await;
    let folder = std::fs::read_dir(scratch.folder().join("data/mail"))
        .into_iter()
        .flatten();
    assert_eq!(
        folder
            .filter(|entry| entry
                .as_ref()
                .is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "eml")))
            .count(),
        0
    );
    server.kill();
}

#[apply(on_both_databases!)]
async fn an_installation_moves_and_users_stay_signed_in(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    for name in ["ada", "grace"] {
        register(&client, name).await;
    }
    let (ada, grace) = (sign_in(&client, "ada").await, sign_in(&client, "grace").await);
    let refreshed = client
        .post("/api/auth/refresh", &json!({ "refresh_token": ada.1 }))
        .await
        .unwrap()
        .json();
    client
        .send((Method::POST, "/api/auth/logout"), None, &grace.0)
        .await
        .unwrap()
        .assert_status(204);
    assert!(
        execute(&scratch, &["users", "grant", "ada@example.com", "products:write"])
            .status
            .success()
    );

    let other = match database {
        Database::Sqlite => Database::Postgres,
        Database::Postgres => Database::Sqlite,
    };
    let target = elsewhere(other, &scratch).await;
    std::fs::write(target.folder().join("to"), &target.url).unwrap();
    let arguments = ["migrate-database", "--from", &scratch.url, "--to", "@to"];
    if database == Database::Sqlite {
        assert!(failed(&execute(&target, &arguments)).contains("another server is using"));
    }
    server.terminate();
    let told = done(&execute(&target, &arguments));
    assert!(told.starts_with("Moved 2 accounts, 2 sessions and "), "{told}");
    assert!(failed(&execute(&target, &arguments)).contains("is not empty"));

    let server = Launch::new(BINARY, &target).start().await;
    let client = server.client();
    assert!(is_accepted(&client, &ada.0).await && !is_accepted(&client, &grace.0).await);
    assert!(
        refreshes(&client, refreshed["refresh_token"].as_str().unwrap()).await && !refreshes(&client, &grace.1).await
    );
    let answer = client
        .post("/api/auth/login", &credentials("ada"))
        .await
        .unwrap()
        .assert_status(200)
        .json();
    assert_eq!(answer["scope"], "products:write");
    assert!(done(&execute(&target, &["audit", "verify"])).starts_with("The audit log is intact: "));
    server.kill();
}

#[apply(on_both_databases!)]
async fn what_cannot_be_restored_says_why_and_leaves_nothing_that_serves(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    for at in 0..30 {
        register(&server.client(), &format!("user{at}")).await;
    }
    done(&execute(&scratch, &["backup", "backup.gz"]));
    server.kill();
    let whole = std::fs::read(scratch.folder().join("backup.gz")).unwrap();
    let target = elsewhere(database, &scratch).await;
    let restore = |bytes: &[u8]| {
        std::fs::write(target.folder().join("broken.gz"), bytes).unwrap();
        failed(&execute(&target, &["restore", "broken.gz"]))
    };
    for cut in [whole.len() - 1, whole.len() - 9, whole.len() / 2, 40] {
        let said = restore(&whole[..cut]);
        assert!(
            said.contains("damaged or incomplete") || said.contains("is not a Countersign backup"),
            "{cut}: {said}"
        );
    }
    // Data after the end is an error.
    for more in [&b"more"[..], &whole] {
        let said = restore(&[&whole[..], more].concat());
        assert!(said.contains("damaged"), "{said}");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let said = restore(&flipped);
    assert!(said.contains("damaged"), "{said}");
    assert!(restore(b"").contains("is not a Countersign backup"));
    assert!(restore(b"SQLite format 3\0").contains("is not a Countersign backup"));
    assert!(failed(&execute(&target, &["restore", "nothing.gz"])).contains("file not found: nothing.gz"));
    let newer = with_line(&whole, "\"schema\":", "\"schema\":9");
    assert!(restore(&newer).contains("with the version that wrote it, or a newer one"));
    let other = with_line(&whole, "user7@example.com", "user8@example.com");
    assert!(restore(&other).contains("damaged"));
    // None of it has changed the database.
    std::fs::write(target.folder().join("whole.gz"), &whole).unwrap();
    done(&execute(&target, &["restore", "whole.gz"]));

    // Interrupted in the middle, as by kill -9.
    let half = elsewhere(database, &scratch).await;
    let db = Db::open(&DatabaseOptions::new(&half.url, Role::Admin)).await.unwrap();
    db.begin_transfer().await.unwrap();
    query(sql!("CREATE TABLE half (id BIGINT)")).execute(&db).await.unwrap();
    db.close().await.unwrap();
    let refusal = Launch::new(BINARY, &half).refused().await;
    assert!(refusal.text.contains("is incomplete"), "{}", refusal.text);
    assert!(failed(&execute(&half, &["users", "list"])).contains("is incomplete"));
}

#[apply(on_both_databases!)]
async fn a_backup_is_restored_by_the_next_version_but_not_by_the_one_before(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    register(&server.client(), "ada").await;
    done(&execute(&scratch, &["backup", "old.gz"]));
    server.kill();
    let server = Launch::new(BINARY, &scratch).with(NEXT_VERSION, "1").start().await;
    register(&server.client(), "grace").await;
    server.kill();
    let next =
        |scratch: &ScratchDatabase, arguments: &[&str]| program(scratch, arguments).env(NEXT_VERSION, "1").output();
    done(&next(&scratch, &["backup", "new.gz"]).unwrap());
    let file = |name: &str| scratch.folder().join(name).display().to_string();

    let restored = elsewhere(database, &scratch).await;
    let told = done(&next(&restored, &["restore", &file("old.gz")]).unwrap());
    assert!(told.starts_with("Restored and verified 1 accounts,"), "{told}");
    let server = Launch::new(BINARY, &restored).with(NEXT_VERSION, "1").start().await;
    sign_in(&server.client(), "ada").await;
    server.kill();

    let refused = elsewhere(database, &scratch).await;
    let told = failed(&execute(&refused, &["restore", &file("new.gz")]));
    assert!(
        told.contains("has schema 1000000, but this version only supports schemas up to"),
        "{told}"
    );
}

#[apply(on_both_databases!)]
async fn sessions_can_be_kept_on_purpose(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    register(&server.client(), "ada").await;
    let ada = sign_in(&server.client(), "ada").await;
    done(&execute(&scratch, &["backup", "backup.gz"]));
    server.kill();
    let restored = elsewhere(database, &scratch).await;
    let file = scratch.folder().join("backup.gz").display().to_string();
    assert!(done(&execute(&restored, &["restore", "--keep-sessions", &file])).contains("Sessions were kept"));
    let server = Launch::new(BINARY, &restored).start().await;
    assert!(is_accepted(&server.client(), &ada.0).await && refreshes(&server.client(), &ada.1).await);
    server.kill();
}

/// The backup with a text in it replaced.
fn with_line(backup: &[u8], from: &str, to: &str) -> Vec<u8> {
    use std::io::{Read, Write};
    let mut text = String::new();
    flate2::read::GzDecoder::new(backup).read_to_string(&mut text).unwrap();
    assert!(text.contains(from), "{from}");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.replacen(from, to, 1).as_bytes()).unwrap();
    encoder.finish().unwrap()
}

async fn start_at(launch: &Launch<'_>, address: std::net::SocketAddr) -> Process {
    let mut command = Command::new(&launch.command[0]);
    let folder = launch.scratch.folder();
    command.arg("serve").env_clear().current_dir(&folder);
    command
        .env("COUNTERSIGN_LISTEN", address.to_string())
        .env("COUNTERSIGN_ISSUER", ISSUER);
    command
        .env("COUNTERSIGN_DATABASE_URL", &launch.scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys");
    command.stdout(log(&folder)).stderr(log(&folder));
    let process = Process(command.spawn().unwrap());
    let client = HttpClient::of(&format!("http://{address}"));
    eventually("the server answers", async || {
        client.get_as("/healthz", "").await.is_some()
    })
    .await;
    process
}

fn log(folder: &Path) -> std::fs::File {
    std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("server.log"))
        .unwrap()
}

/// A process that ends with the test.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
