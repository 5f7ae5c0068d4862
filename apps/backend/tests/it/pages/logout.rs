//! Sign-out that an application asks for (OpenID Connect RP-Initiated Logout).

use std::time::Duration;

use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::core::ids::{AccountId, SessionId};
use countersign::features::identity::accounts;
use countersign::features::oauth::consents;
use countersign::features::operations::keys::{JWKS_MAX_AGE, KeyOperator, KeyOptions};
use countersign::features::sign_in::sessions;
use countersign_jose::{IdTokenClaims, SigningAlg, UserClaims};
use countersign_testkit::{Answer, Database, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{Browser, encoded, form};
use crate::grants::{bound, open, register_with};

const BACK: &str = "https://app.example.com/bye?from=app";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Registers two clients that users return to.
async fn register(server: &TestServer) {
    server.services.keys.ensure_rsa().await.unwrap();
    for client in ["app", "other"] {
        let addresses = json!([BACK, format!("https://{client}.example.com/")]);
        let alg = if client == "app" { "RS256" } else { "ES256" };
        let extra = [
            ("post_logout_redirect_uris", addresses),
            ("id_token_signed_response_alg", json!(alg)),
        ];
        register_with(&server.services, client, &extra).await;
    }
}

/// The account and the newest session of a browser.
async fn session_of(server: &TestServer, name: &str) -> (AccountId, SessionId) {
    let email = format!("{name}@example.com").parse().unwrap();
    let account = accounts::find_by_email(&server.services.db, &email)
        .await
        .unwrap()
        .unwrap();
    let listed = server.services.sessions.list(account.id).await.unwrap();
    (account.id, listed[0].id)
}

/// Opens a grant in a session, and returns its ID token and id.
async fn id_token(server: &TestServer, client: &str, account: AccountId, session: SessionId) -> (String, SessionId) {
    let services = &server.services;
    let grant = open(server, account, bound(client, session)).await.grant;
    let now = services.clock.now();
    let scopes = &"openid email".parse().unwrap();
    let given = services.db.transact(|tx| {
        Box::pin(async move { consents::give(tx, account, client, "https://api.example.com", scopes, now).await })
    });
    given.await.unwrap();
    let claims = IdTokenClaims {
        iss: services.settings.issuer.as_str().to_owned(),
        sub: account.0,
        aud: client.to_owned(),
        exp: now.millis() / 1000 + 3600,
        iat: now.millis() / 1000,
        auth_time: now.millis() / 1000,
        nonce: None,
        acr: None,
        amr: Vec::new(),
        sid: grant.id.0,
        at_hash: None,
        user: UserClaims::default(),
    };
    let alg = if client == "app" {
        SigningAlg::Rs256
    } else {
        SigningAlg::Es256
    };
    let token = services.keys.sign_for_client(alg, &claims, now).await.unwrap();
    (token, grant.id)
}

async fn ask(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> Answer {
    browser.get(&format!("/oauth2/logout?{}", encoded(fields))).await
}

/// Asserts that nothing was done: a page with an error, no redirect, and the session goes on.
async fn assert_refused(browser: &mut Browser<'_>, fields: &[(&str, &str)]) {
    let answer = ask(browser, fields).await.assert_status(400);
    assert!(answer.headers.get("location").is_none(), "{fields:?}");
    assert!(answer.text.contains("so nothing has changed"), "{}", answer.text);
    assert!(browser.is_signed_in().await, "{fields:?}");
}

#[apply(on_both_databases!)]
async fn o_47_a_58_an_application_ends_the_session_that_its_id_token_belongs_to(database: Database) {
    let server = TestServer::start_with(
        database,
        "[tokens]\nrefresh_absolute_ttl = \"90d\"\nrefresh_idle_ttl = \"90d\"\n",
    )
    .await;
    register(&server).await;
    for (client, back) in [("app", Some(BACK)), ("other", None)] {
        let mut ada = Browser::sign_up(&server, &format!("ada-{client}")).await;
        let (account, session) = session_of(&server, &format!("ada-{client}")).await;
        let (token, grant) = id_token(&server, client, account, session).await;
        // ID tokens may be of any age.
        server.services.clock.advance(DAY);
        let mut fields = vec![("id_token_hint", &*token), ("client_id", client), ("state", "a b&c=ü")];
        fields.extend(back.map(|back| ("post_logout_redirect_uri", back)));
        let answer = ask(&mut ada, &fields).await.assert_status(303);
        match back {
            Some(back) => assert_eq!(answer.header("location"), format!("{back}&state=a+b%26c%3D%C3%BC")),
            None => {
                let done = ada.follow(answer).await;
                assert!(done.text.contains("You’re signed out"));
            }
        }
        assert!(!ada.is_signed_in().await);
        let now = server.services.clock.now();
        let living = sessions::find_active(&server.services.db, grant, now).await.unwrap();
        assert!(living.is_none(), "the grant ends with the session");
        // Once more: there is nothing to end, and the browser continues all the same.
        let answer = ask(&mut ada, &fields).await;
        assert_eq!(answer.status, if back.is_some() { 303 } else { 200 });
    }
}

/// As mod_auth_openidc does, and other applications that follow RFC 7009 when their users sign out.
#[apply(on_both_databases!)]
async fn o_47_an_application_may_revoke_its_tokens_before_it_signs_the_user_out(database: Database) {
    let server = TestServer::start(database).await;
    register(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let (account, session) = session_of(&server, "ada").await;
    let (token, grant) = id_token(&server, "app", account, session).await;
    let now = server.services.clock.now();
    let revocations = &server.services.revocations;
    let ended = revocations.transact(|tx| Box::pin(async move { sessions::end_grant(tx, grant, now).await }));
    assert!(ended.await.unwrap());
    assert!(ada.is_signed_in().await);
    let fields = [("id_token_hint", &*token), ("post_logout_redirect_uri", BACK)];
    let answer = ask(&mut ada, &fields).await.assert_status(303);
    assert_eq!(answer.header("location"), BACK);
    assert!(!ada.is_signed_in().await);
}

/// What the application still has of the user is an ID token, which must not end more than the application's own access.
#[apply(on_both_databases!)]
async fn o_47_a_58_an_application_that_the_user_has_removed_signs_no_one_out(database: Database) {
    let server = TestServer::start(database).await;
    register(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let (account, session) = session_of(&server, "ada").await;
    let (token, _) = id_token(&server, "app", account, session).await;
    ada.post("/account/apps", &[("client", "app")]).await.assert_status(303);
    let fields = [("id_token_hint", &*token), ("post_logout_redirect_uri", BACK)];
    for _ in 0..2 {
        let page = ask(&mut ada, &fields).await.assert_status(200);
        assert!(page.text.contains("Sign out of"), "{}", page.text);
        assert!(ada.is_signed_in().await);
    }
    let action = format!("/signout/application?{}", encoded(&fields));
    let answer = ada.post(&action, &[]).await.assert_status(303);
    assert_eq!(answer.header("location"), BACK);
    assert!(!ada.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn o_47_other_requests_to_sign_out_ask_the_user(database: Database) {
    let server = TestServer::start(database).await;
    register(&server).await;
    Browser::sign_up(&server, "bob").await;
    let (bob, of_bob) = session_of(&server, "bob").await;
    let (of_other_user, _) = id_token(&server, "app", bob, of_bob).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let requests: [&[(&str, &str)]; 4] = [
        &[],
        &[("state", "x")],
        &[("client_id", "app"), ("post_logout_redirect_uri", BACK), ("state", "x")],
        &[("id_token_hint", &of_other_user), ("post_logout_redirect_uri", BACK)],
    ];
    for fields in requests {
        let page = ask(&mut ada, fields).await.assert_status(200);
        assert!(page.text.contains("Sign out of"), "{}", page.text);
        // Chromium would apply it to the redirect to the application.
        assert!(!page.header("content-security-policy").contains("form-action"));
        assert!(ada.is_signed_in().await);
        let action = format!("/signout/application?{}", encoded(fields));
        assert!(
            page.text.contains(&action.replace('&', "&#38;")) || page.text.contains(&action),
            "{action}: {}",
            page.text
        );
        // Another site cannot answer for the user.
        let foreign = form(&action).header("sec-fetch-site", "cross-site");
        ada.send(foreign, String::new()).await.assert_status(403);
        assert!(ada.is_signed_in().await);
    }
    let action = format!("/signout/application?{}", encoded(requests[2]));
    let answer = ada.post(&action, &[]).await.assert_status(303);
    assert_eq!(answer.header("location"), format!("{BACK}&state=x"));
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(!ada.is_signed_in().await);
    // Without an address, the user stays here.
    let mut bob = Browser::sign_up(&server, "bert").await;
    let done = bob.post("/signout/application?state=x", &[]).await;
    assert!(bob.follow(done).await.text.contains("You’re signed out"));
    assert!(!bob.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn o_47_c_52_invalid_requests_to_sign_out_lead_nowhere(database: Database) {
    let server = TestServer::start(database).await;
    register(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let (account, session) = session_of(&server, "ada").await;
    let (hint, _) = id_token(&server, "app", account, session).await;
    let (of_other, _) = id_token(&server, "other", account, session).await;
    let access = server.services.sessions.list(account).await.unwrap();
    assert!(!access.is_empty());
    let damaged = format!("{hint}x");
    let (head, rest) = hint.split_once('.').unwrap();
    let unsigned = format!(
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.",
        rest.split_once('.').unwrap().0
    );
    let swapped = format!("{head}.{}", of_other.split_once('.').unwrap().1);
    let to = |address| ("post_logout_redirect_uri", address);
    for hint in [&damaged, &unsigned, &swapped, "x", "e30.e30."] {
        assert_refused(&mut ada, &[("id_token_hint", hint), to(BACK)]).await;
    }
    for address in [
        "https://evil.example.com/",
        "https://app.example.com/bye",
        "https://app.example.com/bye?from=app&x=y",
        "https://app.example.com/bye?from=app#x",
        "https://APP.example.com/bye?from=app",
        "https://app.example.com:443/bye?from=app",
        "https://app.example.com.evil.example/bye?from=app",
        "https://app.example.com@evil.example/bye?from=app",
        "https://other.example.com/",
        "//evil.example.com",
        "javascript:alert(1)",
    ] {
        assert_refused(&mut ada, &[("id_token_hint", &hint), to(address)]).await;
        assert_refused(&mut ada, &[("client_id", "app"), to(address)]).await;
        let action = format!("/signout/application?{}", encoded(&[("client_id", "app"), to(address)]));
        let answer = ada.post(&action, &[]).await.assert_status(400);
        assert!(answer.headers.get("location").is_none());
        assert!(ada.is_signed_in().await);
    }
    // No client, an unknown one, another one than the ID token's, and parameters that are sent twice.
    assert_refused(&mut ada, &[to(BACK)]).await;
    assert_refused(&mut ada, &[("client_id", "nobody"), to(BACK)]).await;
    assert_refused(&mut ada, &[("id_token_hint", &hint), ("client_id", "other")]).await;
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        let value = match name {
            "id_token_hint" => &*hint,
            "client_id" => "app",
            "post_logout_redirect_uri" => BACK,
            _ => "x",
        };
        let mut fields = vec![
            ("id_token_hint", &*hint),
            ("client_id", "app"),
            to(BACK),
            ("state", "x"),
        ];
        fields.push((name, value));
        assert_refused(&mut ada, &fields).await;
    }
    // A disabled client.
    server
        .services
        .clients
        .set_disabled("app", true, server.services.command_line())
        .await
        .unwrap();
    assert_refused(&mut ada, &[("id_token_hint", &hint), to(BACK)]).await;
}

/// For the developers of the application. Nothing that the request says is repeated.
#[apply(on_both_databases!)]
async fn o_47_the_page_says_why_a_request_to_sign_out_is_refused(database: Database) {
    let server = TestServer::start(database).await;
    register(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut anyone = Browser::new(&server);
    let long = "x".repeat(4_000);
    let evil = ("post_logout_redirect_uri", "https://evil.example.com/");
    let refused: [(&[(&str, &str)], &str); 6] = [
        (
            &[("client_id", "app"), evil],
            "post_logout_redirect_uri is not registered for the client",
        ),
        (
            &[evil],
            "post_logout_redirect_uri needs an id_token_hint or a client_id",
        ),
        (&[("client_id", "nobody"), evil], "unknown client"),
        (
            &[("id_token_hint", "e30.e30.eA")],
            "id_token_hint is not an ID token that this server issued to the client",
        ),
        (&[("state", "x"), ("state", "x")], "a parameter is repeated"),
        (&[("state", &long)], "too many parameters, or one is too long"),
    ];
    for (fields, reason) in refused {
        for browser in [&mut ada, &mut anyone] {
            let page = ask(browser, fields).await.assert_status(400);
            let shown = format!("<pre lang=\"en\">invalid_request: {reason}</pre>");
            assert!(page.text.contains(&shown), "{reason}: {}", page.text);
            assert!(!page.text.contains("evil.example.com"), "{reason}: {}", page.text);
            assert!(page.headers.get("location").is_none(), "{reason}");
        }
        let action = format!("/signout/application?{}", encoded(fields));
        let page = ada.post(&action, &[]).await.assert_status(400);
        assert!(page.text.contains(reason), "{reason}: {}", page.text);
    }
    assert!(ada.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn o_47_a_form_of_another_site_becomes_a_request_without_cookies(database: Database) {
    let server = TestServer::start(database).await;
    // As browsers send it: without our cookies, which are `SameSite=Lax`.
    let send = async |path: &str, kind: &str, body: Vec<u8>| {
        let request = Request::post(path)
            .header("content-type", kind)
            .header("origin", "https://app.example.com")
            .header("sec-fetch-site", "cross-site");
        server.send(request.body(body.into()).unwrap()).await
    };
    let kind = "application/x-www-form-urlencoded";
    let fields = encoded(&[("state", "a b"), ("client_id", "app")]);
    for (path, location) in [
        ("/oauth2/logout", "/oauth2/logout?state=a+b&client_id=app"),
        // A parameter of the URL counts, too.
        (
            "/oauth2/logout?state=y",
            "/oauth2/logout?state=y&state=a+b&client_id=app",
        ),
    ] {
        let answer = send(path, kind, fields.clone().into()).await.assert_status(303);
        assert_eq!(answer.header("location"), location);
        assert!(answer.headers.get("set-cookie").is_none());
    }
    // Each error says what is wrong; nothing is a request without parameters.
    for (status, kind, body) in [
        (414, kind, encoded(&[("state", &"x".repeat(9_000))]).into()),
        (413, kind, encoded(&[("state", &"x".repeat(20_000))]).into()),
        (400, kind, b"state=\xff".to_vec()),
        (400, kind, b"state=%ff".to_vec()),
        (415, "application/json", b"{}".to_vec()),
        (415, "multipart/form-data; boundary=x", b"--x\r\n--x--\r\n".to_vec()),
    ] {
        send("/oauth2/logout", kind, body).await.assert_status(status);
    }
    // The URL of the form's answer, opened.
    let answer = server.get("/signout/application?state=x").await.assert_status(303);
    assert_eq!(answer.header("location"), "/oauth2/logout?state=x");
}

/// An ID token whose key verifies nothing any more says nothing, as if it was not sent: the user is asked.
#[apply(on_both_databases!)]
async fn o_47_an_id_token_of_a_retired_or_revoked_key_asks_the_user(database: Database) {
    let server = TestServer::start_with(
        database,
        "[tokens]\nrefresh_absolute_ttl = \"90d\"\nrefresh_idle_ttl = \"90d\"\n",
    )
    .await;
    register(&server).await;
    let settings = &server.services.settings;
    let options = KeyOptions {
        issuer: settings.issuer.as_str().to_owned(),
        dir: settings.keys_dir.clone(),
        passphrase: None,
        access_ttl: settings.tokens.access_ttl,
        max_age: JWKS_MAX_AGE,
        replay_window: settings.tokens.refresh_replay_window,
    };
    let operator = KeyOperator::new(options, server.services.db.clone(), server.services.clock.clone());
    let keys = &server.services.keys;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let (account, session) = session_of(&server, "ada").await;
    let (old, _) = id_token(&server, "app", account, session).await;
    operator.publish_next(SigningAlg::Rs256).await.unwrap();
    keys.refresh().await;
    server.services.clock.advance(2 * JWKS_MAX_AGE);
    operator.activate(SigningAlg::Rs256).await.unwrap();
    keys.refresh().await;
    let (compromised, _) = id_token(&server, "app", account, session).await;
    server.services.clock.advance(32 * DAY);
    keys.refresh().await;
    let kid = |token: &str| {
        let header = countersign_jose::decode_without_verifying(token).unwrap().header;
        header["kid"].as_str().unwrap().to_owned()
    };
    operator.revoke(&kid(&compromised)).await.unwrap();
    keys.refresh().await;
    let to = ("post_logout_redirect_uri", BACK);
    for round in 0..2 {
        for hint in [&old, &compromised] {
            assert!(keys.verify_id_token_hint(hint).is_none());
            let fields = [("id_token_hint", hint.as_str()), to, ("state", "x")];
            let page = ask(&mut ada, &fields).await.assert_status(200);
            assert!(page.text.contains("Sign out of"), "{round}: {}", page.text);
            assert!(ada.is_signed_in().await);
            // What it claims counts for as much as a `client_id`: the address must be registered there.
            let elsewhere = [
                ("id_token_hint", hint.as_str()),
                ("post_logout_redirect_uri", "https://evil.example/"),
            ];
            assert_refused(&mut ada, &elsewhere).await;
            assert_refused(
                &mut ada,
                &[("id_token_hint", hint.as_str()), ("client_id", "other"), to],
            )
            .await;
        }
        if round == 0 {
            // Its file is gone as well.
            operator.retire(&kid(&old)).await.unwrap();
            keys.refresh().await;
        }
    }
    // A signature by no key of this server is refused as before.
    let (head, rest) = old.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode(head).unwrap();
    let foreign = String::from_utf8(header).unwrap().replace(&kid(&old), "another-key");
    let foreign = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(foreign));
    assert_refused(&mut ada, &[("id_token_hint", &foreign), to]).await;
    let action = format!(
        "/signout/application?{}",
        encoded(&[("id_token_hint", &*old), to, ("state", "x")])
    );
    let answer = ada.post(&action, &[]).await.assert_status(303);
    assert_eq!(answer.header("location"), format!("{BACK}&state=x"));
    assert!(!ada.is_signed_in().await);
}
