//! `prompt`, `max_age` and the hints.

use std::time::Duration;

use countersign_testkit::{Database, apply, on_both_databases};

use super::*;

async fn requests(server: &TestServer) -> i64 {
    let open = statement(sql!(
        "SELECT count(*) FROM authorization_requests WHERE spent_at IS NULL"
    ));
    open.one(&server.services.db).await.unwrap()
}

#[apply(on_both_databases!)]
async fn o_18_a_40_a_silent_request_shows_nothing_and_leaves_nothing(database: Database) {
    let server = server(database).await;
    let silently = async |browser: &mut Browser<'_>, changes: &[(&str, &str)]| {
        let changes = [changes, &[("prompt", "none")]].concat();
        let answer = browser.get(&authorize(&changes)).await;
        assert!(answer.headers.get("set-cookie").is_none(), "{changes:?}");
        assert_eq!(requests(&server).await, 0, "{changes:?}");
        Arrived::of(&answer)
    };
    silently(&mut Browser::new(&server), &[])
        .await
        .assert_error("login_required");
    let mut ada = Browser::sign_up(&server, "ada").await;
    silently(&mut ada, &[]).await.assert_error("consent_required");
    code_of(&mut ada, &[]).await;
    silently(&mut ada, &[]).await.code();
    silently(&mut ada, &[("scope", "openid email")])
        .await
        .assert_error("consent_required");
    silently(&mut ada, &[("max_age", "0")]).await.code();
    server.services.clock.advance(Duration::from_secs(10));
    silently(&mut ada, &[("max_age", "0")])
        .await
        .assert_error("login_required");
    silently(&mut ada, &[("max_age", "5")])
        .await
        .assert_error("login_required");
    silently(&mut ada, &[("max_age", "11")]).await.code();
    let native = [("client_id", "native"), ("redirect_uri", "com.example.notes:/callback")];
    code_of(&mut ada, &native).await;
    silently(&mut ada, &native).await.assert_error("interaction_required");
    // In a frame of another site, the browser sends no cookies.
    let framed = bare(&server, &authorize(&[("prompt", "none")])).await;
    Arrived::of(&framed).assert_error("login_required");
    ada.post("/signout", &[]).await.assert_status(303);
    silently(&mut ada, &[]).await.assert_error("login_required");
}

#[apply(on_both_databases!)]
async fn o_19_r_43_a_fresh_authentication_is_asked_for_and_keeps_the_session(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let code = code_of(&mut ada, &[]).await;
    let first = redeem(&server, &code, Presented::default()).await.unwrap().session;
    for (changes, elapsed, asks) in [
        (&[("prompt", "login")][..], 60, true),
        (&[("max_age", "0")], 60, true),
        (&[("max_age", "1")], 60, true),
        (&[("max_age", "10000")], 60, false),
        (&[], 60, false),
    ] {
        server.services.clock.advance(Duration::from_secs(elapsed));
        let before = server.services.clock.now();
        let here = begun(&mut ada, changes).await;
        let page = ada.get(&here).await.assert_status(303);
        if !asks {
            let code = Arrived::of(&page).code().to_owned();
            let session = redeem(&server, &code, Presented::default()).await.unwrap().session;
            assert!(session.auth_time < before, "{changes:?}");
            continue;
        }
        let again = format!("/signin/again?return_to={here}");
        assert_eq!(page.header("location"), again, "{changes:?}");
        let old = ada.clone();
        let wrong = ada.post(&again, &[("password", "not my password")]).await;
        assert_eq!(wrong.status, 422, "{changes:?}");
        assert!(wrong.text.contains("not your current password"), "{}", wrong.text);
        // However long it takes to prove it, and then to agree.
        server.services.clock.advance(Duration::from_secs(100));
        let right = ada.post(&again, &[("password", PASSWORD)]).await;
        assert_eq!(right.assert_status(303).header("location"), here, "{changes:?}");
        server.services.clock.advance(Duration::from_secs(100));
        let code = answered(&mut ada, &here).await.code().to_owned();
        let session = redeem(&server, &code, Presented::default()).await.unwrap().session;
        assert!(session.auth_time > before, "{changes:?}");
        assert_eq!(
            session.parent_id, first.parent_id,
            "the session of the browser is the same"
        );
        assert!(
            !{ old }.is_signed_in().await,
            "the earlier cookie is not valid any more"
        );
        let first: Option<i64> = statement(sql!("SELECT revoked_at FROM sessions WHERE id = $1"))
            .bind(first.id)
            .one(&server.services.db)
            .await
            .unwrap();
        assert_eq!(first, None, "other grants stay");
    }
}

#[apply(on_both_databases!)]
async fn o_19_an_emailed_code_proves_it_too(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    server.services.clock.advance(Duration::from_secs(60));
    let here = begun(&mut ada, &[("prompt", "login")]).await;
    let again = format!("/signin/again?return_to={here}");
    // To an email address that is not verified, a code would prove nothing.
    let page = ada.get(&again).await.assert_status(200);
    assert!(!page.text.contains("/signin/again/email"), "{}", page.text);
    let token = server.mail().await.token();
    ada.post("/verify", &[("token", &token)]).await.assert_status(303);
    let page = ada.get(&again).await.assert_status(200);
    assert!(page.text.contains("/signin/again/email"), "{}", page.text);
    let sent = ada.post(&format!("/signin/again/email?return_to={here}"), &[]).await;
    let code_page = format!("/signin/again/code?return_to={here}");
    assert_eq!(sent.assert_status(303).header("location"), code_page);
    ada.get(&code_page).await.assert_status(200);
    let code = server.mail().await.code();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert_eq!(ada.post(&code_page, &[("code", wrong)]).await.status, 422);
    // Another account's browser cannot use it.
    let mut eve = Browser::sign_up(&server, "eve").await;
    assert_eq!(eve.post("/signin/again/code", &[("code", &code)]).await.status, 422);
    let right = ada.post(&code_page, &[("code", &code)]).await;
    assert_eq!(right.assert_status(303).header("location"), here);
    let arrived = answered(&mut ada, &here).await;
    let session = redeem(&server, arrived.code(), Presented::default())
        .await
        .unwrap()
        .session;
    assert_eq!(session.amr, "otp");
    assert_eq!(session.auth_time, server.services.clock.now());
}

#[apply(on_both_databases!)]
async fn o_19_signing_in_again_signs_out_of_no_application(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let code = code_of(&mut ada, &[]).await;
    let grant = redeem(&server, &code, Presented::default()).await.unwrap().session;
    let ended = async || {
        let revoked = statement(sql!("SELECT revoked_at FROM sessions WHERE id = $1"));
        revoked
            .bind(grant.id)
            .one::<Option<i64>>(&server.services.db)
            .await
            .unwrap()
            .is_some()
    };
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    ada.post("/signin", &fields).await.assert_status(303);
    assert!(!ended().await, "the same account");
    Browser::sign_up(&server, "eve").await;
    let wrong = [("email", "eve@example.com"), ("password", "not the password")];
    ada.post("/signin", &wrong).await.assert_status(422);
    assert!(!ended().await, "another account that did not sign in");
    let fields = [("email", "eve@example.com"), ("password", PASSWORD)];
    ada.post("/signin", &fields).await.assert_status(303);
    assert!(ended().await, "another account");
}

#[apply(on_both_databases!)]
async fn an_account_is_chosen_and_another_one_signs_in(database: Database) {
    let server = server(database).await;
    Browser::sign_up(&server, "eve").await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    code_of(&mut ada, &[]).await;
    server.services.clock.advance(Duration::from_secs(60));
    for prompt in ["select_account", "create"] {
        let here = begun(&mut ada, &[("prompt", prompt)]).await;
        let page = ada.get(&here).await.assert_status(200);
        assert!(page.text.contains("Continue as ada@example.com"), "{}", page.text);
        let shown = field_of(&page, "shown").unwrap();
        let chosen = ada.post(&here, &[("decision", "continue"), ("shown", &shown)]).await;
        assert_eq!(chosen.assert_status(303).header("location"), here);
        Arrived::of(&ada.get(&here).await).code();
    }
    let here = begun(&mut ada, &[("prompt", "select_account")]).await;
    let other = ada
        .get(&format!("/signin/other?return_to={here}"))
        .await
        .assert_status(200);
    assert!(other.text.contains("name=\"password\""), "{}", other.text);
    // Having signed in is a choice. The new account is asked for its own consent.
    let page = sign_in(&mut ada, &here, "eve").await.assert_status(200);
    assert!(
        page.text.contains("eve@example.com") && field_of(&page, "shown").is_some(),
        "{}",
        page.text
    );
    answered(&mut ada, &here).await.code();
    // Sign-ups come first where the client asks for them.
    let mut new = Browser::new(&server);
    let here = begun(&mut new, &[("prompt", "create")]).await;
    let next = new.get(&here).await.assert_status(303);
    assert_eq!(next.header("location"), format!("/signup?return_to={here}"));
    let page = new.get(next.header("location")).await.assert_status(200);
    assert!(page.text.contains("continue to Grafana"), "{}", page.text);
}

#[apply(on_both_databases!)]
async fn a_client_that_expects_another_account_gets_no_code_of_this_one(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut eve = Browser::sign_up(&server, "eve").await;
    let code = code_of(&mut eve, &[]).await;
    let eve_id = redeem(&server, &code, Presented::default())
        .await
        .unwrap()
        .session
        .account_id;
    server.services.clock.advance(Duration::from_secs(60));
    let claims = format!("{{\"id_token\":{{\"sub\":{{\"value\":\"{eve_id}\"}}}}}}");
    let silent = ada.get(&authorize(&[("claims", &claims), ("prompt", "none")])).await;
    Arrived::of(&silent).assert_error("login_required");
    let here = begun(&mut ada, &[("claims", &claims)]).await;
    let next = ada.get(&here).await.assert_status(303);
    let other = format!("/signin/other?return_to={here}");
    assert_eq!(next.header("location"), other);
    let page = ada.get(&other).await.assert_status(200);
    assert!(
        page.text.contains("Grafana requires a different account"),
        "{}",
        page.text
    );
    // The right one.
    let page = sign_in(&mut ada, &here, "eve").await;
    Arrived::of(&page).code();
    // The wrong one has signed in since.
    Browser::sign_up(&server, "mallory").await;
    server.services.clock.advance(Duration::from_secs(60));
    let mut other = Browser::new(&server);
    let here = begun(&mut other, &[("claims", &claims)]).await;
    let page = sign_in(&mut other, &here, "mallory").await;
    Arrived::of(&page).assert_error("login_required");
}

#[apply(on_both_databases!)]
async fn hints_fill_in_the_form_and_choose_the_language(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::new(&server);
    let here = begun(
        &mut ada,
        &[("login_hint", "ada@example.com"), ("ui_locales", "xx de en")],
    )
    .await;
    let page = ada.get(&format!("/signin?return_to={here}")).await.assert_status(200);
    assert!(page.text.contains("value=\"ada@example.com\""), "{}", page.text);
    assert!(
        page.text.contains("lang=\"de\"") && page.text.contains("Du meldest dich bei Grafana an."),
        "{}",
        page.text
    );
    // What the user has chosen counts more.
    let there = format!("/language/signin?return_to={here}");
    ada.post(&there, &[("language", "fr")]).await.assert_status(303);
    let page = ada.get(&format!("/signin?return_to={here}")).await;
    assert!(page.text.contains("Vous vous connectez à Grafana."), "{}", page.text);
    let odd = begun(&mut ada, &[("login_hint", "\"><script>@")]).await;
    let page = ada.get(&format!("/signin?return_to={odd}")).await;
    assert!(!page.text.contains("<script>@"), "{}", page.text);
}
