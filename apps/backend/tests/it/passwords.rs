//! Passwords, as people use them.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use countersign_testkit::{Answer, Database, PASSWORD, TestServer, on_both_databases};
use serde_json::json;

#[track_caller]
fn refused(answer: Answer, field: &str) {
    let answer = answer.assert_problem(422, "password_contains_context");
    assert_eq!(answer.json()["errors"][0]["field"], field);
}

/// `countersign users set-password`, with the password on its standard input.
fn by_command(server: &TestServer, email: &str, password: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(["users", "set-password", email, "--password-stdin"])
        .env_clear()
        .env("COUNTERSIGN_DATABASE_URL", server.database_url())
        .env("COUNTERSIGN_KEYS_DIR", &server.context.settings.keys_dir)
        .current_dir(server.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    child.wait_with_output().unwrap()
}

on_both_databases! {
    async fn a6_a7_everything_is_allowed_and_counts_exactly(database: Database) {
        let server = TestServer::start(database).await;
        let prefix = "x".repeat(100);
        for (name, password) in [
            ("p1", "zzqqzzqqkkwwyyvvmmbb".to_owned()),
            ("p2", "🦀🦀🦀🦀🦀🦀🦀🦀".to_owned()),
            ("p3", "  two  spaces  ".to_owned()),
            ("p4", "kw".repeat(32)),
            ("p5", format!("{prefix}{}", "y".repeat(28))),
        ] {
            let email = format!("{name}@example.com");
            server.post("/api/auth/register", json!({ "email": email, "password": password })).await.assert_status(201);
            for wrong in [format!("{password} "), format!(" {password}"), password.to_uppercase(), prefix.clone()] {
                if wrong != password {
                    server.post("/api/auth/login", json!({ "email": email, "password": wrong })).await.assert_status(401);
                }
            }
            server.post("/api/auth/login", json!({ "email": email, "password": password })).await.assert_status(200);
        }
    }

    /// At every endpoint that takes a new password, and at the command line.
    async fn a11_the_accounts_own_words_are_refused_wherever_a_password_is_set(database: Database) {
        let server = TestServer::start(database).await;
        let email = "ada.lovelace@example.com";
        let own = ["ada.lovelace@example.com", "Ada_Lovelace1", "lovelace1815", "countersign2026"];
        for password in own {
            let body = json!({ "email": email, "password": password });
            refused(server.post("/api/auth/register", body).await, "password");
        }
        let body = json!({ "email": email, "password": PASSWORD });
        server.post("/api/auth/register", body.clone()).await.assert_status(201);
        let token = server.mail().await.token();
        server.post("/api/auth/verify-email/confirm", json!({ "token": token })).await.assert_status(204);
        let ada = server.sign_in("ada.lovelace").await;
        for password in own {
            let body = json!({ "current_password": PASSWORD, "new_password": password });
            refused(ada.post("/api/auth/change-password", body).await, "new_password");
        }
        server.post("/api/auth/recover", json!({ "email": email })).await.assert_status(202);
        let token = server.mail().await.token();
        for password in own {
            let body = json!({ "token": token, "new_password": password });
            refused(server.post("/api/auth/recover/confirm", body).await, "new_password");
        }
        for password in own {
            let output = by_command(&server, email, password);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{password}: {said}");
            assert!(said.contains("must not be made of your e-mail address"), "{password}: {said}");
        }
        // Nothing has changed by all that, and what is nobody's word is taken.
        server.post("/api/auth/login", body).await.assert_status(200);
        let body = json!({ "token": token, "new_password": "another long umbrella" });
        server.post("/api/auth/recover/confirm", body).await.assert_status(204);
    }

    async fn r62_composed_and_decomposed_are_one_password(database: Database) {
        let server = TestServer::start(database).await;
        let (composed, decomposed) = ("caf\u{e9} umbrella", "cafe\u{301} umbrella");
        let body = |password: &str| json!({ "email": "ada@example.com", "password": password });
        server.post("/api/auth/register", body(decomposed)).await.assert_status(201);
        server.post("/api/auth/login", body(composed)).await.assert_status(200);
        server.post("/api/auth/login", body(decomposed)).await.assert_status(200);
    }

    async fn a77_a_hash_of_old_parameters_is_made_anew_at_sign_in(database: Database) {
        use countersign::core::{email::Email, ids::AccountId, password::Verdict};
        use countersign::features::accounts;
        let server = TestServer::start(database).await;
        let ada = server.user("ada").await;
        let id: AccountId = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
        // A bcrypt hash, as an import would bring it.
        let imported = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie".to_owned();
        let now = server.context.clock.now();
        server
            .context
            .db
            .transact((id, imported, now), |tx, (id, hash, now)| {
                Box::pin(async move { accounts::change_password(tx, (*id, None), hash, *now).await.map(drop) })
            })
            .await
            .unwrap();
        let email: Email = "ada@example.com".parse().unwrap();
        let login = json!({ "email": "ada@example.com", "password": "correctbatteryhorsestapler" });
        server.post("/api/auth/login", login.clone()).await.assert_status(200);
        let stored = accounts::credentials_by_email(&server.context.db, &email).await.unwrap().unwrap();
        assert!(stored.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let password = "correctbatteryhorsestapler".to_owned().into();
        let verdict = server.context.hasher.verify(password, Some(&stored.password_hash)).await.unwrap();
        assert_eq!(verdict, Verdict::Right);
        server.post("/api/auth/login", login).await.assert_status(200);
    }
}
