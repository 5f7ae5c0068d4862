//! What has ended stays ended, also when its reason is undone; and what a fault of the server cost can be asked for again.

use std::time::Duration;

use countersign::core::caller::Caller;
use countersign::core::ids::AccountId;
use countersign::features::oauth::clients::Clients;
use countersign_oauth::ClientMetadata;
use countersign_store::{Sql, query, sql};
use countersign_testkit::{Database, TestServer, VERIFIER, apply, on_both_databases};
use serde_json::{Value, json};

use super::{DEVICE_CODE, ORDERS, allow_device, part, text};
use crate::grants::execute;
use crate::held::Held;

fn account_of(access_token: &str) -> AccountId {
    AccountId(text(&part(access_token, 1), "sub").parse().unwrap())
}

#[apply(on_both_databases!)]
async fn o_24_a_code_that_ended_does_not_come_back(database: Database) {
    let server = TestServer::start(database).await;
    let (services, caller) = (&server.services, Caller::server());
    let ada = server.user("ada").await;
    let account = account_of(&ada.access_token);
    for trusted in [false, true] {
        for what in [
            "withdrawn",
            "revoked",
            "revoked at all clients",
            "revoked for all users",
            "client disabled",
            "client deleted",
            "account disabled",
        ] {
            let _ = services.operator.delete_client("app").await;
            let metadata = json!({ "trusted": trusted, "token_endpoint_auth_method": "none" });
            let app = server.client_with("app", metadata.clone()).await;
            let mut browser = server.browser();
            browser.sign_in("ada").await;
            let code = app.authorize(&mut browser, "ada").await;
            match what {
                // Without a grant or a consent, there is nothing to withdraw yet.
                "withdrawn" => {
                    let answer = browser.submit("/account/apps", &[("client", "app")]).await;
                    let done = if trusted {
                        "/account/apps"
                    } else {
                        "/account/apps?done=withdrew"
                    };
                    assert_eq!(answer.assert_status(303).header("location"), done);
                }
                "revoked" => revoke(&server, &["--user", "ada@example.com", "--client", "app"]),
                "revoked at all clients" => revoke(&server, &["--user", "ada@example.com"]),
                "revoked for all users" => revoke(&server, &["--client", "app"]),
                "client disabled" => {
                    services.operator.disable_client("app").await.unwrap();
                    app.redeem(&code).await.assert_oauth_error(401, "invalid_client");
                    services.clients.set_disabled("app", false, &caller).await.unwrap();
                }
                "client deleted" => {
                    services.operator.delete_client("app").await.unwrap();
                    server.client_with("app", metadata).await;
                }
                _ => {
                    services.operator.set_disabled(account, true).await.unwrap();
                    services.operator.set_disabled(account, false).await.unwrap();
                    browser = server.browser();
                }
            }
            // The user agrees again, to a new code.
            let second = app.authorize(&mut browser, "ada").await;
            let answer = app.redeem(&code).await;
            assert_eq!(answer.status, 400, "{what}, trusted: {trusted}");
            answer.assert_oauth_error(400, "invalid_grant");
            app.redeem(&second).await.assert_status(200);
        }
    }
}

/// A code is of use only while the redirect URI that it was sent to is registered (RFC 9700 §2.1). The port of a loopback URI
/// may differ (RFC 8252 §7.3).
#[apply(on_both_databases!)]
async fn o_2_a_code_cannot_be_redeemed_after_its_redirect_uri_was_removed(database: Database) {
    const WEB: &str = "https://app.example.com/callback";
    let server = TestServer::start(database).await;
    let _ada = server.user("ada").await;
    let metadata = json!({
        "token_endpoint_auth_method": "none",
        "redirect_uris": [WEB, "http://127.0.0.1/callback", "https://other.example.com/callback"],
    });
    let web = server.client_with("app", metadata).await;
    let mut native = web.clone();
    native.redirect_uri = "http://127.0.0.1:49152/callback".to_owned();
    let mut browser = server.browser();
    browser.sign_in("ada").await;
    let of_native = native.authorize(&mut browser, "ada").await;
    let of_web = web.authorize(&mut browser, "ada").await;
    let clients = &server.services.clients;
    keep_redirect_uris(clients, |uri| uri != WEB).await;
    web.redeem(&of_web).await.assert_oauth_error(400, "invalid_grant");
    native.redeem(&of_native).await.assert_status(200);

    // After the code was checked, and before the transaction that redeems it.
    let held = Held::at("authorization::redeem");
    let code = native
        .authorize_with(&mut browser, "ada", &[("prompt", "consent")])
        .await;
    let clients = clients.clone();
    let removing = tokio::spawn(async move {
        held.reached().await;
        keep_redirect_uris(&clients, |uri| !uri.starts_with("http://127.0.0.1")).await;
        held.release();
    });
    native.redeem(&code).await.assert_oauth_error(400, "invalid_grant");
    removing.await.unwrap();
}

async fn keep_redirect_uris(clients: &Clients, is_kept: fn(&str) -> bool) {
    let change = |metadata: &mut ClientMetadata, _: &mut bool| {
        metadata.redirect_uris.retain(|uri| is_kept(uri.as_str()));
        Ok(())
    };
    clients.update("app", change, &Caller::server()).await.unwrap();
}

/// Runs `countersign grants revoke`.
fn revoke(server: &TestServer, whose: &[&str]) {
    let (code, done) = execute(server, &[&["grants", "revoke"], whose].concat());
    assert_eq!((code, &done["grants"]), (Some(0), &json!(0)), "{whose:?}: {done}");
}

/// Disabling a client ends its grants after the client itself. If the process is killed in between, enabling does the rest.
#[apply(on_both_databases!)]
async fn a_client_that_is_enabled_again_has_no_grants(database: Database) {
    let server = TestServer::start(database).await;
    let _ada = server.user("ada").await;
    let app = server.client("app").await;
    let tokens = app.sign_in("ada").await;
    let clients = &server.services.clients;
    clients.set_disabled("app", true, &Caller::server()).await.unwrap();
    let enabled = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .env_clear()
        .current_dir(server.folder())
        .env("COUNTERSIGN_DATABASE_URL", server.database_url())
        .env("COUNTERSIGN_KEYS_DIR", &server.services.settings.keys_dir)
        .env("COUNTERSIGN_ISSUER", server.services.settings.issuer.as_str())
        .args(["clients", "enable", "app"])
        .output()
        .unwrap();
    assert!(enabled.status.success(), "{}", String::from_utf8_lossy(&enabled.stderr));
    app.refresh(&text(&tokens, "refresh_token"))
        .await
        .assert_oauth_error(400, "invalid_grant");
    assert_eq!(
        app.introspect(&text(&tokens, "access_token")).await,
        json!({ "active": false })
    );
}

#[apply(on_both_databases!)]
async fn a_signature_that_fails_costs_no_grant(database: Database) {
    let server = TestServer::start(database).await;
    let _ada = server.user("ada").await;
    server.services.keys.ensure_rsa().await.unwrap();
    for rotates in [true, false] {
        let id = if rotates { "app" } else { "old" };
        let metadata = json!({ "id_token_signed_response_alg": "RS256", "rotate_refresh_tokens": rotates });
        let app = server.client_with(id, metadata).await;
        let code = app.authorize(&mut server.browser(), "ada").await;
        fail::cfg("rsa_lane::full", "return").unwrap();
        app.redeem(&code)
            .await
            .assert_oauth_error(503, "temporarily_unavailable");
        fail::remove("rsa_lane::full");
        let tokens = app.redeem(&code).await.assert_status(200).json();
        let refresh = text(&tokens, "refresh_token");
        assert_eq!(app.introspect(&refresh).await["active"], true);

        fail::cfg("rsa_lane::full", "return").unwrap();
        app.refresh(&refresh)
            .await
            .assert_oauth_error(503, "temporarily_unavailable");
        fail::remove("rsa_lane::full");
        // Longer than a lost response can be repeated.
        server.services.clock.advance(Duration::from_secs(60 * 60));
        let tokens = app.refresh(&refresh).await.assert_status(200).json();
        assert!(matches!(&tokens["id_token"], Value::String(_)), "{tokens}");
    }
}

/// A statement that takes a table away, and the one that brings it back. Not `sql!`, whose statements another test prepares on
/// a database with all tables.
macro_rules! lost {
    ($table:literal) => {{
        const AWAY: &str = concat!("ALTER TABLE ", $table, " RENAME TO lost_", $table);
        const BACK: &str = concat!("ALTER TABLE lost_", $table, " RENAME TO ", $table);
        static STATEMENTS: [Sql; 2] = [Sql::new(AWAY, AWAY, ""), Sql::new(BACK, BACK, "")];
        ($table, &STATEMENTS)
    }};
}

/// Requests and codes are voided together, or not at all.
#[apply(on_both_databases!)]
async fn o_58_a_fault_while_everything_is_revoked_leaves_requests_and_codes_as_they_are(database: Database) {
    let server = TestServer::start(database).await;
    let db = &server.services.db;
    server.user("ada").await;
    let app = server.client("app").await;
    let mut browser = server.browser();
    let pending = browser.get(&app.authorization_url(&[])).await.assert_status(303);
    let pending = pending.header("location").to_owned();
    let (_, [away, back]) = lost!("authorization_codes");
    query(away).execute(db).await.unwrap();
    let (code, _) = execute(&server, &["sessions", "revoke", "--everyone"]);
    query(back).execute(db).await.unwrap();
    assert_eq!(code, Some(1));
    let requests = async || {
        let count: Option<i64> = query(sql!("SELECT COUNT(*) FROM authorization_requests"))
            .optional(db)
            .await
            .unwrap();
        count
    };
    assert_eq!(requests().await, Some(1));
    assert_ne!(browser.get(&pending).await.status, 400);
    let (code, _) = execute(&server, &["sessions", "revoke", "--everyone"]);
    assert_eq!((code, requests().await), (Some(0), Some(0)));
    browser.get(&pending).await.assert_status(400);
}

/// Whatever the tokens need of the database is read before anything is spent for them.
#[apply(on_both_databases!)]
async fn o_22_o_31_o_41_a_fault_of_the_database_costs_no_grant(database: Database) {
    let server = TestServer::start(database).await;
    let db = &server.services.db;
    let ada = server.user("ada").await;
    let orders = json!([{ "name": "orders:all", "grant": "owned" }]);
    server
        .api_with(json!({ "identifier": ORDERS, "name": "Orders", "clients": "any", "scopes": orders }))
        .await;
    let (account, all) = (account_of(&ada.access_token), "orders:all".parse().unwrap());
    server.services.operator.grant(account, &all).await.unwrap();
    let metadata = json!({ "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE] });
    let app = server.client_with("app", metadata).await;
    let app = app.scope("openid profile orders:all").resource(ORDERS);
    let mut browser = server.browser();
    browser.sign_in("ada").await;
    for (table, [away, back]) in [
        lost!("apis"),
        lost!("consents"),
        lost!("account_scopes"),
        lost!("profiles"),
    ] {
        for grant_type in ["authorization_code", DEVICE_CODE, "refresh_token"] {
            let what = format!("{table}, {grant_type}");
            let (name, secret) = match grant_type {
                "authorization_code" => ("code", app.authorize(&mut browser, "ada").await),
                "refresh_token" => {
                    let tokens = app.sign_in_with(&mut browser, "ada").await;
                    ("refresh_token", text(&tokens, "refresh_token"))
                }
                _ => {
                    let fields = [("scope", &*app.scope), ("resource", ORDERS)];
                    let codes = app.post("/oauth2/device_authorization", &fields).await;
                    let codes = codes.assert_status(200).json();
                    allow_device(&mut browser, &codes, "ada").await;
                    ("device_code", text(&codes, "device_code"))
                }
            };
            let mut fields = vec![("grant_type", grant_type), (name, &*secret)];
            if grant_type == "authorization_code" {
                fields.extend([("redirect_uri", &*app.redirect_uri), ("code_verifier", VERIFIER)]);
            }
            query(away).execute(db).await.unwrap();
            let failed = app.token(&fields).await;
            query(back).execute(db).await.unwrap();
            assert!(failed.status.is_server_error(), "{what}: {}", failed.text);
            if grant_type == "refresh_token" {
                // Longer than a lost response can be repeated.
                server.services.clock.advance(Duration::from_secs(60 * 60));
            }
            let answer = app.token(&fields).await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            assert_eq!(answer.json()["scope"], "openid orders:all profile", "{what}");
        }
    }
}

/// The userinfo endpoint is a resource that a client may name, and then the only one of the grant.
#[apply(on_both_databases!)]
async fn the_userinfo_endpoint_alone_can_be_asked_for(database: Database) {
    let server = TestServer::start(database).await;
    let _ada = server.user("ada").await;
    server.api(ORDERS, &["orders:read"]).await;
    let userinfo = "http://127.0.0.1:8000/oauth2/userinfo";
    let app = server.client("app").await.resource(userinfo);
    let code = app.authorize(&mut server.browser(), "ada").await;
    let tokens = app.redeem(&code).await.assert_status(200).json();
    assert_eq!(part(&text(&tokens, "access_token"), 1)["aud"], userinfo);
    let tokens = app
        .refresh(&text(&tokens, "refresh_token"))
        .await
        .assert_status(200)
        .json();
    assert_eq!(part(&text(&tokens, "access_token"), 1)["aud"], userinfo);
}
