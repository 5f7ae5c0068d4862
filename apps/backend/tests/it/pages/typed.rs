//! Typed text is used as typed.

use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{Browser, NEW_PASSWORD};

#[apply(on_both_databases!)]
async fn no_field_cuts_or_refuses_what_people_type(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut stranger = Browser::new(&server);
    stranger
        .post("/recover", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let mails = server.mails().await;
    let asked = mails
        .iter()
        .find(|mail| mail.link().contains("/recover/password"))
        .unwrap();
    let recover = format!("/recover/password?token={}", asked.token());
    for path in ["/signin", "/signup", "/recover", &recover, "/verify", "/signin/email"] {
        let page = stranger.get(path).await.text;
        for limit in [
            "maxlength",
            "minlength",
            "pattern=",
            "type=\"email\"",
            "type=\"number\"",
        ] {
            assert!(!page.contains(limit), "{path}: {limit}");
        }
    }
    let asked = stranger.post("/recover", &[("email", "bob@example.com")]).await;
    for page in [ada.get("/account").await.text, stranger.follow(asked).await.text] {
        for limit in [
            "maxlength",
            "minlength",
            "pattern=",
            "type=\"email\"",
            "type=\"number\"",
        ] {
            assert!(!page.contains(limit), "{limit}: {page}");
        }
    }
}

#[apply(on_both_databases!)]
async fn a_7_the_whole_password_counts_and_too_long_ones_are_refused(database: Database) {
    let server = TestServer::start(database).await;
    // Two UTF-16 units each, which browsers count.
    let longest: String = "🌂🐢🪁🧭🏮🎐🧵🪡".chars().cycle().take(128).collect();
    let login = |password: &str| json!({ "email": "ada@example.com", "password": password });
    let mut ada = Browser::new(&server);
    ada.post("/signup", &[("email", "ada@example.com"), ("password", &longest)])
        .await
        .assert_status(303);
    server.post("/api/auth/login", login(&longest)).await.assert_status(200);
    let cut: String = longest.chars().take(127).collect();
    server.post("/api/auth/login", login(&cut)).await.assert_status(401);
    let too_long = format!("{}x", "ab c".repeat(300));
    for (path, fields) in [
        ("/signup", vec![("email", "bob@example.com"), ("password", &*too_long)]),
        (
            "/account/password",
            vec![("current_password", &*longest), ("new_password", &*too_long)],
        ),
    ] {
        let answer = ada.post(path, &fields).await.assert_status(422);
        assert!(
            answer.text.contains("at most 128 characters"),
            "{path}: {}",
            answer.text
        );
    }
    ada.post(
        "/account/password",
        &[("current_password", &longest), ("new_password", NEW_PASSWORD)],
    )
    .await
    .assert_status(303);
    server
        .post("/api/auth/login", login(NEW_PASSWORD))
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn whatever_address_the_api_takes_the_pages_take(database: Database) {
    let server = TestServer::start(database).await;
    for email in [
        "łukasz@example.com",
        "用户@例子.广告",
        "ada@bücher.example",
        "o'brien+tag@example.com",
        "अजय@डाटा.भारत",
    ] {
        let mut browser = Browser::new(&server);
        browser
            .post("/signup", &[("email", email), ("password", PASSWORD)])
            .await
            .assert_status(303);
        server
            .post("/api/auth/login", json!({ "email": email, "password": PASSWORD }))
            .await
            .assert_status(200);
        let page = browser.get("/account").await.assert_status(200);
        assert!(page.text.contains(&email.replace('\'', "&#39;")), "{email}");
    }
    // Keyboards and the clipboard add whitespace.
    for (index, around) in [" ", "\t", "\u{a0}", "\u{3000}", "\n", "\u{200e}", "\u{feff}"]
        .iter()
        .enumerate()
    {
        let mut browser = Browser::new(&server);
        let email = format!("{around}bob{index}@example.com{around}");
        browser
            .post("/signup", &[("email", &email), ("password", PASSWORD)])
            .await
            .assert_status(303);
        browser
            .post("/signin", &[("email", &email), ("password", PASSWORD)])
            .await
            .assert_status(303);
    }
    let long = format!("{}@example.com", "a".repeat(300));
    for path in ["/signup", "/recover", "/verify/ask", "/signin/email/ask"] {
        let fields = [("email", &*long), ("password", PASSWORD)];
        let fields = if path == "/signup" { &fields[..] } else { &fields[..1] };
        let answer = Browser::new(&server).post(path, fields).await.assert_status(422);
        assert!(answer.text.contains("254"), "{path}: {}", answer.text);
    }
}

#[apply(on_both_databases!)]
async fn a_code_is_taken_in_any_digits_and_with_anything_between_them(database: Database) {
    let server = TestServer::start(database).await;
    let zeros = [
        '0',
        '\u{660}',
        '\u{6f0}',
        '\u{7c0}',
        '\u{966}',
        '\u{9e6}',
        '\u{e50}',
        '\u{f20}',
        '\u{1040}',
        '\u{17e0}',
        '\u{1a80}',
        '\u{1a90}',
        '\u{ff10}',
        '\u{104a0}',
        '\u{1d7ce}',
        '\u{1d7d8}',
        '\u{1d7f6}',
        '\u{1e950}',
        '\u{1fbf0}',
    ];
    let between = [
        " ",
        "-",
        "\u{2010}",
        "\u{2011}",
        "\u{2012}",
        "\u{2013}",
        "\u{2014}",
        "\u{2015}",
        "\u{2212}",
        "\u{fe58}",
        "\u{fe63}",
        "\u{ff0d}",
        "\u{30a0}",
        "\u{30fc}",
        "\u{301c}",
        "\u{200b}",
        "\u{200c}",
        "\u{200d}",
        "\u{200e}",
        "\u{200f}",
        "\u{202a}",
        "\u{202c}",
        "\u{2060}",
        "\u{2066}",
        "\u{2069}",
        "\u{feff}",
        "\u{ad}",
        "\u{61c}",
        "\u{a0}",
        "\u{202f}",
        "\u{3000}",
        "\u{2028}",
        "\u{fe0f}\u{20e3}",
        "\u{180e}",
        "\u{34f}",
        "\u{7f}",
        "\0",
        "\t",
        "\r\n",
        "\u{85}",
        "\u{e0020}",
    ];
    let written = zeros
        .iter()
        .map(|zero| (*zero, ""))
        .chain(between.iter().map(|between| ('0', *between)));
    for (index, (zero, between)) in written.enumerate() {
        let email = format!("person{index}@example.com");
        let mut browser = Browser::new(&server);
        browser
            .post("/signup", &[("email", &email), ("password", PASSWORD)])
            .await
            .assert_status(303);
        let code = server.mail().await.code();
        let digit = |c: char| char::from_u32(u32::from(zero) + c.to_digit(10).unwrap()).unwrap();
        let typed: String = code
            .chars()
            .map(|c| format!("{between}{}{between}", digit(c)))
            .collect();
        let answer = browser.post("/verify", &[("email", &email), ("code", &typed)]).await;
        assert_eq!(answer.status, 303, "{zero:?} {between:?}: {}", answer.text);
    }
    for typed in [
        "12345",
        "1234567",
        "12345a",
        "12.345",
        "+12345",
        "①②③④⑤⑥",
        "¹²³⁴⁵⁶",
        "一二三四五六",
        "ⅠⅡⅢⅣⅤⅥ",
        "½23456",
    ] {
        let fields = [("email", "person0@example.com"), ("code", typed)];
        Browser::new(&server).post("/verify", &fields).await.assert_status(422);
    }
}

#[apply(on_both_databases!)]
async fn no_field_of_a_form_is_dropped_in_silence(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let (email, password) = (("email", "ada@example.com"), ("password", PASSWORD));
    for (path, fields) in [
        ("/signin", vec![email, password]),
        ("/signup", vec![("email", "bob@example.com"), password]),
        ("/recover", vec![email]),
        ("/signin/email/ask", vec![email]),
        ("/verify", vec![("code", "012345"), email]),
        ("/language/account", vec![("language", "de")]),
        (
            "/account/password",
            vec![("current_password", PASSWORD), ("new_password", NEW_PASSWORD)],
        ),
        (
            "/account/email",
            vec![("email", "ada@example.org"), ("email_password", PASSWORD)],
        ),
        ("/account/sessions", vec![]),
        ("/account/export", vec![]),
        ("/account/delete", vec![("delete_password", PASSWORD)]),
        ("/signout", vec![]),
    ] {
        for unknown in ["admin", "email_verified", "form_token", "__proto__"] {
            let mut sent = fields.clone();
            sent.push((unknown, "1"));
            let answer = ada.post(path, &sent).await;
            assert_eq!(answer.status, 422, "{path} {unknown}: {}", answer.text);
        }
    }
    assert!(ada.is_signed_in().await);
    // The hidden email address, which tells a password manager whose password to fill in, is known to each form.
    let fields = [
        ("username", "ada@example.com"),
        ("current_password", PASSWORD),
        ("new_password", NEW_PASSWORD),
    ];
    ada.post("/account/password", &fields).await.assert_status(303);
}
