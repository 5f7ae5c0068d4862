//! The command line as an operator uses it: mistakes are reported, a change without effect is not an event, and the log
//! records who made a change.

use std::process::{Command, Output, Stdio};

use countersign_testkit::{Database, Launch, PASSWORD, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

fn execute(scratch: &ScratchDatabase, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(scratch.folder()).args(arguments);
    command
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys");
    command
        .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn done(scratch: &ScratchDatabase, arguments: &[&str]) -> String {
    let output = execute(scratch, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(scratch: &ScratchDatabase, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(scratch, &[arguments, &["--json"]].concat())).unwrap()
}

/// The exit code and the standard error.
fn refused(scratch: &ScratchDatabase, arguments: &[&str]) -> (i32, String) {
    let output = execute(scratch, arguments);
    assert!(
        !output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Accounts that their owners created.
async fn with_accounts(database: Database, names: &[&str]) -> ScratchDatabase {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    for name in names {
        let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        server
            .client()
            .post("/api/auth/register", &account)
            .await
            .unwrap()
            .assert_status(201);
    }
    assert!(server.terminate().success());
    scratch
}

fn kinds_of(scratch: &ScratchDatabase, account: &str) -> Vec<String> {
    let listed = json(scratch, &["audit", "list", "--account", account]);
    listed
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[apply(on_both_databases!)]
async fn t_15_scopes_for_an_unverified_email_address_come_with_a_warning(database: Database) {
    let scratch = with_accounts(database, &["ada"]).await;
    let grant = ["users", "grant", "ada@example.com", "admin"];
    assert!(done(&scratch, &grant).contains("not verified"));
    assert_eq!(json(&scratch, &grant)["email_verified"], false);
    done(&scratch, &["users", "verify", "ada@example.com"]);
    assert!(!done(&scratch, &grant).contains("not verified"));
}

#[apply(on_both_databases!)]
async fn a_84_a_command_without_effect_records_no_event(database: Database) {
    let scratch = with_accounts(database, &["ada"]).await;
    let ada = "ada@example.com";
    let acts: [(&[&str], &str); 5] = [
        (&["users", "disable", ada], "account.disabled"),
        (&["users", "enable", ada], "account.enabled"),
        (&["users", "verify", ada], "email.verified"),
        (
            &["users", "grant", ada, "products:read", "products:write"],
            "account.scopes_changed",
        ),
        (&["users", "ungrant", ada, "products:write"], "account.scopes_changed"),
    ];
    for (act, kind) in acts {
        let before = kinds_of(&scratch, ada).len();
        assert!(
            !done(&scratch, act).to_lowercase().contains("nothing has changed"),
            "{act:?}"
        );
        let kinds = kinds_of(&scratch, ada);
        assert_eq!((kinds.len(), kinds[0].as_str()), (before + 1, kind), "{act:?}");
        let told = done(&scratch, act);
        assert!(told.to_lowercase().contains("nothing has changed"), "{act:?}: {told}");
        assert_eq!(kinds_of(&scratch, ada).len(), before + 1, "{act:?}");
    }
    let before = kinds_of(&scratch, ada).len();
    for act in [
        &["users", "ungrant", ada, "never:owned"][..],
        &["sessions", "revoke", "--all", ada],
        &["users", "enable", ada],
    ] {
        assert!(
            done(&scratch, act).to_lowercase().contains("nothing has changed"),
            "{act:?}"
        );
    }
    assert_eq!(kinds_of(&scratch, ada).len(), before);
    // Only new information is reported.
    done(&scratch, &["users", "grant", ada, "products:read", "vectors"]);
    let listed = json(&scratch, &["audit", "list", "--limit", "1"]);
    assert_eq!(listed[0]["detail"], "granted vectors");
    // A key that is revoked twice counts as revoked once.
    done(&scratch, &["keys", "rotate"]);
    let keys = json(&scratch, &["keys", "list"]);
    let next = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["state"] == "next")
        .unwrap()["kid"]
        .as_str()
        .unwrap()
        .to_owned();
    done(&scratch, &["keys", "revoke", &next]);
    assert!(done(&scratch, &["keys", "revoke", &next]).contains("nothing has changed"));
    let revoked = json(&scratch, &["audit", "list", "--kind", "keys.revoked"]);
    assert_eq!(revoked.as_array().unwrap().len(), 1);
}

#[apply(on_both_databases!)]
async fn a_84_the_audit_log_names_the_operator_and_the_account(database: Database) {
    let scratch = with_accounts(database, &["ada", "grace"]).await;
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let user = user.trim();
    done(&scratch, &["users", "disable", "ada@example.com"]);
    done(
        &scratch,
        &["users", "enable", "ada@example.com", "--as", "Barbara Liskov"],
    );
    done(&scratch, &["keys", "rotate", "--as", "edith"]);
    done(&scratch, &["backup", "b.gz", "--as", "edith"]);
    let actor = |kind: &str| json(&scratch, &["audit", "list", "--kind", kind])[0]["actor"].clone();
    assert_eq!(actor("account.disabled"), format!("operator:{user}"));
    assert_eq!(actor("account.enabled"), format!("operator:Barbara Liskov ({user})"));
    for kind in ["keys.prepared", "database.backed_up"] {
        assert_eq!(actor(kind), format!("operator:edith ({user})"));
    }
    let listed = json(&scratch, &["audit", "list", "--account", "ada@example.com"]);
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["email"] == "ada@example.com"),
        "{listed}"
    );
    assert!(done(&scratch, &["audit", "list"]).contains("grace@example.com"));
    assert!(done(&scratch, &["audit", "verify"]).starts_with("The audit log is intact"));
    // The email address is removed with the account.
    let id = listed[0]["account_id"].as_str().unwrap().to_owned();
    assert_eq!(json(&scratch, &["users", "show", &id])["email"], "ada@example.com");
    done(&scratch, &["users", "delete", "ada@example.com", "--yes"]);
    let listed = json(&scratch, &["audit", "list", "--account", &id]);
    assert!(
        listed.as_array().unwrap().iter().all(|entry| entry["email"].is_null()),
        "{listed}"
    );
    for name in ["", " ada", "a\tb", "ada (root)", &"a".repeat(65)] {
        assert_eq!(refused(&scratch, &["users", "list", "--as", name]).0, 2, "{name:?}");
    }
}

#[apply(on_both_databases!)]
async fn the_operator_who_ends_all_sessions_is_in_the_log(database: Database) {
    let scratch = with_accounts(database, &["ada"]).await;
    done(&scratch, &["sessions", "revoke", "--everyone", "--as", "edith"]);
    let listed = json(&scratch, &["audit", "list", "--kind", "all_sessions.revoked"]);
    let actor = listed[0]["actor"].as_str().unwrap();
    assert!(actor.starts_with("operator:edith ("), "{actor}");
}

#[apply(on_both_databases!)]
async fn what_is_typed_wrong_is_said_plainly(database: Database) {
    let scratch = with_accounts(database, &["ada"]).await;
    let ada = "ada@example.com";
    let cases: [(&[&str], i32, &str); 19] = [
        (&["audit", "list", "--kind", "typo"], 2, "sign_in"),
        (&["audit", "list", "--kind", "SIGN_IN"], 2, "sign_in"),
        (&["audit", "list", "--account", "nobody"], 1, "neither an email address"),
        (&["audit", "list", "--since", "yesterday"], 2, "Invalid time"),
        (
            &[
                "audit",
                "list",
                "--since",
                "2026-11-02T00:00:00Z",
                "--until",
                "2026-11-01T00:00:00Z",
            ],
            2,
            "--until must be later than --since",
        ),
        (
            &["users", "grant", ada, "bad scope"],
            2,
            "pass each scope as a separate argument",
        ),
        (
            &["users", "grant", ada, ""],
            2,
            "pass each scope as a separate argument",
        ),
        (
            &["users", "ungrant", ada, "a b"],
            2,
            "pass each scope as a separate argument",
        ),
        (
            &["token", "issue", ada, "--scope", "a b"],
            2,
            "pass each scope as a separate argument",
        ),
        (&["users", "grant", ada, "b\u{e4}d"], 2, "printable ASCII"),
        (
            &["token", "issue", ada, "--scope", "prodcuts:read"],
            1,
            "does not have the scopes prodcuts:read",
        ),
        (
            &["token", "issue", ada, "--ttl", "0s"],
            2,
            "the lifetime must be at least 1s",
        ),
        (
            &["token", "issue", ada, "--ttl", "200ms"],
            2,
            "the lifetime must be at least 1s",
        ),
        (
            &["token", "issue", ada, "--ttl", "5"],
            2,
            "such as 15d, 12h, 30m or 45s",
        ),
        (&["users", "list", "--limit", "all"], 2, "a whole number"),
        (&["sessions", "revoke", "deadbeef"], 2, "a session ID looks like"),
        (
            &["sessions", "revoke", "0198c5a0-7e1c-7000-8000-000000000000"],
            1,
            "no active session",
        ),
        (
            &["users", "show", "0198c5a0-7e1c-7000-8000-000000000000"],
            1,
            "no account with the ID",
        ),
        (&["keys", "retire", "nonsense"], 1, "unknown key nonsense"),
    ];
    for (line, code, said) in cases {
        let (ended, told) = refused(&scratch, line);
        assert!(
            ended == code && told.contains(said),
            "{line:?} ended with {ended}: {told}"
        );
        for library in ["invalid length", "invalid digit"] {
            assert!(!told.contains(library), "{line:?}: {told}");
        }
        // With --json, a program gets the same information.
        for line in [[line, &["--json"]].concat(), [&["--json"], line].concat()] {
            let (ended, told) = refused(&scratch, &line);
            let body: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{line:?}: {told}"));
            assert!(
                ended == code && body["error"].as_str().unwrap().contains(said),
                "{line:?} ended with {ended}: {body}"
            );
            let expected = match code {
                2 => "usage",
                _ if said.starts_with("no ") || said.starts_with("unknown key") => "not_found",
                _ => "failed",
            };
            assert_eq!(body["code"], expected, "{line:?}: {body}");
        }
    }
    let shown = json(&scratch, &["users", "show", ada]);
    assert_eq!(shown["scopes"], "");
    for line in [
        &["--json", "serv"][..],
        &["users", "frobnicate", "--json"],
        &["users", "list", "--limit", "none", "--json"],
        &["users", "--json"],
        &["--json", "keys"],
        &["users", "list", "--json=true"],
    ] {
        let body: Value = serde_json::from_str(&refused(&scratch, line).1).unwrap();
        assert_eq!(body["code"], "usage");
        assert!(!body["error"].as_str().unwrap().contains("--help"), "{body}");
        if line.len() == 2 {
            assert!(body["error"].as_str().unwrap().contains("command"), "{line:?}: {body}");
        }
    }
    let (code, told) = refused(&scratch, &["users", "list", "--json", "--keys-dir", "\"keys\""]);
    let body: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &body["code"]), (78, &json!("configuration")));
    // Help remains text.
    assert!(done(&scratch, &["users", "--help", "--json"]).contains("Usage:"));
}

#[apply(on_both_databases!)]
async fn accounts_are_searched_ordered_and_counted_off(database: Database) {
    let scratch = with_accounts(database, &["Grace", "ada", "edith"]).await;
    let emails = |arguments: &[&str]| -> Vec<String> {
        let listed = json(&scratch, &[&["users", "list"], arguments].concat());
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["email"].as_str().unwrap().replace("@example.com", ""))
            .collect()
    };
    assert_eq!(emails(&[]), ["Grace", "ada", "edith"]);
    assert_eq!(emails(&["--descending"]), ["edith", "ada", "Grace"]);
    assert_eq!(emails(&["--order", "email"]), ["ada", "edith", "Grace"]);
    assert_eq!(emails(&["--order", "email", "--limit", "2"]), ["ada", "edith"]);
    assert_eq!(emails(&["--search", "GRA"]), ["Grace"]);
    assert_eq!(emails(&["--search", "@EXAMPLE.com", "--limit", "1"]), ["Grace"]);
    assert_eq!(emails(&["--search", "%"]), Vec::<String>::new());
    assert_eq!(refused(&scratch, &["users", "list", "--limit", "0"]).0, 2);
}

#[apply(on_both_databases!)]
async fn a_key_that_has_signed_nothing_has_no_end(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    done(&scratch, &["keys", "generate"]);
    assert!(json(&scratch, &["keys", "list"])[0]["needed_until"].is_null());
    let server = Launch::new(BINARY, &scratch).start().await;
    done(&scratch, &["keys", "rotate"]);
    let next = || {
        let keys = json(&scratch, &["keys", "list"]);
        keys.as_array()
            .unwrap()
            .iter()
            .find(|key| key["state"] == "next")
            .unwrap()
            .clone()
    };
    for _ in 0..200 {
        if !next()["since"].is_null() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let next = next();
    assert!(!next["since"].is_null() && next["needed_until"].is_null(), "{next}");
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    server
        .client()
        .post("/api/auth/register", &ada)
        .await
        .unwrap()
        .assert_status(201);
    server
        .client()
        .post("/api/auth/login", &ada)
        .await
        .unwrap()
        .assert_status(200);
    let keys = json(&scratch, &["keys", "list"]);
    let current = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["state"] == "current")
        .unwrap();
    assert!(!current["needed_until"].is_null(), "{keys}");
    server.kill();
}
