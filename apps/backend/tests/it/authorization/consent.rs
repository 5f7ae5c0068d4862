//! Consent: when it is asked for, what the page shows, and how it ends.

use std::time::Duration;

use countersign_testkit::{Database, apply, on_both_databases};

use super::*;

#[apply(on_both_databases!)]
async fn o_20_x_32_consent_is_asked_once_and_again_for_more(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let asks = async |browser: &mut Browser<'_>, changes: &[(&str, &str)]| {
        let here = begun(browser, changes).await;
        let page = browser.get(&here).await;
        let Some(shown) = field_of(&page, "shown") else {
            Arrived::of(&page).code();
            return false;
        };
        let answer = browser.post(&here, &[("decision", "allow"), ("shown", &shown)]).await;
        Arrived::of(&answer).code();
        true
    };
    let api = [("scope", "openid orders:read"), ("resource", "https://api.example.com")];
    let by_name = |claim| match claim {
        "email" => [("scope", "openid"), ("claims", r#"{"userinfo":{"email":null}}"#)],
        _ => [
            ("scope", "openid"),
            ("claims", r#"{"id_token":{"phone_number":{"essential":true}}}"#),
        ],
    };
    for (what, changes, expected) in [
        ("the first time", &[][..], true),
        ("again", &[], false),
        ("less", &[("scope", "openid")], false),
        ("a new scope", &[("scope", "openid profile email")], true),
        ("the same", &[("scope", "openid email")], false),
        ("a new API", &api, true),
        ("the same API", &api, false),
        ("prompt=consent", &[("prompt", "consent")], true),
        ("offline access", &[("scope", "openid offline_access")], true),
        ("claims of known scopes by name", &by_name("email"), false),
        ("a claim of a new scope by name", &by_name("phone_number"), true),
        ("the same claim", &by_name("phone_number"), false),
        ("the scope of that claim", &[("scope", "openid phone")], false),
    ] {
        assert_eq!(asks(&mut ada, changes).await, expected, "{what}");
    }
    let trusted = [("client_id", "trusted"), ("redirect_uri", INTRANET)];
    assert!(!asks(&mut ada, &trusted).await, "a trusted client");
    let with_prompt = [&trusted[..], &[("prompt", "consent")]].concat();
    assert!(asks(&mut ada, &with_prompt).await, "a trusted client that asks for it");
    // A native client gets a click each time.
    let native = [("client_id", "native"), ("redirect_uri", "com.example.notes:/callback")];
    assert!(asks(&mut ada, &native).await);
    for _ in 0..2 {
        let here = begun(&mut ada, &native).await;
        let page = ada.get(&here).await.assert_status(200);
        assert!(page.text.contains("value=\"continue\""), "{}", page.text);
        let shown = field_of(&page, "shown").unwrap();
        let answer = ada.post(&here, &[("decision", "continue"), ("shown", &shown)]).await;
        let arrived = Arrived::of(&answer);
        assert_eq!(arrived.at, "com.example.notes:/callback");
        arrived.code();
    }
    // Everyone is asked for themselves.
    let mut eve = Browser::sign_up(&server, "eve").await;
    assert!(asks(&mut eve, &[]).await);
}

/// RFC 8252 §8.6. A client that authenticates itself is not another program on the same computer.
#[apply(on_both_databases!)]
async fn o_20_a_native_application_needs_a_click_unless_it_has_a_secret_and_a_loopback_address(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let uris = json!(["http://localhost:3000/callback", "com.example.desktop:/callback"]);
    server.client_with("desktop", json!({ "redirect_uris": uris })).await;
    for (client_id, redirect_uri, needs_click) in [
        ("native", "http://127.0.0.1:5000/callback", true),
        ("native", "com.example.notes:/callback", true),
        ("desktop", "http://localhost:3000/callback", false),
        ("desktop", "com.example.desktop:/callback", true),
    ] {
        let changes = [("client_id", client_id), ("redirect_uri", redirect_uri)];
        // With its consent, if it has none yet.
        code_of(&mut ada, &changes).await;
        for _ in 0..2 {
            let here = begun(&mut ada, &changes).await;
            let page = ada.get(&here).await;
            assert_eq!(page.text.contains("value=\"continue\""), needs_click, "{redirect_uri}");
            let answer = match field_of(&page, "shown") {
                Some(shown) => ada.post(&here, &[("decision", "continue"), ("shown", &shown)]).await,
                None => page,
            };
            let arrived = Arrived::of(&answer);
            assert_eq!(arrived.at, redirect_uri);
            arrived.code();
        }
        let silently = [&changes[..], &[("prompt", "none")]].concat();
        let arrived = Arrived::of(&ada.get(&authorize(&silently)).await);
        match needs_click {
            true => arrived.assert_error("interaction_required"),
            false => assert!(!arrived.code().is_empty()),
        }
    }
}

#[apply(on_both_databases!)]
async fn o_20_a_canceled_request_is_an_error_for_the_client(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let here = begun(&mut ada, &[]).await;
    ada.get(&here).await.assert_status(200);
    let answer = ada.post(&here, &[("decision", "cancel")]).await;
    Arrived::of(&answer).assert_error("access_denied");
    assert_page(&ada.get(&here).await, "a canceled request");
    let here = begun(&mut ada, &[]).await;
    assert!(
        field_of(&ada.get(&here).await, "shown").is_some(),
        "nothing was agreed to"
    );
}

#[apply(on_both_databases!)]
async fn o_20_a_56_a_59_the_page_says_who_asks_for_what_and_where_it_leads(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let here = begun(
        &mut ada,
        &[
            (
                "scope",
                "openid profile email phone address offline_access orders:read orders:all unknown",
            ),
            ("resource", "https://api.example.com"),
        ],
    )
    .await;
    let page = ada.get(&here).await.assert_status(200).text;
    for text in [
        "Allow Grafana to access your account?",
        "grafana.example.com",
        "ada@example.com",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // In this order, whatever the order of the request.
    let mut rest = page.as_str();
    for text in [
        "See your name and profile",
        "See your email address",
        "See your phone number",
        "See your postal address",
        "See your orders",
        "Stay connected after you sign out",
    ] {
        (_, rest) = rest.split_once(text).unwrap_or_else(|| unreachable!("{text}: {page}"));
    }
    // Not what ada does not have herself, nor what no one knows.
    assert!(!page.contains("everybody") && !page.contains("unknown"), "{page}");
    let code = answered(&mut ada, &here).await.code().to_owned();
    let session = redeem(&server, &code, Presented::default()).await.unwrap().session;
    assert_eq!(
        session.scope,
        "address email offline_access openid orders:read phone profile"
    );
    // Only `openid`.
    let mut eve = Browser::sign_up(&server, "eve").await;
    let here = begun(&mut eve, &[("scope", "openid")]).await;
    let page = eve.get(&here).await.assert_status(200).text;
    assert!(page.contains("Sign in to Grafana?") && !page.contains("<ul"), "{page}");
}

/// What is about the user comes first, then the scopes of the API in the order of its owner, then how long the access lasts.
#[apply(on_both_databases!)]
async fn o_20_permissions_are_listed_as_they_are_declared(database: Database) {
    let server = server(database).await;
    let maps = json!({ "identifier": "https://maps.example.com", "name": "Maps", "clients": "any", "scopes": [
        { "name": "z:see", "grant": "open", "words": { "en": "See your places" } },
        { "name": "a:change", "grant": "open", "words": { "en": "Change your places" } },
        { "name": "m:share", "grant": "open", "words": { "en": "Share your places" } },
    ] });
    server.api_with(maps).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let request = [
        (
            "scope",
            "m:share a:change z:see offline_access address phone email profile openid",
        ),
        ("resource", "https://maps.example.com"),
    ];
    let here = begun(&mut ada, &request).await;
    let consent = ada.get(&here).await.assert_status(200).text;
    answered(&mut ada, &here).await.code();
    let apps = ada.get("/account/apps").await.assert_status(200).text;
    for page in [consent, apps] {
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        let places = [
            "See your name and profile",
            "See your email address",
            "See your phone number",
            "See your postal address",
            "See your places",
            "Change your places",
            "Share your places",
            "Stay connected after you sign out",
        ]
        .map(place);
        assert!(places.is_sorted(), "{places:?}: {page}");
    }
}

#[apply(on_both_databases!)]
async fn o_21_a_64_names_of_clients_are_inert_and_bounded(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for (name, shown) in [
        ("<script>alert(1)</script>", "&#60;script&#62;alert(1)&#60;/script&#62;"),
        ("Gra\u{202e}anaf", "Graanaf"),
        ("\u{2066}Gra\u{200b}fana\u{2069}", "Grafana"),
        ("   ", "grafana"),
    ] {
        set(&server, "grafana", "client_name", name).await;
        let here = begun(&mut ada, &[]).await;
        let page = ada.get(&here).await.assert_status(200).text;
        assert!(page.contains(&format!("Allow {shown} to access")), "{name:?}: {page}");
        assert!(
            !page.contains('\u{202e}') && !page.contains("<script>alert"),
            "{name:?}"
        );
    }
    set(&server, "grafana", "client_name", &"x".repeat(10_000)).await;
    let here = begun(&mut ada, &[]).await;
    let page = ada.get(&here).await.assert_status(200).text;
    assert!(
        page.contains(&"x".repeat(100)) && !page.contains(&"x".repeat(101)),
        "{page}"
    );
    for (uri, is_linked) in [
        ("https://example.com/privacy", true),
        ("http://example.com/privacy", false),
        ("javascript:alert(1)", false),
    ] {
        set(&server, "grafana", "policy_uri", uri).await;
        let page = ada.get(&here).await.text;
        assert_eq!(page.contains(&format!("href=\"{uri}\"")), is_linked, "{uri}");
    }
}

#[apply(on_both_databases!)]
async fn a_54_the_account_page_lists_applications_and_removes_them(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let page = ada.get("/account").await.text;
    assert!(page.contains("href=\"/account/apps\""), "{page}");
    let page = ada.get("/account/apps").await.assert_status(200).text;
    assert!(page.contains("No applications have access"), "{page}");
    let code = code_of(&mut ada, &[]).await;
    let grant = redeem(&server, &code, Presented::default()).await.unwrap().session;
    let mut eve = Browser::sign_up(&server, "eve").await;
    code_of(&mut eve, &[]).await;
    server.services.clock.advance(Duration::from_secs(60));
    let page = ada.get("/account/apps").await.assert_status(200).text;
    for text in [
        "<bdi>Grafana</bdi>",
        "See your name and profile",
        "Remove access for Grafana",
        "Access granted",
        "Last used",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // Only one's own, and only what is there.
    let nothing = eve.post("/account/apps", &[("client", "native")]).await;
    assert_eq!(nothing.assert_status(303).header("location"), "/account/apps");
    let removed = ada.post("/account/apps", &[("client", "grafana")]).await;
    let page = ada.follow(removed).await.text;
    assert!(
        page.contains("Access has been removed.") && page.contains("No applications have access"),
        "{page}"
    );
    let revoked: Option<i64> = statement(sql!("SELECT revoked_at FROM sessions WHERE id = $1"))
        .bind(grant.id)
        .one(&server.services.db)
        .await
        .unwrap();
    assert!(revoked.is_some());
    let here = begun(&mut ada, &[]).await;
    assert!(
        field_of(&ada.get(&here).await, "shown").is_some(),
        "it has to ask again"
    );
    assert!(eve.get("/account/apps").await.text.contains("Grafana"));
    let mut anyone = Browser::new(&server);
    let answer = anyone.get("/account/apps").await;
    assert_eq!(
        answer.assert_status(303).header("location"),
        "/signin?return_to=/account/apps"
    );
}

/// A page that one account has seen is not answered for another one, which signed in in a second tab.
#[apply(on_both_databases!)]
async fn o_12_x_17_a_page_is_answered_by_the_account_that_it_was_shown_to(database: Database) {
    let server = server(database).await;
    Browser::sign_up(&server, "eve").await;
    let native = [("client_id", "native"), ("redirect_uri", "com.example.notes:/callback")];
    let choice = [("prompt", "select_account")];
    let cases: [(&[(&str, &str)], &str); 3] = [(&[], "allow"), (&native, "continue"), (&choice, "continue")];
    for (number, (changes, decision)) in cases.into_iter().enumerate() {
        let mut ada = Browser::sign_up(&server, &format!("ada-{number}")).await;
        if decision == "continue" {
            code_of(
                &mut ada,
                changes
                    .iter()
                    .copied()
                    .filter(|(name, _)| *name != "prompt")
                    .collect::<Vec<_>>()
                    .as_slice(),
            )
            .await;
        }
        server.services.clock.advance(std::time::Duration::from_secs(60));
        let here = begun(&mut ada, changes).await;
        let shown = field_of(&ada.get(&here).await.assert_status(200), "shown").unwrap();
        let eve = [("email", "eve@example.com"), ("password", PASSWORD)];
        ada.post("/signin", &eve).await.assert_status(303);
        ada.get(&here).await;
        let answer = ada.post(&here, &[("decision", decision), ("shown", &shown)]).await;
        assert_eq!(answer.assert_status(303).header("location"), here, "{changes:?}");
    }
}

#[apply(on_both_databases!)]
async fn c_27_a_client_id_that_no_client_can_have_is_refused(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for client in ["\0", "grafana\0", "a\0b"] {
        ada.post("/account/apps", &[("client", client)])
            .await
            .assert_status(400);
    }
    let mut nobody = Browser::new(&server);
    let answer = nobody.post("/account/apps", &[("client", "\0")]).await;
    assert_eq!(
        answer.assert_status(303).header("location"),
        "/signin?return_to=/account/apps"
    );
}
