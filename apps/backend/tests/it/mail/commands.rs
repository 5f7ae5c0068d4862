//! Commands for emails and email addresses, run by the operator while a server is running.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use countersign_testkit::{Database, Launch, PASSWORD, ReceivedMail, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

pub(super) fn command(scratch: &ScratchDatabase, arguments: &[&str]) -> Output {
    let mut started = Command::new(BINARY);
    started.env_clear().current_dir(scratch.folder());
    started
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys");
    started.env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000");
    started.args(arguments).arg("--json").output().unwrap()
}

pub(super) fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until the folder contains this many emails, and returns them by subject.
async fn mails(scratch: &ScratchDatabase, count: usize) -> BTreeMap<String, ReceivedMail> {
    let began = Instant::now();
    loop {
        let folder = std::fs::read_dir(scratch.folder().join("mail"));
        let paths: Vec<_> = folder
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        let whole: Vec<_> = paths
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .collect();
        if whole.len() >= count {
            let read = whole
                .into_iter()
                .map(|path| ReceivedMail::parse(&std::fs::read(path).unwrap()));
            return read.map(|mail| (mail.subject.clone(), mail)).collect();
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{} of {count} mails arrived",
            whole.len()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[apply(on_both_databases!)]
async fn a_17_a_22_x_38_an_operator_invites_verifies_and_sends_emails_without_seeing_secrets(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let folder = scratch.folder().join("mail").display().to_string();
    let server = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_MAIL__FOLDER", folder)
        .start()
        .await;
    let client = server.client();

    let invited = command(&scratch, &["users", "invite", "ada@example.com"]);
    for secret in ["csl_", "$argon2"] {
        assert!(!String::from_utf8_lossy(&invited.stdout).contains(secret));
    }
    assert_eq!(done(&invited)["email_verified_at"], Value::Null);
    let again = command(&scratch, &["users", "invite", "ADA@example.com"]);
    assert_eq!(again.status.code(), Some(1));
    let invitation = mails(&scratch, 1)
        .await
        .remove("You’ve been invited to Countersign")
        .unwrap();
    let accept = json!({ "token": invitation.token(), "new_password": PASSWORD });
    client
        .post("/api/auth/recover/confirm", &accept)
        .await
        .unwrap()
        .assert_status(204);
    client
        .post("/api/auth/recover/confirm", &accept)
        .await
        .unwrap()
        .assert_problem(400, "invalid_code");
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    client.post("/api/auth/login", &ada).await.unwrap().assert_status(200);
    assert_ne!(
        done(&command(&scratch, &["users", "show", "ada@example.com"]))["email_verified_at"],
        Value::Null
    );

    // A reset that the operator starts and only the owner can complete.
    done(&command(
        &scratch,
        &["users", "send-mail", "ada@example.com", "recover"],
    ));
    let reset = mails(&scratch, 3)
        .await
        .remove("Reset your Countersign password")
        .unwrap();
    let answer = json!({ "token": reset.token(), "new_password": "another umbrella for tests" });
    client
        .post("/api/auth/recover/confirm", &answer)
        .await
        .unwrap()
        .assert_status(204);

    let bob = json!({ "email": "bob@example.com", "password": PASSWORD });
    client
        .post("/api/auth/register", &bob)
        .await
        .unwrap()
        .assert_status(201);
    assert_eq!(
        done(&command(&scratch, &["users", "verify", "bob@example.com"]))["email_verified"],
        true
    );
    assert_ne!(
        done(&command(&scratch, &["users", "show", "bob@example.com"]))["email_verified_at"],
        Value::Null
    );

    let listed = command(&scratch, &["mail", "list"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        !text.contains("csl_") && text.contains("invitation") && text.contains("reset_password"),
        "{text}"
    );
    assert!(
        done(&command(&scratch, &["mail", "list", "--limit", "1"]))
            .as_array()
            .unwrap()
            .len()
            == 1
    );
    done(&command(&scratch, &["mail", "retry"]));
    assert!(server.terminate().success());
}

#[apply(on_both_databases!)]
async fn an_operator_has_each_kind_of_mail_sent_as_named(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let folder = scratch.folder().join("mail").display().to_string();
    let server = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_MAIL__FOLDER", folder)
        .start()
        .await;
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    let registered = server.client().post("/api/auth/register", &ada).await;
    registered.unwrap().assert_status(201);
    for (count, what, subject) in [
        (2, "invite", "You’ve been invited to Countersign"),
        (3, "recover", "Reset your Countersign password"),
    ] {
        done(&command(&scratch, &["users", "send-mail", "ada@example.com", what]));
        let mails = mails(&scratch, count).await;
        assert!(mails.contains_key(subject), "{what}: {:?}", mails.keys());
    }
    assert!(server.terminate().success());
}

#[apply(on_both_databases!)]
async fn c_64_an_operator_cannot_create_undeliverable_or_look_alike_accounts(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    for (email, why) in [
        ("a@127.0.0.1", "top-level domain"),
        ("a@example.123", "top-level domain"),
        ("\u{fb01}@example.com", "lookalike characters"),
        ("ada@example\u{3002}com", "lookalike characters"),
    ] {
        let refused = command(&scratch, &["users", "invite", email]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            refused.status.code() == Some(1) && said.contains(why),
            "{email}: {said}"
        );
    }
    let listed = command(&scratch, &["users", "list"]);
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(
        said.contains("no Countersign database"),
        "not even a database was made: {said}"
    );
}
