//! Signing in, staying signed in, signing out.

use countersign::core::ids::AccountId;
use countersign_store::{query, sql};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const ONE_ANSWER: &str = "The email address or the password is wrong.";

#[apply(on_both_databases!)]
async fn signing_up_and_in_by_form_and_by_json(database: Database) {
    let server = TestServer::start(database).await;
    let user = server
        .post(
            "/api/auth/register",
            json!({ "email": "Ada@Example.com", "password": PASSWORD }),
        )
        .await
        .assert_status(201)
        .json();
    assert_eq!(user["email"], "Ada@Example.com");
    assert_eq!(
        (&user["email_verified"], &user["last_sign_in_at"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(user["created_at"], "2026-11-22T10:15:00Z");

    let by_json = server
        .post(
            "/api/auth/login",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
        .await
        .assert_status(200);
    assert_eq!(by_json.header("cache-control"), "no-store");
    let token = by_json.json();
    assert_eq!(
        (&token["token_type"], &token["expires_in"]),
        (&json!("Bearer"), &json!(1_296_000))
    );
    assert!(token["refresh_token"].as_str().unwrap().starts_with("csr_"));
    assert!(token.get("scope").is_none(), "no scopes, no member");

    let ada = server.sign_in("ada").await;
    let me = ada.get("/api/auth/me").await.assert_status(200).json();
    assert_eq!(
        (&me["id"], &me["last_sign_in_at"]),
        (&user["id"], &json!("2026-11-22T10:15:00Z"))
    );
}

#[apply(on_both_databases!)]
async fn a16_unknown_account_and_wrong_password_get_the_same_response(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.com", "not her password"),
        ("nobody@example.com", PASSWORD),
        ("no address at all", PASSWORD),
        ("ada@example.com", ""),
    ] {
        let answer = server
            .post("/api/auth/login", json!({ "email": email, "password": password }))
            .await
            .assert_problem(401, "invalid_credentials");
        assert!(answer.header("www-authenticate").starts_with("Bearer realm="));
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("request_id");
        let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        answers.push((body, names));
    }
    assert!(answers[0].0["detail"].as_str().unwrap().starts_with(ONE_ANSWER));
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
}

#[apply(on_both_databases!)]
async fn a36_a_disabled_account_loses_access_immediately(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let id = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    server.services.operator.set_disabled(id, true).await.unwrap();

    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    server
        .post("/api/auth/login", login.clone())
        .await
        .assert_problem(401, "invalid_credentials");

    // Enabling the account restores access but not the sessions.
    server.services.operator.set_disabled(id, false).await.unwrap();
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    server.post("/api/auth/login", login).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a35_logging_out_ends_the_session_and_its_tokens(database: Database) {
    let server = TestServer::start(database).await;
    let (phone, laptop) = (server.user("ada").await, server.sign_in("ada").await);
    phone.post("/api/auth/logout", Value::Null).await.assert_status(204);
    phone.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    phone
        .refresh(&phone.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    laptop.get("/api/auth/me").await.assert_status(200);

    // With the refresh token only, as after the access token has expired. Repeating it has no further effect.
    let body = json!({ "refresh_token": laptop.refresh_token });
    server.post("/api/auth/logout", body.clone()).await.assert_status(204);
    server.post("/api/auth/logout", body).await.assert_status(204);
    laptop.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    server
        .post("/api/auth/logout", json!({ "refresh_token": "csr_nonsense" }))
        .await
        .assert_problem(401, "invalid_refresh_token");
    server.post("/api/auth/logout", Value::Null).await.assert_status(422);
}

#[apply(on_both_databases!)]
async fn logging_out_everywhere_leaves_no_session(database: Database) {
    let server = TestServer::start(database).await;
    let (phone, laptop) = (server.user("ada").await, server.sign_in("ada").await);
    let eve = server.user("eve").await;
    phone.post("/api/auth/logout-all", Value::Null).await.assert_status(204);
    for device in [&phone, &laptop] {
        device.get("/api/auth/me").await.assert_problem(401, "invalid_token");
        device
            .refresh(&device.refresh_token)
            .await
            .assert_problem(401, "invalid_refresh_token");
    }
    eve.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a4_a37_changing_the_password_ends_the_other_sessions(database: Database) {
    let server = TestServer::start(database).await;
    let (phone, laptop) = (server.user("ada").await, server.sign_in("ada").await);
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    phone
        .post("/api/auth/change-password", change("wrong", "a better umbrella"))
        .await
        .assert_problem(403, "invalid_credentials");
    phone
        .post("/api/auth/change-password", change(PASSWORD, "short"))
        .await
        .assert_problem(422, "password_too_short");
    laptop.get("/api/auth/me").await.assert_status(200);
    phone
        .post("/api/auth/change-password", change(PASSWORD, "a better umbrella"))
        .await
        .assert_status(204);

    phone.get("/api/auth/me").await.assert_status(200);
    phone.refresh(&phone.refresh_token).await.assert_status(200);
    laptop.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    laptop
        .refresh(&laptop.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    let login = |password: &str| json!({ "email": "ada@example.com", "password": password });
    server
        .post("/api/auth/login", login(PASSWORD))
        .await
        .assert_problem(401, "invalid_credentials");
    server
        .post("/api/auth/login", login("a better umbrella"))
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn x18_a_revoked_scope_is_not_renewed(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let id = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    let owned = "orders:read products:write".parse().unwrap();
    server.services.operator.grant(id, &owned).await.unwrap();
    let ada = server.sign_in("ada").await;
    server
        .services
        .operator
        .ungrant(id, &"products:write".parse().unwrap())
        .await
        .unwrap();
    let next = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    assert_eq!(next["scope"], "orders:read");
    let replayed = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    assert_eq!(replayed["scope"], "orders:read");
}

#[apply(on_both_databases!)]
async fn a_token_of_the_operator_claims_no_password(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let id = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    let ttl = std::time::Duration::from_secs(60);
    let tokens = server
        .services
        .operator
        .issue_token(id, &"".parse().unwrap(), ttl)
        .await
        .unwrap()
        .unwrap();
    let verified = server.services.guard.verify(&tokens.access_token).await.unwrap();
    let claims = verified.claims();
    assert_eq!(claims.amr, Some(Vec::new()));
    assert_eq!(claims.exp - claims.iat, 60);
}

#[apply(on_both_databases!)]
async fn scopes_are_what_was_asked_for_and_is_owned(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let id = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    let owned = "orders:read products:write".parse().unwrap();
    server.services.operator.grant(id, &owned).await.unwrap();
    let login = |scope: Value| json!({ "email": "ada@example.com", "password": PASSWORD, "scope": scope });
    for (asked, granted) in [
        (json!("products:write"), json!("products:write")),
        (json!("products:write admin"), json!("products:write")),
        (Value::Null, json!("orders:read products:write")),
        (json!("admin"), Value::Null),
    ] {
        let token = server
            .post("/api/auth/login", login(asked.clone()))
            .await
            .assert_status(200)
            .json();
        assert_eq!(token["scope"], granted, "asked for {asked}");
    }
    server
        .post("/api/auth/login", login(json!("a\"b")))
        .await
        .assert_problem(422, "validation_failed");
    server.services.operator.ungrant(id, &owned).await.unwrap();
    let token = server
        .post("/api/auth/login", login(Value::Null))
        .await
        .assert_status(200)
        .json();
    assert_eq!(token["scope"], Value::Null);
}

#[apply(on_both_databases!)]
async fn r60_after_a_hundred_failures_only_known_networks_may_try(database: Database) {
    let server = TestServer::start(database).await;
    // Ada signs in from 198.51.100.1; all requests of `server.post` come from 192.0.2.1.
    server.user("ada").await;
    let login = |password: &str| json!({ "email": "ada@example.com", "password": password });
    for _ in 0..100 {
        server
            .post("/api/auth/login", login("a wrong guess"))
            .await
            .assert_problem(401, "invalid_credentials");
    }
    // From the attacker's network, even the right password is not tried.
    server
        .post("/api/auth/login", login(PASSWORD))
        .await
        .assert_problem(401, "invalid_credentials");
    // A20: the owner signs in from where she signed in before.
    let request = axum_request("198.51.100.1:5000", &login(PASSWORD));
    server.send(request).await.assert_status(200);
    // A success resets the count of failures.
    server.post("/api/auth/login", login(PASSWORD)).await.assert_status(200);
}

/// Pauses a request at a named point while something else happens.
pub fn stopped_at<T: Send, U: Send>(
    point: &'static str,
    stopped: impl Future<Output = T> + Send,
    meanwhile: impl Future<Output = U> + Send,
) -> T {
    let (reached, is_reached) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new((reached, released));
    fail::cfg_callback(point, move || {
        let gate = gate.lock().unwrap();
        gate.0.send(()).unwrap();
        let _ = gate.1.recv();
    })
    .unwrap();
    let stopped = async {
        let outcome = stopped.await;
        fail::remove(point);
        outcome
    };
    let meanwhile = async {
        tokio::task::spawn_blocking(move || is_reached.recv().unwrap())
            .await
            .unwrap();
        meanwhile.await;
        release.send(()).unwrap();
    };
    // The gate blocks its thread, so the two must not share a task.
    tokio::task::block_in_place(|| {
        let handle = tokio::runtime::Handle::current();
        std::thread::scope(|threads| {
            let meanwhile = threads.spawn(|| handle.block_on(meanwhile));
            let outcome = handle.block_on(stopped);
            meanwhile.join().unwrap();
            outcome
        })
    })
}

/// Ends every session of an account.
async fn log_out_everywhere(server: &TestServer, access_token: &str) {
    let verified = server.services.guard.verify(access_token).await.unwrap();
    let user = verified.require_user().unwrap();
    let account = AccountId(user.id);
    server
        .services
        .auth
        .logout_all(account, server.services.command_line())
        .await
        .unwrap();
}

/// a session that was ended while a password was being hashed can do nothing any more and is not restored.
mod x17_a_session_ended_during_a_refresh_stays_ended {
    use super::*;

    async fn run(database: Database) {
        let server = TestServer::start(database).await;
        let ada = server.user("ada").await;
        let change = json!({ "current_password": PASSWORD, "new_password": "a better umbrella" });
        let changing = ada.post("/api/auth/change-password", change);
        let ending = log_out_everywhere(&server, &ada.access_token);
        let answer = stopped_at("confirm::confirmed", changing, ending);
        answer.assert_problem(401, "invalid_token");
        ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
        let login = json!({ "email": "ada@example.com", "password": PASSWORD });
        server.post("/api/auth/login", login).await.assert_status(200);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        run(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        run(Database::Postgres).await;
    }
}

/// Logging out everywhere also ends a session that is being created: the password check was earlier and no longer
/// counts.
mod a_session_that_is_being_opened_ends_with_all_others {
    use super::*;

    async fn run(database: Database) {
        let server = TestServer::start(database).await;
        let ada = server.user("ada").await;
        let login = json!({ "email": "ada@example.com", "password": PASSWORD });
        let opening = server.post("/api/auth/login", login.clone());
        let ending = log_out_everywhere(&server, &ada.access_token);
        let answer = stopped_at("login::verified", opening, ending);
        answer.assert_problem(401, "invalid_credentials");
        let living: i64 = query(sql!("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL"))
            .one(&server.services.db)
            .await
            .unwrap();
        assert_eq!(living, 0);
        server.post("/api/auth/login", login).await.assert_status(200);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        run(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        run(Database::Postgres).await;
    }
}

/// The same for a browser that confirms an email address, which signs it in.
mod a_session_that_a_confirmation_opens_ends_with_all_others {
    use super::*;

    async fn run(database: Database) {
        let server = TestServer::start(database).await;
        let ada = server.user("ada").await;
        server.mails().await;
        let ask = json!({ "email": "ada@example.com" });
        server.post("/api/auth/verify-email", ask).await.assert_status(202);
        let form = format!(
            "token={}&password={}",
            server.mail().await.token(),
            PASSWORD.replace(' ', "+")
        );
        let request = axum::http::Request::post("/verify")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .extension(axum::extract::ConnectInfo(
                "127.0.0.1:1".parse::<std::net::SocketAddr>().unwrap(),
            ))
            .body(axum::body::Body::from(form));
        let confirming = server.send(request.unwrap());
        let ending = log_out_everywhere(&server, &ada.access_token);
        let answer = stopped_at("confirmation::proven", confirming, ending);
        answer.assert_status(303);
        let living: i64 = query(sql!("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL"))
            .one(&server.services.db)
            .await
            .unwrap();
        assert_eq!(living, 0);
        let verified: i64 = query(sql!(
            "SELECT COUNT(*) FROM accounts WHERE email_verified_at IS NOT NULL"
        ))
        .one(&server.services.db)
        .await
        .unwrap();
        assert_eq!(verified, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        run(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        run(Database::Postgres).await;
    }
}

fn axum_request(peer: &str, body: &Value) -> axum::http::Request<axum::body::Body> {
    axum::http::Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .extension(axum::extract::ConnectInfo(
            peer.parse::<std::net::SocketAddr>().unwrap(),
        ))
        .body(axum::body::Body::from(body.to_string()))
        .unwrap()
}
