//! Passwords as users type them.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use countersign::core::email::Email;
use countersign::core::ids::AccountId;
use countersign::features::identity::accounts;
use countersign_testkit::{Answer, Database, PASSWORD, Person, TestServer, apply, on_both_databases};
use serde_json::json;

#[track_caller]
fn refused(answer: Answer, field: &str) {
    let answer = answer.assert_problem(422, "password_contains_context");
    assert_eq!(answer.json()["errors"][0]["field"], field);
}

/// Runs `countersign users set-password` with the password on its standard input.
fn by_command(server: &TestServer, email: &str, password: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(["users", "set-password", email, "--password-stdin"])
        .env_clear()
        .env("COUNTERSIGN_DATABASE_URL", server.database_url())
        .env("COUNTERSIGN_KEYS_DIR", &server.services.settings.keys_dir)
        .current_dir(server.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    child.wait_with_output().unwrap()
}

#[apply(on_both_databases!)]
async fn a6_a7_any_character_is_allowed_and_every_character_counts(database: Database) {
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
        server
            .post("/api/auth/register", json!({ "email": email, "password": password }))
            .await
            .assert_status(201);
        for wrong in [
            format!("{password} "),
            format!(" {password}"),
            password.to_uppercase(),
            prefix.clone(),
        ] {
            if wrong != password {
                server
                    .post("/api/auth/login", json!({ "email": email, "password": wrong }))
                    .await
                    .assert_status(401);
            }
        }
        server
            .post("/api/auth/login", json!({ "email": email, "password": password }))
            .await
            .assert_status(200);
    }
}

/// At every endpoint that takes a new password, and on the command line.
#[apply(on_both_databases!)]
async fn a11_words_from_the_account_are_refused_wherever_a_password_is_set(database: Database) {
    let server = TestServer::start(database).await;
    let email = "ada.lovelace@example.com";
    let own = [
        "ada.lovelace@example.com",
        "Ada_Lovelace1",
        "lovelace1815",
        "countersign2026",
    ];
    for password in own {
        let body = json!({ "email": email, "password": password });
        refused(server.post("/api/auth/register", body).await, "password");
    }
    let body = json!({ "email": email, "password": PASSWORD });
    server.post("/api/auth/register", body.clone()).await.assert_status(201);
    let token = server.mail().await.token();
    for password in own {
        let body = json!({ "token": token, "new_password": password });
        refused(
            server.post("/api/auth/verify-email/confirm", body).await,
            "new_password",
        );
    }
    let proof = json!({ "token": token, "password": PASSWORD });
    server
        .post("/api/auth/verify-email/confirm", proof)
        .await
        .assert_status(204);
    let ada = server.sign_in("ada.lovelace").await;
    for password in own {
        let body = json!({ "current_password": PASSWORD, "new_password": password });
        refused(ada.post("/api/auth/change-password", body).await, "new_password");
    }
    server
        .post("/api/auth/recover", json!({ "email": email }))
        .await
        .assert_status(202);
    let token = server.mail().await.token();
    for password in own {
        let body = json!({ "token": token, "new_password": password });
        refused(server.post("/api/auth/recover/confirm", body).await, "new_password");
    }
    for password in own {
        let output = by_command(&server, email, password);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{password}: {said}");
        assert!(
            said.contains("is too similar to your email address"),
            "{password}: {said}"
        );
    }
    // Nothing has changed so far, and an unrelated password is accepted.
    server.post("/api/auth/login", body).await.assert_status(200);
    let body = json!({ "token": token, "new_password": "another long umbrella" });
    server.post("/api/auth/recover/confirm", body).await.assert_status(204);
}

#[apply(on_both_databases!)]
async fn r62_composed_and_decomposed_are_one_password(database: Database) {
    let server = TestServer::start(database).await;
    let (composed, decomposed) = ("caf\u{e9} umbrella", "cafe\u{301} umbrella");
    let body = |password: &str| json!({ "email": "ada@example.com", "password": password });
    server
        .post("/api/auth/register", body(decomposed))
        .await
        .assert_status(201);
    server.post("/api/auth/login", body(composed)).await.assert_status(200);
    server
        .post("/api/auth/login", body(decomposed))
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn f_11_old_and_imported_hashes_cost_what_an_unknown_account_costs(database: Database) {
    let server = TestServer::start_with(database, "email_verification = \"off\"\n").await;
    let hashes = [
        // Created with earlier parameters, cheaper and more expensive ones, and by other systems.
        "$argon2id$v=19$m=9216,t=4,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=32768,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie",
        "$scrypt$ln=10,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "$pbkdf2-sha256$i=4096,l=32$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+E",
    ];
    let current = server.user("current").await;
    for (number, hash) in hashes.iter().enumerate() {
        let old = server.user(&format!("old{number}")).await;
        set_hash(&server, &old, (*hash).to_owned()).await;
    }
    // Like another process that learns about them at startup.
    server.services.accounts.learn_schemes().await.unwrap();
    let cost = async |email: &str, password: &str, status: u16| {
        let before = computed(&server);
        let answer = server
            .post("/api/auth/login", json!({ "email": email, "password": password }))
            .await;
        answer.assert_status(status);
        (0..before.len())
            .map(|scheme| computed(&server)[scheme] - before[scheme])
            .collect::<Vec<_>>()
    };
    let unknown = cost("nobody@example.com", "wrong", 401).await;
    // Three kinds of Argon2id, and one of each of the others.
    assert_eq!(unknown, [3, 1, 1, 1]);
    for (number, hash) in hashes.iter().enumerate() {
        assert_eq!(
            cost(&format!("old{number}@example.com"), "wrong", 401).await,
            unknown,
            "{hash}"
        );
    }
    assert_eq!(cost("current@example.com", "wrong", 401).await, unknown);
    // With another spelling, everything is tried twice, for all users alike.
    let twice = cost("nobody@example.com", "cafe\u{301}", 401).await;
    assert_eq!(twice, [6, 2, 2, 2]);
    assert_eq!(cost("old2@example.com", "cafe\u{301}", 401).await, twice);
    // All other ways: a signed-in user, and an emailed code.
    let before = computed(&server);
    let change = json!({ "current_password": "wrong", "new_password": "a better umbrella" });
    current
        .post("/api/auth/change-password", change)
        .await
        .assert_status(403);
    let handle = format!("csh_{}", "A".repeat(43));
    let guess = json!({ "email": "nobody@example.com", "code": "000000", "handle": handle });
    server
        .post("/api/auth/login/email/confirm", guess)
        .await
        .assert_status(400);
    assert_eq!(
        computed(&server)
            .iter()
            .zip(&before)
            .map(|(after, before)| after - before)
            .collect::<Vec<_>>(),
        [6, 2, 2, 2]
    );
    // A scheme that was added while the server was running is noticed when used, and then costs the same for all users.
    let late = server.user("late").await;
    set_hash(
        &server,
        &late,
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
    )
    .await;
    let met = cost("late@example.com", "wrong", 401).await;
    assert_eq!(met, [3, 2, 1, 1]);
    assert_eq!(cost("nobody@example.com", "wrong", 401).await, met);
    // They are forgotten with the last account that uses them.
    for name in ["old0", "old1", "old2", "old3", "old4", "late"] {
        let id: AccountId = id_of(&server, &format!("{name}@example.com")).await;
        server
            .services
            .operator
            .delete(&accounts::find(&server.services.db, id).await.unwrap().unwrap())
            .await
            .unwrap();
    }
    server.services.accounts.learn_schemes().await.unwrap();
    assert_eq!(cost("nobody@example.com", "wrong", 401).await, [1, 0, 0, 0]);
}

#[apply(on_both_databases!)]
async fn a77_a_hash_with_outdated_parameters_is_replaced_at_sign_in(database: Database) {
    use countersign::core::{email::Email, ids::AccountId, password::Verdict};
    use countersign::features::identity::accounts;
    let server = TestServer::start_with(database, "[passwords]\n").await;
    let ada = server.user("ada").await;
    let id: AccountId = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    // A bcrypt hash, like an imported one.
    let hash = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";
    let now = server.services.clock.now();
    server
        .services
        .db
        .transact(|tx| Box::pin(async move { accounts::change_password(tx, id, None, hash, now).await.map(drop) }))
        .await
        .unwrap();
    let email: Email = "ada@example.com".parse().unwrap();
    let login = json!({ "email": "ada@example.com", "password": "correctbatteryhorsestapler" });
    server.post("/api/auth/login", login.clone()).await.assert_status(200);
    let stored = accounts::credentials_by_email(&server.services.db, &email)
        .await
        .unwrap()
        .unwrap();
    assert!(stored.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let password = "correctbatteryhorsestapler".to_owned().into();
    let verdict = server
        .services
        .hasher
        .verify(password, Some(&stored.password_hash))
        .await
        .unwrap();
    assert_eq!(verdict, Verdict::Right);
    server.post("/api/auth/login", login).await.assert_status(200);
}

/// The number of hashes computed so far with Argon2, bcrypt, scrypt and PBKDF2.
fn computed(server: &TestServer) -> [u64; 4] {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &server.services.registry.lock().unwrap()).unwrap();
    ["argon2", "bcrypt", "scrypt", "pbkdf2"].map(|scheme| {
        let name = format!("countersign_hashing_computed_total{{scheme=\"{scheme}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    })
}

async fn id_of(server: &TestServer, email: &str) -> AccountId {
    let email: Email = email.parse().unwrap();
    accounts::find_by_email(&server.services.db, &email)
        .await
        .unwrap()
        .unwrap()
        .id
}

/// Sets an account's hash, like an import.
async fn set_hash(server: &TestServer, person: &Person<'_>, hash: String) {
    let (id, hash, now) = (id_of(server, &person.email).await, &hash, server.services.clock.now());
    server
        .services
        .db
        .transact(|tx| Box::pin(async move { accounts::change_password(tx, id, None, hash, now).await.map(drop) }))
        .await
        .unwrap();
}
