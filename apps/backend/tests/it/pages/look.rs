//! The operator's settings for the appearance of the pages.

use axum::body::Body;
use axum::http::Request;
use countersign_testkit::{Database, TestServer, apply, on_both_databases};

use super::Browser;

#[apply(on_both_databases!)]
async fn an_operators_own_texts_and_links_are_on_every_page(database: Database) {
    let server = TestServer::start_with(
        database,
        "[pages]\nheading = \"Welcome <back> | de: Willkommen zurück\"\nfooter = \"Example Ltd | de: Beispiel GmbH\"\n\
         terms_url = \"https://example.com/terms?a=1&b=2\"\nprivacy_url = \"https://example.com/privacy\"\n",
    )
    .await;
    let mut browser = Browser::new(&server);
    let page = browser.get("/signin").await.text;
    for text in [
        "<h1>Welcome &#60;back&#62;</h1>",
        "<p>Example Ltd</p>",
        "href=\"https://example.com/terms?a=1&#38;b=2\"",
        "href=\"https://example.com/privacy\"",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let german = browser.get("/signin?ui_locales=de").await.text;
    assert!(
        german.contains("<h1>Willkommen zurück</h1>") && german.contains("<p>Beispiel GmbH</p>"),
        "{german}"
    );
    for path in ["/signup", "/recover", "/nothing-here", "/"] {
        let page = browser.get(path).await.text;
        assert!(
            page.contains("Example Ltd") && page.contains("/privacy"),
            "{path}: {page}"
        );
    }
}

#[apply(on_both_databases!)]
async fn a_page_names_its_icon_and_its_colours(database: Database) {
    let server = TestServer::start_with(database, "[pages]\nname = \"Éxample\"\ncolor = \"#ffd400\"\n").await;
    let page = Browser::new(&server).get("/signin").await.text;
    for text in [
        "name=\"color-scheme\" content=\"light dark\"",
        "name=\"theme-color\" content=\"#f6f7f9\" media=\"(prefers-color-scheme: light)\"",
        "name=\"theme-color\" content=\"#0e0f12\" media=\"(prefers-color-scheme: dark)\"",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let icon = page
        .split("rel=\"icon\" href=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let request = Request::get(icon).body(Body::empty()).unwrap();
    let answer = server.send(request).await.assert_status(200);
    assert_eq!(answer.header("content-type"), "image/svg+xml");
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert!(
        answer.text.contains("#ffd400") && answer.text.contains(">É</text>"),
        "{}",
        answer.text
    );
}
