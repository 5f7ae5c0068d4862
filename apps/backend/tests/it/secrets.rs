//! Secrets that grant access: their randomness, how they are looked up, and how they are protected in transit.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_store::{Piece, Value};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

/// The random bits of a secret, after its prefix. A refresh token has two secrets, after its session's id.
fn bits(secret: &str) -> Vec<Vec<u8>> {
    let (prefix, encoded) = secret
        .split_once('_')
        .unwrap_or_else(|| panic!("{secret} has no prefix"));
    let bits = URL_SAFE_NO_PAD.decode(encoded).unwrap();
    match prefix {
        "csr" => vec![bits[16..32].to_vec(), bits[32..].to_vec()],
        _ => vec![bits],
    }
}

/// Every kind of secret that a user receives.
async fn given(server: &TestServer) -> (Vec<String>, Vec<String>) {
    let (mut secrets, mut codes) = (Vec::new(), Vec::new());
    let ada = server.user("ada").await;
    secrets.push(ada.refresh_token.clone());
    let rotated = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    secrets.push(rotated["refresh_token"].as_str().unwrap().to_owned());
    let mail = server.mail().await;
    secrets.push(mail.token());
    codes.push(mail.code());
    for path in ["/api/auth/recover", "/api/auth/login/email"] {
        server
            .post(path, json!({ "email": ada.email }))
            .await
            .assert_status(202);
        let mail = server.mail().await;
        secrets.push(mail.token());
        codes.push(mail.code());
    }
    (secrets, codes)
}

/// The database only contains hashes, so a presented secret can only be looked up by its hash.
#[apply(on_both_databases!)]
async fn a_75_issued_secrets_are_looked_up_by_hash(database: Database) {
    let server = TestServer::start(database).await;
    let (secrets, codes) = given(&server).await;
    let mut pieces = server.services.db.read_whole();
    let (mut cells, mut name) = (0, String::new());
    loop {
        match pieces.next().await.unwrap() {
            Piece::Table(table) => name = table.name,
            Piece::End => break,
            Piece::Rows(rows) => {
                for cell in rows.into_iter().flatten() {
                    cells += 1;
                    let bytes = match &cell {
                        Value::Text(text) => text.as_bytes(),
                        Value::Bytes(bytes) => bytes,
                        _ => continue,
                    };
                    for secret in &secrets {
                        for plain in bits(secret).into_iter().chain([secret.as_bytes().to_vec()]) {
                            let is_there = bytes.windows(plain.len()).any(|window| window == plain);
                            assert!(!is_there, "{secret} stands in {name}");
                        }
                    }
                    let is_password = bytes
                        .windows(PASSWORD.len())
                        .any(|window| window == PASSWORD.as_bytes());
                    assert!(!is_password, "the password stands in {name}");
                    assert!(
                        codes.iter().all(|code| bytes != code.as_bytes()),
                        "a code stands in {name}"
                    );
                }
            }
        }
    }
    assert!(cells > 50, "there was little to look at: {cells}");
    // It is found by its complete text only, not by a prefix.
    let newest = &secrets[1];
    let shorter = &newest[..newest.len() - 1];
    for wrong in [shorter, &newest.to_uppercase()] {
        server
            .post("/api/auth/refresh", json!({ "refresh_token": wrong }))
            .await
            .assert_problem(401, "invalid_refresh_token");
    }
    server
        .post("/api/auth/refresh", json!({ "refresh_token": newest }))
        .await
        .assert_status(200);
}

/// Whatever is done with passwords, right or wrong, no table contains one, plain or encoded.
#[apply(on_both_databases!)]
async fn c_80_no_table_contains_a_password_after_any_operation(database: Database) {
    for mode in ["optional", "required"] {
        let server = TestServer::start_with(database, &format!("email_verification = \"{mode}\"\n")).await;
        let canary = |of: &str| format!("canary umbrella of {of}");
        let register = |email: &str, of: &str| {
            server.post("/api/auth/register", json!({ "email": email, "password": canary(of) }))
        };
        let login =
            |email: &str, of: &str| server.post("/api/auth/login", json!({ "email": email, "password": canary(of) }));
        register("ada@example.com", "ada").await;
        // Another user signs up with the same email address, and one more remains unverified.
        register("ada@example.com", "eve").await;
        register("unproven@example.com", "ida").await;
        login("ada@example.com", "a guess").await;
        login("nobody@example.com", "nobody").await;
        server
            .post(
                "/api/auth/login",
                json!({ "email": canary("a slip"), "password": "ada@example.com" }),
            )
            .await;
        server
            .post(
                "/api/auth/login",
                json!({ "email": "x@example.com", "password": canary("x"), "scope": canary("y") }),
            )
            .await;
        server.mails().await;
        server
            .post("/api/auth/recover", json!({ "email": "unproven@example.com" }))
            .await;
        if mode == "optional" {
            let tokens = login("ada@example.com", "ada").await.assert_status(200).json();
            let bob = server.user("bob").await;
            let ada = bob.with(&tokens);
            let change =
                |current: &str, new: &str| json!({ "current_password": canary(current), "new_password": canary(new) });
            ada.post("/api/auth/change-password", change("a wrong guess", "ada, later"))
                .await
                .assert_status(403);
            ada.post("/api/auth/change-password", change("ada", "ada, later"))
                .await
                .assert_status(204);
            ada.post(
                "/api/auth/change-email",
                json!({ "email": "ada@example.org", "password": canary("ada, later") }),
            )
            .await
            .assert_status(202);
            ada.post(
                "/api/auth/change-email",
                json!({ "email": "ada@example.org", "password": canary("a slip") }),
            )
            .await
            .assert_status(403);
            bob.delete("/api/auth/me", json!({ "password": canary("nobody") }))
                .await
                .assert_status(403);
            server.mails().await;
            server
                .post("/api/auth/recover", json!({ "email": "bob@example.com" }))
                .await
                .assert_status(202);
            let token = server.mail().await.token();
            let reset = json!({ "token": token, "new_password": canary("bob, later") });
            server.post("/api/auth/recover/confirm", reset).await.assert_status(204);
            login("bob@example.com", "bob, later").await.assert_status(200);
        }
        let plain = b"canary umbrella";
        // Base64 has three forms, depending on the offset.
        let mut forms = vec![
            plain.to_vec(),
            "canary%20umbrella".into(),
            "canary+umbrella".into(),
            "canary\\u0020umbrella".into(),
        ];
        forms.push(
            plain
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                .into_bytes(),
        );
        forms.extend((0..3).map(|at| URL_SAFE_NO_PAD.encode(&plain[at..at + 12]).into_bytes()));
        let mut pieces = server.services.db.read_whole();
        let (mut cells, mut name) = (0, String::new());
        loop {
            match pieces.next().await.unwrap() {
                Piece::Table(table) => name = table.name,
                Piece::End => break,
                Piece::Rows(rows) => {
                    for cell in rows.into_iter().flatten() {
                        cells += 1;
                        let bytes = match &cell {
                            Value::Text(text) => text.as_bytes(),
                            Value::Bytes(bytes) => bytes,
                            _ => continue,
                        };
                        let found = forms
                            .iter()
                            .find(|form| bytes.windows(form.len()).any(|window| window == form.as_slice()));
                        assert!(found.is_none(), "a password stands in {name}");
                    }
                }
            }
        }
        assert!(cells > 50, "there was little to look at: {cells}");
    }
}

#[apply(on_both_databases!)]
async fn a_74_issued_secrets_have_256_random_bits_and_signatures_use_p_256(database: Database) {
    let server = TestServer::start(database).await;
    let (secrets, _) = given(&server).await;
    let mut seen = BTreeSet::new();
    for secret in &secrets {
        // Of a refresh token, the current secret, because that of the family stays the same.
        let bits = bits(secret).pop().unwrap();
        assert_eq!(bits.len(), 32, "{secret}");
        // A counter or a clock in it would repeat in some position.
        for place in 0..8 {
            assert!(
                seen.insert((place, bits[place * 4..place * 4 + 4].to_vec())),
                "{secret} repeats another"
            );
        }
    }
    let keys = server.get("/.well-known/jwks.json").await.json();
    for key in keys["keys"].as_array().unwrap() {
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"]),
            (&json!("EC"), &json!("P-256"), &json!("ES256")),
            "{key}"
        );
    }
    let stored: String = countersign_store::query(countersign_store::sql!("SELECT password_hash FROM accounts"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
    let (salt, hash) = stored
        .rsplit_once('$')
        .map(|(rest, hash)| (rest.rsplit('$').next().unwrap(), hash))
        .unwrap();
    // Base64: 22 characters are 128 bits, 43 are 256.
    assert!(salt.len() >= 22 && hash.len() >= 43, "{stored}");
}

#[test]
fn a_74_tls_offers_no_suite_or_key_exchange_below_128_bits() {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    for suite in &provider.cipher_suites {
        let name = format!("{:?}", suite.suite());
        let is_sealed = ["_AES_128_GCM_", "_AES_256_GCM_", "_CHACHA20_POLY1305_"];
        assert!(is_sealed.iter().any(|cipher| name.contains(cipher)), "{name}");
        assert!(
            name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"),
            "{name} keeps no secret of the past"
        );
    }
    for group in &provider.kx_groups {
        let name = format!("{:?}", group.name());
        assert!(
            ["X25519MLKEM768", "X25519", "secp256r1", "secp384r1"].contains(&name.as_str()),
            "{name}"
        );
    }
}

/// Secrets are only exposed through these two calls, and are never compared with their result.
#[test]
fn a_75_secrets_are_compared_in_constant_time() {
    let mut looked_at = 0;
    for folder in ["apps/backend/src", "crates/jose/src", "crates/guard/src"] {
        look(
            &Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(folder),
            &mut looked_at,
        );
    }
    assert!(looked_at > 10, "the calls have other names by now: {looked_at}");
}

fn look(folder: &Path, looked_at: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look(&path, looked_at);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Tests may compare anything.
            for line in text.split("#[cfg(test)]").next().unwrap().lines() {
                let reveals = [".reveal()", ".expose_secret()"].iter().any(|call| line.contains(call));
                *looked_at += usize::from(reveals);
                let compares = line.contains(" == ") || line.contains(" != ") || line.contains("matches!");
                assert!(!(reveals && compares), "{}: {line}", path.display());
            }
        }
    }
}
