//! The way of a user from an application to the pages and back.

use countersign_testkit::{Database, apply, on_both_databases};

use super::*;

#[apply(on_both_databases!)]
async fn a_user_signs_in_agrees_and_is_back_and_then_without_a_question(database: Database) {
    let server = server(database).await;
    Browser::sign_up(&server, "ada").await;
    let mut ada = Browser::new(&server);
    let here = begun(&mut ada, &[]).await;
    let next = ada.get(&here).await.assert_status(303);
    assert_eq!(next.header("location"), format!("/signin?return_to={here}"));
    let page = ada.get(next.header("location")).await.assert_status(200);
    assert!(page.text.contains("You’re signing in to Grafana."), "{}", page.text);
    let page = sign_in(&mut ada, &here, "ada").await.assert_status(200);
    assert!(
        page.text.contains("Allow Grafana to access your account?"),
        "{}",
        page.text
    );
    let arrived = answered(&mut ada, &here).await;
    assert_eq!(
        (arrived.at.as_str(), arrived.field("state")),
        (CALLBACK, Some("a-state"))
    );
    let redeemed = redeem(&server, arrived.code(), Presented::default()).await.unwrap();
    assert_eq!(redeemed.nonce.as_deref(), Some("a-nonce"));
    let session = redeemed.session;
    assert_eq!(
        (session.client_id.as_str(), session.scope.as_str()),
        ("grafana", "openid profile")
    );
    assert_eq!(session.amr, "pwd");
    assert!(session.bound && session.parent_id.is_some());
    // The second time, at once and without a row.
    let requests = || statement(sql!("SELECT count(*) FROM authorization_requests")).one::<i64>(&server.services.db);
    let before = requests().await.unwrap();
    Arrived::of(&ada.get(&authorize(&[])).await).code();
    // Another application.
    let other = [("client_id", "trusted"), ("redirect_uri", INTRANET)];
    let arrived = Arrived::of(&ada.get(&authorize(&other)).await);
    arrived.code();
    assert_eq!(arrived.at, INTRANET);
    assert_eq!(requests().await.unwrap(), before);
}

#[apply(on_both_databases!)]
async fn a_new_user_signs_up_on_the_way(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::new(&server);
    let here = begun(&mut ada, &[]).await;
    let there = format!("/signup?return_to={here}");
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    let answer = ada.post(&there, &fields).await.assert_status(303);
    let page = ada.get(answer.header("location")).await.assert_status(200);
    assert!(
        page.text.contains("Continue to Grafana") && page.text.contains(&here),
        "{}",
        page.text
    );
    answered(&mut ada, &here).await.code();
}

#[apply(on_both_databases!)]
async fn an_emailed_link_leads_back_to_the_request(database: Database) {
    let server = server(database).await;
    Browser::sign_up(&server, "ada").await;
    server.mails().await;
    let mut ada = Browser::new(&server);
    let here = begun(&mut ada, &[]).await;
    let fields = [("email", "ada@example.com")];
    ada.post(&format!("/signin/email/ask?return_to={here}"), &fields)
        .await
        .assert_status(303);
    let token = server.mail().await.token();
    let opened = ada
        .get(&format!("/signin/email?token={token}"))
        .await
        .assert_status(200);
    assert!(opened.text.contains(&here), "{}", opened.text);
    let signed_in = ada
        .post(&format!("/signin/email?return_to={here}"), &[("token", &token)])
        .await;
    assert_eq!(signed_in.assert_status(303).header("location"), here);
    answered(&mut ada, &here).await.code();
}

#[apply(on_both_databases!)]
async fn an_answer_by_form_is_a_page_with_a_button(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    code_of(&mut ada, &[]).await;
    let here = begun(&mut ada, &[("response_mode", "form_post")]).await;
    let page = ada.get(&here).await.assert_status(200);
    assert!(page.text.contains(&format!("action=\"{CALLBACK}\"")), "{}", page.text);
    let code = field_of(&page, "code").unwrap();
    assert_eq!(field_of(&page, "state").as_deref(), Some("a-state"));
    assert_eq!(field_of(&page, "iss").as_deref(), Some(ISSUER));
    assert!(page.text.contains("<button>Continue</button>"), "{}", page.text);
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.headers.get("location").is_none());
    redeem(&server, &code, Presented::default()).await.unwrap();
    let refused = ada
        .get(&authorize(&[("response_mode", "form_post"), ("scope", "\u{1}")]))
        .await;
    let page = refused.assert_status(200);
    assert_eq!(field_of(&page, "error").as_deref(), Some("invalid_scope"));
}

#[apply(on_both_databases!)]
async fn the_answer_is_appended_to_the_registered_uri(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let with_query = "https://grafana.example.com/other?x=y";
    let here = begun(&mut ada, &[("redirect_uri", with_query)]).await;
    let shown = field_of(&ada.get(&here).await, "shown").unwrap();
    let answer = ada.post(&here, &[("decision", "allow"), ("shown", &shown)]).await;
    let location = answer.assert_status(303).header("location").to_owned();
    assert!(location.starts_with(&format!("{with_query}&code=csa_")), "{location}");
    let here = begun(&mut ada, &[("response_mode", "fragment")]).await;
    let location = ada.get(&here).await.header("location").to_owned();
    assert!(location.starts_with(&format!("{CALLBACK}#code=csa_")), "{location}");
    let loopback = [
        ("client_id", "native"),
        ("redirect_uri", "http://127.0.0.1:49152/callback"),
    ];
    let here = begun(&mut ada, &loopback).await;
    let arrived = answered(&mut ada, &here).await;
    assert_eq!(arrived.at, "http://127.0.0.1:49152/callback");
    let presented = Presented {
        client: "native",
        redirect_uri: Some("http://127.0.0.1:49152/callback"),
        ..Presented::default()
    };
    redeem(&server, arrived.code(), presented).await.unwrap();
}

#[apply(on_both_databases!)]
async fn the_provider_can_be_turned_off(database: Database) {
    let server = server_with(database, "[provider]\nenabled = false\n").await;
    assert_eq!(bare(&server, &authorize(&[])).await.status, 404);
}
