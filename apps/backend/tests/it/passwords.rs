//! Passwords, as people use them.

use countersign_testkit::{Database, TestServer, on_both_databases};
use serde_json::json;

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
