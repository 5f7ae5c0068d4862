//! The standard claims of users: set on the command line, exported, deleted with the account.

use std::process::{Command, Stdio};

use countersign_store::{query, sql};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// Runs `countersign users profile ada@example.com …` next to a server. Returns the output of `--json`, or the error.
fn profile(server: &TestServer, arguments: &[&str]) -> Result<Value, String> {
    let output = Command::new(BINARY)
        .env_clear()
        .current_dir(server.folder())
        .args(["users", "profile", "ada@example.com", "--json"])
        .args(arguments)
        .env("COUNTERSIGN_DATABASE_URL", server.database_url())
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[apply(on_both_databases!)]
async fn o_59_an_operator_sets_claims_which_are_exported_and_deleted(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let shown = profile(&server, &[]).unwrap();
    assert_eq!(
        (&shown["claims"], &shown["phone_verified_at"], &shown["updated_at"]),
        (&json!({}), &Value::Null, &Value::Null)
    );
    for (arguments, claims, verified) in [
        (
            &["--claims", r#"{"given_name":"Ada","locale":"en-GB","gender":null}"#][..],
            json!({ "given_name": "Ada", "locale": "en-GB" }),
            false,
        ),
        (
            &[
                "--set",
                "address.country=UK",
                "--set",
                "address.locality=London",
                "--set",
                "phone_number=+44 20 7946 0000",
                "--phone-verified",
                "true",
            ],
            json!({ "given_name": "Ada", "locale": "en-GB", "phone_number": "+44 20 7946 0000",
                "address": { "country": "UK", "locality": "London" } }),
            true,
        ),
        (
            &["--set", "address.locality=", "--set", "locale="],
            json!({ "given_name": "Ada", "phone_number": "+44 20 7946 0000", "address": { "country": "UK" } }),
            true,
        ),
        // Nothing has changed.
        (
            &["--set", "given_name=Ada"],
            json!({ "given_name": "Ada", "phone_number": "+44 20 7946 0000", "address": { "country": "UK" } }),
            true,
        ),
        // Another number is not verified.
        (
            &["--set", "phone_number=+44 20 7946 0001", "--set", "address="],
            json!({ "given_name": "Ada", "phone_number": "+44 20 7946 0001" }),
            false,
        ),
    ] {
        let changed = profile(&server, arguments).unwrap();
        assert_eq!(changed["claims"], claims, "{arguments:?}");
        assert_eq!(!changed["phone_verified_at"].is_null(), verified, "{arguments:?}");
        assert_eq!(profile(&server, &[]).unwrap(), changed);
    }
    for (arguments, message) in [
        (
            &["--set", "email=eve@example.com"][..],
            "email is the email address of the account",
        ),
        (&["--set", "email_verified=true"], "email_verified cannot be set"),
        (
            &["--set", "phone_number_verified=true"],
            "phone_number_verified cannot be set",
        ),
        (&["--set", "name=Eve"], "name is the name of the account"),
        (&["--set", "nickname=\u{202e}evE"], "nickname must have"),
        (
            &["--set", "picture=javascript:alert(1)"],
            "picture must be an https URL",
        ),
        (&["--set", "groups=admins"], "groups is not a standard claim"),
        (&["--set", "given_name"], "expected a claim and its value"),
        (&["--claims", "[]"], "expected a JSON object"),
        (&["--claims", r#"{"gender":"a","gender":"b"}"#], "each member once"),
        (&["--clear", "--phone-verified", "true"], "no phone_number"),
    ] {
        let error = profile(&server, arguments).unwrap_err();
        assert!(error.contains(message), "{arguments:?}: {error}");
    }

    // The log has names and no values.
    let details: Vec<String> = query(sql!(
        "SELECT COALESCE(detail, '') FROM audit_events WHERE kind = 'account.profile_changed' ORDER BY at, detail"
    ))
    .all(&server.services.db)
    .await
    .unwrap();
    assert_eq!(details.len(), 4, "{details:?}");
    assert!(
        details.contains(&"claims: given_name, locale".to_owned()),
        "{details:?}"
    );
    assert!(
        details.contains(&"claims: phone_number, address, phone_number_verified".to_owned()),
        "{details:?}"
    );

    let export = ada.get("/api/auth/me/export").await.assert_status(200).json();
    let claims = json!({ "given_name": "Ada", "phone_number": "+44 20 7946 0001" });
    assert_eq!(export["profile"]["claims"], claims);
    let cleared = profile(&server, &["--clear", "--set", "nickname=A"]).unwrap();
    assert_eq!(cleared["claims"], json!({ "nickname": "A" }));

    // What was said about a deleted account is not said about a new one with the same address.
    ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    let left: i64 = query(sql!("SELECT count(*) FROM profiles"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
    server.user("ada").await;
    assert_eq!(profile(&server, &[]).unwrap()["claims"], json!({}));
}
