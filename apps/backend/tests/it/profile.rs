//! Names and metadata: at sign-up, changed by their users and by operators, and in access tokens.

use std::process::{Command, Stdio};

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::settings::{Settings, SettingsFile, Sources};
use countersign_store::{query, sql};
use countersign_testkit::{Database, PASSWORD, Person, ScratchDatabase, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
const NEW_PASSWORD: &str = "another umbrella for tests";
const ME: &str = "/api/auth/me";

/// Signs up with a name and metadata, and signs in.
async fn sign_up<'s>(server: &'s TestServer, name: &str, about: Value) -> Person<'s> {
    server
        .post("/api/auth/register", body_of(name, about))
        .await
        .assert_status(201);
    server.sign_in(name).await
}

fn body_of(name: &str, about: Value) -> Value {
    let mut body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
    body.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
    body
}

/// The name and the metadata of the user.
async fn profile(person: &Person<'_>) -> Value {
    about(&person.get(ME).await.assert_status(200).json())
}

fn about(user: &Value) -> Value {
    json!([user["name"], user["metadata"]])
}

/// The claims of a token, which is not verified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn events(server: &TestServer) -> Vec<String> {
    query(sql!(
        "SELECT COALESCE(detail, '') FROM audit_events WHERE kind = 'account.profile_changed' ORDER BY detail"
    ))
    .all(&server.services.db)
    .await
    .unwrap()
}

#[apply(on_both_databases!)]
async fn a_name_and_metadata_are_kept_changed_exported_and_deleted(database: Database) {
    let server = TestServer::start(database).await;
    let made = server
        .post(
            "/api/auth/register",
            body_of(
                "ada",
                json!({ "name": " Ada Love\u{300}lace ", "metadata": { "theme": "dark", "gone": null } }),
            ),
        )
        .await
        .assert_status(201)
        .json();
    // In normalization form C, and without members that are null (RFC 7396).
    let first = json!(["Ada Lov\u{e8}lace", { "theme": "dark" }]);
    assert_eq!(about(&made), first);
    let ada = server.sign_in("ada").await;
    assert_eq!(profile(&ada).await, first);
    // Without them, there is no name, and the metadata is empty.
    let bob = sign_up(&server, "bob", json!({})).await;
    assert_eq!(profile(&bob).await, json!([null, {}]));
    let eve = sign_up(&server, "eve", json!({ "name": null, "metadata": null })).await;
    assert_eq!(profile(&eve).await, json!([null, {}]));

    for (change, expected) in [
        (json!({}), json!(["Ada Lov\u{e8}lace", { "theme": "dark" }])),
        (json!({ "name": "Ada" }), json!(["Ada", { "theme": "dark" }])),
        (
            json!({ "metadata": { "orders": [1, 2.5], "address": { "city": "London", "zip": "W1" } } }),
            json!(["Ada", { "theme": "dark", "orders": [1, 2.5], "address": { "city": "London", "zip": "W1" } }]),
        ),
        (
            json!({ "metadata": { "theme": null, "orders": null, "address": { "zip": null } } }),
            json!(["Ada", { "address": { "city": "London" } }]),
        ),
        (
            json!({ "metadata": {} }),
            json!(["Ada", { "address": { "city": "London" } }]),
        ),
        (
            json!({ "name": null }),
            json!([null, { "address": { "city": "London" } }]),
        ),
        (json!({ "metadata": null, "name": "A" }), json!(["A", {}])),
    ] {
        let changed = ada.patch(ME, change.clone()).await.assert_status(200).json();
        assert_eq!(about(&changed), expected, "{change}");
        assert_eq!(profile(&ada).await, expected, "{change}");
    }
    // What has not changed is not recorded, and values never are.
    let expected = ["metadata", "metadata", "name", "name", "name and metadata"];
    assert_eq!(events(&server).await, expected);

    ada.patch(ME, json!({ "metadata": { "a": 1 } }))
        .await
        .assert_status(200);
    let export = ada.get("/api/auth/me/export").await.assert_status(200).json();
    assert_eq!(about(&export["user"]), json!(["A", { "a": 1 }]));
    let entries: Vec<_> = export["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].clone())
        .collect();
    assert!(entries.contains(&json!("account.profile_changed")), "{entries:?}");
    ada.delete(ME, json!({ "password": PASSWORD })).await.assert_status(204);
    let left: i64 = query(sql!(
        "SELECT count(*) FROM accounts WHERE name IS NOT NULL OR metadata <> '{}'"
    ))
    .one(&server.services.db)
    .await
    .unwrap();
    assert_eq!(left, 0);
    ada.patch(ME, json!({ "name": "Ada" }))
        .await
        .assert_problem(401, "invalid_token");
    // No one else's.
    assert_eq!(profile(&bob).await, json!([null, {}]));
    let request = Request::patch(ME).header("content-type", "application/json");
    let answer = server.send(request.body(Body::from("{}")).unwrap()).await;
    answer.assert_problem(401, "missing_token");
}

#[apply(on_both_databases!)]
async fn what_could_do_harm_is_neither_a_name_nor_metadata(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nchange_profile_per_account = \"1000/1h\"\n").await;
    let ada = sign_up(&server, "ada", json!({ "name": "Ada", "metadata": { "a": 1 } })).await;
    let before = profile(&ada).await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(9), "}".repeat(9));
    let abyss = format!("{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
    let many: String = (0..33).map(|n| format!("\"k{n}\":1,")).collect();
    let text = |text: &str| serde_json::to_string(text).unwrap();
    let cases = [
        // Texts that reach beyond their place: in a terminal, a header, a page, a log, or another direction of writing.
        ("name", text(""), "name"),
        ("name", text("  \u{200b}\u{3000} "), "name"),
        ("name", text("Ada\u{202e}moc.live"), "name"),
        ("name", text("A\u{2066}d\u{2069}a"), "name"),
        ("name", text("A\u{200f}da"), "name"),
        ("name", text("Ada\0Eve"), "name"),
        ("name", text("Ada\r\nBcc: eve@example.com"), "name"),
        ("name", text("Ada\u{1b}]0;x\u{7}"), "name"),
        ("name", text("Ada\u{9b}31m"), "name"),
        ("name", text("Ada\u{2028}x"), "name"),
        ("name", text("A\u{feff}da"), "name"),
        ("name", text("Ada\u{e0061}"), "name"),
        ("name", text("Ada\u{ffff}"), "name"),
        ("name", text(&"a".repeat(201)), "name"),
        ("name", text(&"\u{1d160}".repeat(200)), "name"),
        ("name", text(&"x".repeat(60_000)), "name"),
        // Other types.
        ("name", "1".to_owned(), "name"),
        ("name", "true".to_owned(), "name"),
        ("name", r#"["Ada"]"#.to_owned(), "name"),
        ("name", r#"{"first":"Ada"}"#.to_owned(), "name"),
        ("metadata", "1".to_owned(), "metadata"),
        ("metadata", text("{}"), "metadata"),
        ("metadata", "[]".to_owned(), "metadata"),
        ("metadata", "[{}]".to_owned(), "metadata"),
        // What programs read differently.
        ("metadata", r#"{"a":1,"a":2}"#.to_owned(), "metadata"),
        ("metadata", r#"{"a":1,"\u0061":2}"#.to_owned(), "metadata"),
        ("metadata", r#"{"x":{"a":1,"a":2}}"#.to_owned(), "metadata.x"),
        (
            "metadata",
            r#"{"x":[{"a":{"b":1,"b":2}}]}"#.to_owned(),
            "metadata.x[0].a",
        ),
        ("metadata", r#"{"a":9007199254740992}"#.to_owned(), "metadata.a"),
        ("metadata", r#"{"a":-9007199254740993}"#.to_owned(), "metadata.a"),
        (
            "metadata",
            r#"{"a":123456789012345678901234567890}"#.to_owned(),
            "metadata.a",
        ),
        ("metadata", r#"{"a":[1e300]}"#.to_owned(), "metadata.a[0]"),
        ("metadata", r#"{"a":"x\u0000y"}"#.to_owned(), "metadata.a"),
        ("metadata", r#"{"x\u0000y":1}"#.to_owned(), "metadata"),
        ("metadata", r#"{"__proto__":{"admin":true}}"#.to_owned(), "metadata"),
        (
            "metadata",
            r#"{"a":{"__proto__":{"admin":true}}}"#.to_owned(),
            "metadata.a",
        ),
        ("metadata", r#"{"\u005f\u005fproto__":1}"#.to_owned(), "metadata"),
        ("metadata", deep, "metadata"),
        ("metadata", format!("{{{many}\"k33\":1}}"), "metadata"),
        (
            "metadata",
            format!("{{\"a\":{}}}", text(&"x".repeat(4_090))),
            "metadata",
        ),
        (
            "metadata",
            format!("{{\"a\":{}}}", text(&"\u{20ac}".repeat(1_400))),
            "metadata",
        ),
    ];
    let send = async |method: &str, path: &str, body: String| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", ada.access_token))
            .header("content-type", "application/json");
        server.send(request.body(Body::from(body)).unwrap()).await
    };
    for (field, value, at) in &cases {
        let register = format!(r#"{{"email":"new@example.com","password":"{PASSWORD}","{field}":{value}}}"#);
        for (method, path, body) in [
            ("PATCH", ME, format!(r#"{{"{field}":{value}}}"#)),
            ("POST", "/api/auth/register", register),
        ] {
            let shown: String = value.chars().take(80).collect();
            let answer = send(method, path, body).await;
            assert_eq!(answer.status, 422, "{method} {shown}: {}", answer.text);
            let errors = answer.json()["errors"].clone();
            assert_eq!(errors.as_array().unwrap().len(), 1, "{method} {shown}: {errors}");
            let named = errors[0]["field"].as_str().unwrap();
            assert!(named.starts_with(at), "{method} {shown}: {named}, not {at}");
            assert!(answer.text.len() < 1_000, "{method} {shown}: {}", answer.text.len());
            for c in answer.text.chars() {
                assert!(
                    !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c),
                    "{method} {shown}: {}",
                    answer.text
                );
            }
        }
    }
    // Not JSON, or too much of it.
    for (value, status) in [
        (abyss, 422),
        (r#"{"a":1e400}"#.to_owned(), 400),
        (r#"{"a":"\ud800"}"#.to_owned(), 400),
        (r#"{"a":NaN}"#.to_owned(), 400),
        (r#"{"a":1"#.to_owned(), 400),
        (text(&"x".repeat(1 << 20)), 413),
    ] {
        for field in ["name", "metadata"] {
            let answer = send("PATCH", ME, format!(r#"{{"{field}":{value}}}"#)).await;
            let shown: String = value.chars().take(80).collect();
            assert_eq!(answer.status, status, "{field} {shown}: {}", answer.text);
        }
    }
    for (body, status) in [
        ("", 400),
        ("[]", 422),
        ("null", 422),
        ("\"name\"", 422),
        (r#"{"name":"A","name":"B"}"#, 422),
    ] {
        let answer = send("PATCH", ME, body.to_owned()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
    let unknown = ada
        .patch(ME, json!({ "nmae": "Ada" }))
        .await
        .assert_problem(422, "unknown_field");
    assert_eq!(unknown.json()["detail"], "Unknown field `nmae`. Did you mean `name`?");
    for own in ["id", "email", "email_verified", "disabled_at", "scopes", "password"] {
        ada.patch(ME, json!({ own: true }))
            .await
            .assert_problem(422, "unknown_field");
    }
    assert_eq!(profile(&ada).await, before);
    server
        .post(
            "/api/auth/login",
            json!({ "email": "new@example.com", "password": PASSWORD }),
        )
        .await
        .assert_status(401);

    // What looks dangerous and is only text stays as it is.
    let name = "<script>alert(1)</script> \" ' & ${7*7} {{x}} '; DROP TABLE accounts;-- %s \\";
    let metadata =
        json!({ "constructor": { "prototype": 1 }, "": "\u{202e}<b>", "toString": [null, 9_007_199_254_740_991_i64] });
    let kept = ada
        .patch(ME, json!({ "name": name, "metadata": metadata }))
        .await
        .assert_status(200);
    assert_eq!(kept.header("content-type"), "application/json");
    let mut expected = metadata;
    expected["a"] = json!(1);
    assert_eq!(profile(&ada).await, json!([name, expected]));
}

#[apply(on_both_databases!)]
async fn changes_at_the_same_time_lose_nothing_and_stay_in_bounds(database: Database) {
    let server = TestServer::start(database).await;
    let ada = sign_up(&server, "ada", json!({})).await;
    let answers = futures_util::future::join_all((0..40).map(|n| {
        let ada = &ada;
        async move { ada.patch(ME, json!({ "metadata": { format!("k{n}"): n } })).await }
    }))
    .await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 422).count();
    let kept = ada.get(ME).await.json()["metadata"].as_object().unwrap().len();
    assert_eq!(
        (done, refused, kept),
        (32, 8, 32),
        "{:?}",
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>()
    );
}

#[apply(on_both_databases!)]
async fn changes_are_limited_per_account(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nchange_profile_per_account = \"2/1h\"\n").await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    for name in ["A", "B"] {
        ada.patch(ME, json!({ "name": name })).await.assert_status(200);
    }
    let limited = ada
        .patch(ME, json!({ "name": "C" }))
        .await
        .assert_problem(429, "rate_limited");
    assert!(!limited.header("retry-after").is_empty());
    assert_eq!(profile(&ada).await[0], "B");
    bob.patch(ME, json!({ "name": "Bob" })).await.assert_status(200);
    // What is refused does not count.
    let eve = server.user("eve").await;
    let large = json!({ "metadata": { "a": "x".repeat(5_000) } });
    for _ in 0..3 {
        eve.patch(ME, large.clone()).await.assert_status(422);
    }
    eve.patch(ME, json!({ "name": "Eve" })).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_pending_sign_up_keeps_the_profile_that_was_sent_with_it(database: Database) {
    let about_ada = json!({ "name": "Ada", "metadata": { "plan": "free" } });
    let (mine, nothing) = (json!(["Ada", { "plan": "free" }]), json!([null, {}]));
    let confirm = "/api/auth/verify-email/confirm";
    for (proof, expected) in [
        ("handle", &mine),
        ("password", &mine),
        // The reader of the email has not shown that they signed up: nothing that was entered is theirs.
        ("new_password", &nothing),
        ("new_password and handle", &mine),
    ] {
        let server = TestServer::start_with(database, "email_verification = \"required\"\n").await;
        let asked = server
            .post("/api/auth/register", body_of("ada", about_ada.clone()))
            .await
            .assert_status(202);
        let token = server.mail().await.token();
        let mut body = json!({ "token": token });
        if proof.contains("handle") {
            body["handle"] = asked.json()["handle"].clone();
        }
        if proof == "password" {
            body["password"] = json!(PASSWORD);
        }
        if proof.contains("new_password") {
            body["new_password"] = json!(NEW_PASSWORD);
        }
        server.post(confirm, body).await.assert_status(204);
        let password = if proof.contains("new_password") {
            NEW_PASSWORD
        } else {
            PASSWORD
        };
        let login = json!({ "email": "ada@example.com", "password": password });
        let token = server.post("/api/auth/login", login).await.assert_status(200).json();
        let request = Request::get(ME).header(
            "authorization",
            format!("Bearer {}", token["access_token"].as_str().unwrap()),
        );
        let user = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(&about(&user.assert_status(200).json()), expected, "{proof}");
    }
}

#[apply(on_both_databases!)]
async fn the_owner_of_a_mailbox_gets_no_profile_that_someone_else_entered(database: Database) {
    let (kept, nothing) = (json!(["Eve <call 555-1234>", { "evil": true }]), json!([null, {}]));
    for (way, expected) in [
        ("recover", &nothing),
        ("sign in by email", &nothing),
        ("verify with a new password", &nothing),
        ("verify with the password", &kept),
        ("recover a verified account", &kept),
    ] {
        let server = TestServer::start(database).await;
        let entered = json!({ "name": "Eve <call 555-1234>", "metadata": { "evil": true } });
        let eve = sign_up(&server, "ada", entered).await;
        let verify = server.mails().await.last().unwrap().token();
        let email = json!({ "email": "ada@example.com" });
        let confirm = "/api/auth/verify-email/confirm";
        if way == "recover a verified account" {
            eve.post(confirm, json!({ "token": verify })).await.assert_status(204);
        }
        let mailed = async |path: &str| {
            server.post(path, email.clone()).await.assert_status(202);
            server.mails().await.last().unwrap().token()
        };
        let login = async |password: &str| {
            let login = json!({ "email": "ada@example.com", "password": password });
            server.post("/api/auth/login", login).await.assert_status(200).json()
        };
        let tokens = match way {
            "sign in by email" => {
                let body = json!({ "token": mailed("/api/auth/login/email").await });
                let answer = server.post("/api/auth/login/email/confirm", body).await;
                answer.assert_status(200).json()
            }
            "verify with a new password" => {
                let body = json!({ "token": verify, "new_password": NEW_PASSWORD });
                server.post(confirm, body).await.assert_status(204);
                login(NEW_PASSWORD).await
            }
            "verify with the password" => {
                let body = json!({ "token": verify, "password": PASSWORD });
                server.post(confirm, body).await.assert_status(204);
                login(PASSWORD).await
            }
            _ => {
                let body = json!({ "token": mailed("/api/auth/recover").await, "new_password": NEW_PASSWORD });
                server.post("/api/auth/recover/confirm", body).await.assert_status(204);
                login(NEW_PASSWORD).await
            }
        };
        assert_eq!(&profile(&eve.with(&tokens)).await, expected, "{way}");
    }
}

#[apply(on_both_databases!)]
async fn no_email_contains_what_a_user_says_about_themselves(database: Database) {
    let server = TestServer::start(database).await;
    let evil = json!({ "name": "Visit evil.example", "metadata": { "x": "evil.example" } });
    let ada = sign_up(&server, "ada", evil).await;
    let mut mails = server.mails().await;
    let verify = json!({ "token": mails.last().unwrap().token() });
    ada.post("/api/auth/verify-email/confirm", verify)
        .await
        .assert_status(204);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    ada.post("/api/auth/change-password", change).await.assert_status(204);
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    mails.extend(server.mails().await);
    assert!(mails.len() >= 3, "{}", mails.len());
    for mail in mails {
        assert!(
            !mail.text.contains("evil") && !mail.html.contains("evil"),
            "{}",
            mail.text
        );
    }
    // Nor does a header of forward authentication.
    let answer = ada.get("/api/auth/forward").await.assert_status(200);
    assert!(!format!("{:?}", answer.headers).contains("evil"));
}

#[apply(on_both_databases!)]
async fn access_tokens_say_about_the_user_what_the_setting_names(database: Database) {
    let toml = "[tokens]\nclaims = [\"email\", \"email_verified\", \"name\"]\n";
    let server = TestServer::start_with(database, toml).await;
    let ada = sign_up(
        &server,
        "ada",
        json!({ "name": "Ada <b>", "metadata": { "secret": 1 } }),
    )
    .await;
    let known = |token: &str| {
        let claims = claims(token);
        json!([
            claims.get("email"),
            claims.get("email_verified"),
            claims.get("name"),
            claims.get("metadata")
        ])
    };
    assert_eq!(
        known(&ada.access_token),
        json!(["ada@example.com", false, "Ada <b>", null])
    );
    let verified = server
        .services
        .guard
        .verify(&ada.access_token)
        .await
        .unwrap()
        .require_user()
        .unwrap();
    assert_eq!(
        (verified.email(), verified.email_verified(), verified.name()),
        (Some("ada@example.com"), Some(false), Some("Ada <b>"))
    );
    // A change is in the next token: here of a refresh, and then of another sign-in.
    let verify = server.mails().await.last().unwrap().token();
    ada.post("/api/auth/verify-email/confirm", json!({ "token": verify }))
        .await
        .assert_status(204);
    ada.patch(ME, json!({ "name": "Ada King" })).await.assert_status(200);
    assert_eq!(known(&ada.access_token)[2], "Ada <b>");
    let refreshed = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    assert_eq!(
        known(refreshed["access_token"].as_str().unwrap()),
        json!(["ada@example.com", true, "Ada King", null])
    );
    ada.patch(ME, json!({ "name": null })).await.assert_status(200);
    let ada = server.sign_in("ada").await;
    assert_eq!(known(&ada.access_token), json!(["ada@example.com", true, null, null]));

    for (setting, expected) in [
        ("", json!([null, null, null, null])),
        ("[tokens]\nclaims = []\n", json!([null, null, null, null])),
        ("[tokens]\nclaims = [\"name\"]\n", json!([null, null, "Bob", null])),
        (
            "[tokens]\nclaims = [\"email_verified\", \"email\"]\n",
            json!(["bob@example.com", false, null, null]),
        ),
    ] {
        let server = TestServer::start_with(database, setting).await;
        let bob = sign_up(&server, "bob", json!({ "name": "Bob" })).await;
        assert_eq!(known(&bob.access_token), expected, "{setting}");
    }
}

#[apply(on_both_databases!)]
async fn a_long_name_makes_no_token_too_long(database: Database) {
    let toml = "[tokens]\nclaims = [\"email\", \"email_verified\", \"name\"]\n";
    let server = TestServer::start_with(database, toml).await;
    let name = "\u{1f469}".repeat(200);
    let ada = sign_up(&server, "ada", json!({ "name": name })).await;
    assert!(ada.access_token.len() < 3_000, "{}", ada.access_token.len());
    assert_eq!(claims(&ada.access_token)["name"], name);
    let me: uuid::Uuid = ada.get(ME).await.json()["id"].as_str().unwrap().parse().unwrap();
    let mut left_out = Vec::new();
    // The scopes, which an operator grants, leave less and less room.
    for number in 0..130 {
        let scope = format!("scope-{number:03}:{}", "x".repeat(40)).parse().unwrap();
        server
            .services
            .operator
            .grant(countersign::core::ids::AccountId(me), &scope)
            .await
            .unwrap();
        let login = json!({ "email": "ada@example.com", "password": PASSWORD });
        let answer = server.post("/api/auth/login", login).await;
        if answer.status != 200 {
            break;
        }
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert!(token.len() <= 8_192, "{}", token.len());
        server.services.guard.verify(&token).await.unwrap();
        let claims = claims(&token);
        assert_eq!(claims.get("email").is_some(), claims.get("email_verified").is_some());
        let has = (claims.get("name").is_some(), claims.get("email").is_some());
        if left_out.last() != Some(&has) {
            left_out.push(has);
        }
    }
    assert_eq!(left_out, [(true, true), (false, true), (false, false)]);
}

#[test]
fn only_known_claims_are_settings() {
    let load = |value: &str| {
        let text = format!("issuer = \"http://127.0.0.1:8000\"\n[tokens]\nclaims = {value}\n");
        let file = SettingsFile {
            path: "countersign.toml".into(),
            text: Ok(text),
        };
        Settings::load(&Sources {
            file: Some(file),
            ..Sources::default()
        })
    };
    assert!(load("[\"email\", \"name\"]").is_ok() && load("\"email, name\"").is_ok());
    for (value, why) in [
        ("[\"e-mail\"]", "did you mean email?"),
        ("[\"email_verifed\"]", "did you mean email_verified?"),
        ("[\"picture\"]", "expected email, email_verified or name"),
        ("[\"metadata\"]", "expected email, email_verified or name"),
    ] {
        let Err(error) = load(value) else {
            panic!("{value} is accepted");
        };
        assert!(error.to_string().contains(why), "{value}: {error}");
    }
}

/// Runs the command line.
fn execute(scratch: &ScratchDatabase, arguments: &[&str], input: &str) -> (bool, String, String) {
    use std::io::Write;
    let mut child = Command::new(BINARY)
        .env_clear()
        .current_dir(scratch.folder())
        .args(arguments)
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[apply(on_both_databases!)]
async fn an_operator_sees_and_changes_profiles_on_the_command_line(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let run = |arguments: &[&str], input: &str| execute(&scratch, arguments, input);
    let parsed = |arguments: &[&str]| -> Value {
        let (done, text, error) = run(&[arguments, &["--json"]].concat(), "");
        assert!(done, "{arguments:?}: {error}");
        serde_json::from_str(&text).unwrap()
    };
    let password = format!("{PASSWORD}\n");
    let create = ["users", "create", "ada@example.com", "--password-stdin"];
    let described = ["--name", "Ada <i>", "--metadata", r#"{"plan":"pro","beta":true}"#];
    let (done, text, error) = run(&[&create[..], &described].concat(), &password);
    assert!(done, "{text} {error}");
    let shown = parsed(&["users", "show", "ada@example.com"]);
    assert_eq!(about(&shown), json!(["Ada <i>", { "plan": "pro", "beta": true }]));
    let listed = parsed(&["users", "list", "--search", "ada <I>"]);
    assert_eq!(listed[0]["name"], "Ada <i>");
    assert_eq!(parsed(&["users", "list", "--search", "nobody"]), json!([]));

    let edited = parsed(&[
        "users",
        "edit",
        "ada@example.com",
        "--name",
        "Ada King",
        "--metadata",
        r#"{"beta":null}"#,
    ]);
    assert_eq!(about(&edited), json!(["Ada King", { "plan": "pro" }]));
    let (done, text, _) = run(&["users", "edit", "ada@example.com", "--name", "Ada King"], "");
    assert!(done && text.contains("Nothing has changed"), "{text}");
    let edited = parsed(&["users", "edit", "ada@example.com", "--no-name", "--no-metadata"]);
    assert_eq!(about(&edited), json!([null, {}]));
    let (_, audit, _) = run(&["audit", "list", "--kind", "account.profile_changed", "--json"], "");
    assert!(
        audit.contains("name and metadata") && !audit.contains("Ada King"),
        "{audit}"
    );
    assert!(audit.contains("operator"), "{audit}");

    for (arguments, why) in [
        (&["--name", "Ada\u{202e}"][..], ""),
        (&["--name", "A\u{1b}[31mda"], "control characters"),
        (&["--name", ""], "visible character"),
        (&["--metadata", "{"], "not JSON"),
        (&["--metadata", "[1]"], "must be an object"),
        (&["--metadata", r#"{"a":1,"a":2}"#], "same name"),
        (&["--metadata", r#"{"a":9007199254740993}"#], "must be exact"),
        (&["--name", "A", "--no-name"], "cannot be used with"),
        (&[], "required"),
    ] {
        let (done, text, error) = run(&[&["users", "edit", "ada@example.com"], arguments].concat(), "");
        if why.is_empty() {
            // A mark at the end, which changes nothing any more, is left out.
            assert!(done, "{arguments:?}: {error}");
            continue;
        }
        assert!(!done && error.contains(why), "{arguments:?}: {text}{error}");
        assert!(!error.contains('\u{1b}'), "{arguments:?}: {error:?}");
    }
    // What an earlier version or another program wrote does not reach the terminal as it is.
    let hostile = "Ada\u{1b}]0;owned\u{7}\u{202e}";
    let server = TestServer::start_on(scratch, "").await;
    query(sql!("UPDATE accounts SET name = $1"))
        .bind(hostile)
        .execute(&server.services.db)
        .await
        .unwrap();
    for arguments in [
        &["users", "list"][..],
        &["users", "show", "ada@example.com"],
        &["users", "list", "--json"],
    ] {
        let output = Command::new(BINARY)
            .env_clear()
            .current_dir(server.folder())
            .args(arguments)
            .env("COUNTERSIGN_DATABASE_URL", server.database_url())
            .env("COUNTERSIGN_KEYS_DIR", "keys")
            .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && text.contains("owned"),
            "{arguments:?}: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !text.contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{arguments:?}: {text:?}"
        );
    }
}
