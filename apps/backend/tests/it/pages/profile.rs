//! The name on the account page.

use countersign_testkit::{Database, TestServer, apply, on_both_databases};

use super::Browser;

async fn named(browser: &mut Browser<'_>, name: &str) -> String {
    let saved = browser.post("/account/name", &[("name", name)]).await;
    browser.follow(saved).await.text
}

#[apply(on_both_databases!)]
async fn a_user_gives_changes_and_removes_a_name(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let page = ada.get("/account").await.assert_status(200).text;
    assert!(
        page.contains("Not set") && page.contains("action=\"/account/name\""),
        "{page}"
    );
    let page = named(&mut ada, " Ada Lovelace ").await;
    assert!(
        page.contains("<bdi>Ada Lovelace</bdi>") && page.contains("value=\"Ada Lovelace\""),
        "{page}"
    );
    assert!(page.contains("Your name has been changed."), "{page}");
    let page = named(&mut ada, "").await;
    assert!(page.contains("Not set") && !page.contains("Lovelace"), "{page}");
    // Without signing in, it leads to the sign-in page.
    let mut stranger = Browser::new(&server);
    let answer = stranger
        .post("/account/name", &[("name", "Eve")])
        .await
        .assert_status(303);
    assert!(answer.header("location").starts_with("/signin"));
    let opened = ada.get("/account/name").await;
    assert_eq!(opened.header("location"), "/account");
}

#[apply(on_both_databases!)]
async fn a_name_is_text_on_the_page_and_what_is_no_name_is_shown_again(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let page = named(&mut ada, "\"><script>alert(1)</script><bdi>&amp;").await;
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;")
            || page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"),
        "{page}"
    );
    for (typed, message) in [
        ("Ada\u{202e}moc", "without line breaks or invisible characters"),
        ("Ada\r\nEve", "without line breaks or invisible characters"),
        ("A\0B", "without line breaks or invisible characters"),
        (&*"x".repeat(201), "too long"),
        (&*"x".repeat(30_000), "too long"),
    ] {
        let answer = ada.post("/account/name", &[("name", typed)]).await.assert_status(422);
        assert!(answer.text.contains(message), "{typed:?}: {}", answer.text);
        assert!(answer.text.contains("id=\"name-wrong\""), "{typed:?}: {}", answer.text);
        assert!(
            answer.text.contains("id=\"name-row\" open"),
            "{typed:?}: {}",
            answer.text
        );
    }
    let page = ada.get("/account").await.text;
    assert!(page.contains("script") && !page.contains("moc"), "{page}");
}

#[apply(on_both_databases!)]
async fn the_name_row_exists_in_every_language(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for (language, none, saved) in [
        ("en", "Not set", "Your name has been changed."),
        ("de", "Nicht angegeben", "Dein Name wurde geändert."),
        ("fr", "Non renseigné", "Votre nom a été modifié."),
        ("es", "Sin indicar", "Se ha cambiado tu nombre."),
        ("ja", "未設定", "名前を変更しました。"),
        ("zh-Hans", "未填写", "姓名已更改。"),
        ("ar", "لم يُحدَّد", "تم تغيير اسمك."),
    ] {
        let chosen = ada.post("/language/account", &[("language", language)]).await;
        let page = ada.follow(chosen).await.text;
        assert!(page.contains(none), "{language}: {page}");
        let page = named(&mut ada, "Ada").await;
        assert!(
            page.contains(saved) && page.contains("<bdi>Ada</bdi>"),
            "{language}: {page}"
        );
        named(&mut ada, "").await;
    }
}
