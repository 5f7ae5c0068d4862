//! Language negotiation: RFC 9110 §5.3, §12.4.2, §12.5.4.

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderValue, Request};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

use super::Browser;

/// Values of `Accept-Language`, and the language that they select.
const WISHES: &[(&[&str], &str)] = &[
    (&["de"], "de"),
    (&["DE"], "de"),
    (&["de-AT"], "de"),
    (&["zh-hant-TW"], "zh-Hans"),
    (&["de ; q=0.1 , fr"], "fr"),
    (&["de;q=0.1,fr;q = 0.9, es;q=0.5"], "es"),
    (&["de\t;\tq=0.3\t,\tfr\t;\tq=0.7"], "fr"),
    (&["de;Q=0.2, fr;Q=0.9"], "fr"),
    (&["de ;q=0.2", "fr; q=0.9"], "fr"),
    (&["pt", "ja"], "ja"),
    (&["", "ja"], "ja"),
    (&[",, ,de ,,"], "de"),
    (&["de;q=0.1", "", "fr;q=0.2", "es;q=0.15"], "fr"),
    (&["de;q=0, *"], "en"),
    (&["*, en;q=0"], "de"),
    (&["*;q=0.1, en;q=0, de;q=0"], "fr"),
    (&["*"], "en"),
    (&["*;q=0.5, ja;q=0.4"], "en"),
    (&["ja;q=0.5, *;q=0.5"], "ja"),
    (&["pt, *;q=0.1"], "en"),
    (&["de;q=0"], "en"),
    (&["de;q=0.001, fr;q=0"], "de"),
    (&["de;q=1.000, fr;q=1"], "de"),
    (&["de;q=0., fr;q=0.0"], "en"),
    (&["de;q=1., ja;q=0.9"], "de"),
    (&["de;q=1.001, ja;q=0.1"], "ja"),
    (&["de;q=2, ja;q=0.1"], "ja"),
    (&["de;q=-1, ja;q=0.1"], "ja"),
    (&["de;q=0.1234, ja;q=0.1"], "ja"),
    (&["de;q=.5, ja;q=0.1"], "ja"),
    (&["de;q=0,5, ja;q=0.1"], "ja"),
    (&["de;q=, ja;q=0.1"], "ja"),
    (&["de;q, ja;q=0.1"], "ja"),
    (&["de;, ja;q=0.1"], "ja"),
    (&["de;q=\"0.9\", ja;q=0.1"], "ja"),
    (&["de;q=0.9;q=0.1, ja;q=0.5"], "ja"),
    (&["de;x=y, ja;q=0.5"], "ja"),
    (&["d e, ja;q=0.1"], "ja"),
    (&["de fr, ja;q=0.1"], "ja"),
    (&["deutschsprachig, ja;q=0.1"], "ja"),
    (&["de-, ja;q=0.1"], "ja"),
    (&["-de, ja;q=0.1"], "ja"),
    (&["de--AT, ja;q=0.1"], "ja"),
    (&["d\u{e9}, de"], "de"),
    (&["ara, ar"], "ar"),
    (&["x-de, i-default"], "en"),
];

fn asking(request: Builder, lines: &[&str]) -> Builder {
    lines.iter().fold(request, |request, line| {
        // As a browser sends it: one byte per character.
        let bytes: Vec<u8> = line.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        request.header("accept-language", HeaderValue::from_bytes(&bytes).unwrap())
    })
}

#[apply(on_both_databases!)]
async fn pages_are_in_the_preferred_language(database: Database) {
    let server = TestServer::start(database).await;
    for (lines, expected) in WISHES {
        let request = asking(Request::get("/signin"), lines).body(Body::empty()).unwrap();
        let answer = server.send(request).await.assert_status(200);
        assert_eq!(answer.header("content-language"), *expected, "{lines:?}");
    }
    // Long lists are read completely.
    let many: Vec<_> = (0..200).map(|index| format!("x{index};q=0.9")).collect();
    let many = format!("{}, ja;q=0.1", many.join(","));
    let request = asking(Request::get("/signin"), &[&many]).body(Body::empty()).unwrap();
    assert_eq!(server.send(request).await.header("content-language"), "ja");
}

#[apply(on_both_databases!)]
async fn emails_are_in_the_preferred_language(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    server.mails().await;
    let mut subjects = std::collections::BTreeMap::new();
    for (lines, expected) in WISHES {
        let request = Request::post("/api/auth/recover").header("content-type", "application/json");
        let body = Body::from(json!({ "email": "ada@example.com" }).to_string());
        server
            .send(asking(request, lines).body(body).unwrap())
            .await
            .assert_status(202);
        let subject = server.mail().await.subject;
        let known = subjects.entry(*expected).or_insert_with(|| subject.clone());
        assert_eq!(*known, subject, "{lines:?}");
        // The limit of emails to one recipient is not tested here.
        server
            .services
            .clock
            .advance(std::time::Duration::from_secs(24 * 60 * 60));
    }
    let distinct: std::collections::BTreeSet<_> = subjects.values().collect();
    assert_eq!(distinct.len(), subjects.len(), "{subjects:?}");
}

#[apply(on_both_databases!)]
async fn caches_learn_that_pages_differ_by_language(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = Browser::sign_up(&server, "ada").await;
    for path in [
        "/",
        "/signin",
        "/signup",
        "/signout",
        "/verify",
        "/verify?token=x",
        "/recover",
        "/recover/password",
        "/account",
        "/nothing",
        "/done/x",
    ] {
        let answer = browser.get(path).await;
        let vary = answer.header("vary").to_ascii_lowercase();
        assert!(
            vary.split(',').any(|name| name.trim() == "accept-language"),
            "{path}: {vary:?}"
        );
    }
    let refused = browser.post("/recover", &[("email", "x")]).await.assert_status(422);
    assert!(refused.header("vary").to_ascii_lowercase().contains("accept-language"));
}

#[apply(on_both_databases!)]
async fn a_link_names_languages_in_the_order_of_preference(database: Database) {
    let server = TestServer::start(database).await;
    for (asked, expected) in [
        ("de", "de"),
        ("xx%20fr-CA%20de", "fr"),
        ("DE-at", "de"),
        ("xx", "en"),
        ("", "en"),
        ("%20%20ja", "ja"),
        ("ar+de", "ar"),
    ] {
        let answer = server
            .get(&format!("/signin?ui_locales={asked}"))
            .await
            .assert_status(200);
        assert_eq!(answer.header("content-language"), expected, "{asked}");
    }
}

#[apply(on_both_databases!)]
async fn emails_to_a_signed_in_user_are_in_the_language_of_the_page(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut subjects = Vec::new();
    for (language, email) in [("en", "ada@example.org"), ("de", "ada@example.net")] {
        server.mails().await;
        ada.post("/language/account", &[("language", language)])
            .await
            .assert_status(303);
        ada.post("/account/email", &[("email", email), ("email_password", PASSWORD)])
            .await
            .assert_status(303);
        subjects.push(server.mail().await.subject);
    }
    assert_ne!(subjects[0], subjects[1]);
}

/// WCAG 2.2, 2.5.3: users of speech control say what a button shows, so its label for screen readers contains that.
#[test]
fn the_label_of_a_button_contains_its_visible_text() {
    let locales = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("locales");
    let mut languages = 0;
    for locale in std::fs::read_dir(locales).unwrap() {
        let path = locale.unwrap().path().join("pages.ftl");
        let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
        let message = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.unwrap_or_else(|| panic!("{} has no {name}", path.display()))
        };
        for (label, visible) in [
            ("apps-withdraw-of", "apps-withdraw"),
            ("account-device-end", "signout-button"),
        ] {
            assert!(
                message(label).contains(message(visible)),
                "{}: {label} does not contain {visible}",
                path.display()
            );
        }
        languages += 1;
    }
    assert_eq!(languages, 7);
}
