//! Every action leads to a page that survives a reload.

use axum::body::Body;
use axum::http::{Method, Request};
use countersign::features::messaging::outbox::Purpose;
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};

use super::{Browser, FIELDS, FORMS, NEW_PASSWORD, encoded, form};

const HTML: &str = "text/html; charset=utf-8";

#[apply(on_both_databases!)]
async fn every_email_links_to_a_page(database: Database) {
    let server = TestServer::start(database).await;
    for purpose in Purpose::ALL {
        server.get(purpose.page()).await.assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn a_new_email_address_that_is_taken_meanwhile_is_refused_in_words_for_a_signed_in_user(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    server.mails().await;
    ada.post(
        "/account/email",
        &[("email", "eve@example.com"), ("email_password", PASSWORD)],
    )
    .await
    .assert_status(303);
    let token = server.mail().await.token();
    Browser::sign_up(&server, "eve").await;
    let refused = ada.post("/change-email", &[("token", &token)]).await.assert_status(422);
    let says = |text: &str| refused.text.contains(text);
    assert!(says("already belongs to another account"), "{}", refused.text);
    assert!(!says("Sign in instead"), "{}", refused.text);
}

#[apply(on_both_databases!)]
async fn every_form_that_succeeds_leads_on_to_a_page_that_survives_a_reload(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::new(&server);
    let email = "ada@example.com";
    let says = |page: &str, text: &str| assert!(page.contains(text), "{text}: {page}");

    let signed_up = ada.post("/signup", &[("email", email), ("password", PASSWORD)]).await;
    assert!(
        !signed_up.header("location").contains("ada"),
        "{}",
        signed_up.header("location")
    );
    let page = ada.follow(signed_up).await.text;
    says(&page, "ada@example.com");
    says(&page, "name=\"code\"");
    let verify = server.mail().await;
    let verified = ada.post("/verify", &[("token", &verify.token())]).await;
    assert!(!verified.header("location").contains(&verify.token()));
    says(
        &ada.follow(verified.clone()).await.text,
        "Your email address is confirmed",
    );
    // The URL alone does not show this page to others.
    let mut bob = Browser::new(&server);
    let elsewhere = bob.get(verified.header("location")).await;
    assert!(!elsewhere.text.contains("confirmed"), "{}", elsewhere.text);

    for path in ["/verify/ask", "/signin/email/ask", "/recover"] {
        let asked = ada.post(path, &[("email", "bob@example.com")]).await;
        assert!(!asked.header("location").contains("bob"), "{path}");
        let page = ada.follow(asked).await.text;
        says(&page, "bob@example.com");
        says(&page, "name=\"code\"");
    }

    for path in ["/verify/code", "/signin/email/code", "/recover/code"] {
        says(&ada.get(path).await.text, "bob@example.com");
    }

    let changed = ada
        .post(
            "/account/password",
            &[("current_password", PASSWORD), ("new_password", NEW_PASSWORD)],
        )
        .await;
    let notice = "role=\"status\"";
    says(&ada.follow(changed.clone()).await.text, notice);
    assert!(!ada.get("/account").await.text.contains(notice), "it is told once");
    let mut eve = Browser::sign_up(&server, "eve").await;
    assert!(
        !eve.get(changed.header("location")).await.text.contains(notice),
        "nothing was changed here"
    );

    let asked = ada
        .post(
            "/account/email",
            &[("email", "ada@example.org"), ("email_password", NEW_PASSWORD)],
        )
        .await;
    says(&ada.follow(asked).await.text, "ada@example.org");
    let mails = server.mails().await;
    let token = mails
        .iter()
        .find(|mail| mail.link().contains("/change-email"))
        .unwrap()
        .token();
    let moved = ada.post("/change-email", &[("token", &token)]).await;
    says(&ada.follow(moved).await.text, "new email address");

    let out = ada.post("/account/sessions", &[]).await;
    says(&ada.follow(out).await.text, "You’re signed out everywhere");
    ada.post("/signin", &[("email", "ada@example.org"), ("password", NEW_PASSWORD)])
        .await
        .assert_status(303);
    let out = ada.post("/signout", &[]).await;
    says(&ada.follow(out).await.text, "You’re signed out");

    let asked = ada
        .post("/recover", &[("email", "ada@example.org")])
        .await
        .assert_status(303);
    says(&ada.follow(asked).await.text, "name=\"new_password\"");
    let mails = server.mails().await;
    let recover = mails
        .iter()
        .find(|mail| mail.link().contains("/recover/password"))
        .unwrap();
    let fields = [
        ("email", "ada@example.org"),
        ("code", &*recover.code()),
        ("new_password", PASSWORD),
    ];
    let recovered = ada.post("/recover/password", &fields).await;
    says(&ada.follow(recovered).await.text, "Your password is set");
    // The back button skips all of it.
    for (path, text) in [
        ("/done/verified", "Your email address is confirmed"),
        ("/done/changed-email", "new email address"),
        ("/recover/code", "ada@example.org"),
    ] {
        says(&ada.get(path).await.assert_status(200).text, text);
    }

    ada.post("/signin", &[("email", "ada@example.org"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    let deleted = ada.post("/account/delete", &[("delete_password", PASSWORD)]).await;
    says(&ada.follow(deleted).await.text, "Your account has been deleted");
}

#[apply(on_both_databases!)]
async fn an_address_that_takes_forms_alone_leads_somewhere_when_it_is_opened(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for mut browser in [Browser::new(&server), ada.clone()] {
        for path in FORMS {
            let answer = browser.get(path).await;
            match answer.status.as_u16() {
                200 => assert_eq!(answer.header("content-type"), HTML, "{path}"),
                303 => drop(browser.get(answer.header("location")).await),
                status => panic!("{path}: {status} {}", answer.text),
            }
        }
    }
    for (path, expected) in [
        ("/account/password", "/account"),
        ("/account/email", "/account"),
        ("/account/sessions", "/account"),
        ("/account/export", "/account"),
        ("/account/delete", "/account"),
        ("/verify/ask", "/verify"),
        ("/signin/email/ask", "/signin/email"),
        ("/language", "/"),
    ] {
        assert_eq!(
            ada.get(path).await.assert_status(303).header("location"),
            expected,
            "{path}"
        );
    }
}

#[apply(on_both_databases!)]
async fn browsers_never_land_on_json(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let token = ada.form_token().await;
    let pages = [
        "/",
        "/account",
        "/done/verified",
        "/verify/code",
        "/recover/code",
        "/signin/email/code",
        "/change-email/code",
    ];
    for path in FORMS.iter().chain(&pages) {
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let answer = ada
                .send(
                    Request::builder()
                        .method(method.clone())
                        .uri(*path)
                        .header("accept", "text/html"),
                    String::new(),
                )
                .await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (405, HTML),
                "{method} {path}: {}",
                answer.text
            );
            assert!(
                answer.header("allow").contains("GET"),
                "{method} {path}: {}",
                answer.header("allow")
            );
        }
    }
    for path in FORMS {
        let whole = encoded(&[FIELDS.as_slice(), &[("form_token", &token)]].concat());
        for (what, request, body, status) in [
            (
                "another type",
                Request::post(path).header("content-type", "text/plain"),
                whole.clone(),
                415,
            ),
            ("no type", Request::post(path), whole.clone(), 415),
            (
                "compression",
                form(path).header("content-encoding", "gzip"),
                whole.clone(),
                415,
            ),
            ("too much", form(path), format!("{whole}&y={}", "y".repeat(70_000)), 413),
            ("a field twice", form(path), format!("{whole}&form_token={token}"), 422),
            (
                "broken JSON",
                Request::post(path).header("content-type", "application/json"),
                "{".to_owned(),
                400,
            ),
        ] {
            let answer = ada.send(request.header("sec-fetch-site", "same-origin"), body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (status, HTML),
                "{path} with {what}: {}",
                answer.text
            );
            assert!(
                !answer.text.contains("our side"),
                "{path} with {what}: it is not the server's fault"
            );
        }
    }
    for path in [
        "/verify?token=a&token=b",
        "/signin?return_to=/a&return_to=/b",
        "/signup?return_to=/a&return_to=/b",
        "/signin/email?token=%FF",
        "/recover/password?token=a&token=b",
        "/change-email?token=a&token",
        "/account/nothing",
        "/signin/",
        "/done/nothing",
    ] {
        let answer = Browser::new(&server).get(path).await;
        assert_eq!(answer.header("content-type"), HTML, "{path}: {}", answer.text);
    }
    // Outside the pages, browsers that accept HTML get it, and programs get problems.
    for method in [Method::POST, Method::PUT] {
        let request = || Request::builder().method(method.clone()).uri("/nothing");
        let person = server
            .send(
                request()
                    .header("accept", "text/html,*/*;q=0.8")
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!((person.status.as_u16(), person.header("content-type")), (404, HTML));
        server
            .send(request().header("accept", "*/*").body(Body::empty()).unwrap())
            .await
            .assert_problem(404, "not_found");
    }
    let api = Request::get("/api/auth/login")
        .header("accept", "text/html")
        .body(Body::empty())
        .unwrap();
    server.send(api).await.assert_problem(405, "method_not_allowed");
}

#[apply(on_both_databases!)]
async fn temporary_refusals_are_pages_that_say_when_to_try_again(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nlogin_per_account = \"2/1h\"\n").await;
    let mut browser = Browser::new(&server);
    let fields = [("email", "ada@example.com"), ("password", "not the password")];
    for _ in 0..2 {
        browser.post("/signin", &fields).await.assert_status(422);
    }
    let answer = browser.post("/signin", &fields).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (429, HTML));
    assert!(!answer.header("retry-after").is_empty(), "{:?}", answer.headers);
    assert!(answer.text.contains("value=\"ada@example.com\""));
}

#[apply(on_both_databases!)]
async fn a_91_an_invalid_destination_of_a_sign_in_is_ignored(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let mut crooked: Vec<String> = (0..=0x20_u8)
        .chain([0x7F])
        .map(|byte| format!("/a{}b", char::from(byte)))
        .collect();
    crooked.extend(
        (0..0x20_u8)
            .chain([0x7F])
            .map(|byte| format!("/{}/evil.example", char::from(byte))),
    );
    crooked.extend((0..0x20_u8).chain([0x7F, b'\\']).map(|byte| format!("/a%{byte:02x}b")));
    crooked.extend(
        [
            "",
            "/",
            "account",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/account\\x",
            "/.//evil.example",
            "/..//evil.example",
            "/%2F/evil.example",
            "/%2fevil.example",
            "/%5cevil.example",
            "/%5C%5Cevil.example",
            "/%09/evil.example",
            "/%250d%250ax",
            "/%252fevil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/ä",
            "/\u{85}",
            "/\u{2028}",
            "/\u{FEFF}",
            " /account",
            "/account ",
            "/a\"b",
            "/a<b",
            "/%zz",
            "/%",
            "/a%2",
        ]
        .map(str::to_owned),
    );
    crooked.push(format!("/{}", "a".repeat(5_000)));
    for asked in crooked.iter().filter(|asked| *asked != "/") {
        let mut browser = Browser::new(&server);
        let page = browser
            .get(&format!("/signin?{}", encoded(&[("return_to", asked)])))
            .await
            .assert_status(200);
        assert!(page.text.contains("action=\"/signin\""), "{asked:?}");
        assert!(!page.text.contains("return_to"), "{asked:?}");
    }
    for asked in [
        "/a\u{1}b",
        "/a\u{7f}b",
        "/a\u{0}b",
        "/a\tb",
        "/a%0ab",
        "//evil.example",
        "/ä",
    ] {
        let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
        let form = format!("/signin?{}", encoded(&[("return_to", asked)]));
        let answer = Browser::new(&server).post(&form, &fields).await.assert_status(303);
        assert_eq!(answer.header("location"), "/account", "{asked:?}");
    }
    for asked in [
        "/",
        "/account",
        "/account?x=//y",
        "/a/b?c=%2F%2Fd&e=%0A",
        "/a%20b",
        "/a#b",
        "/%C3%A4",
    ] {
        let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
        let form = format!("/signin?{}", encoded(&[("return_to", asked)]));
        let answer = Browser::new(&server).post(&form, &fields).await.assert_status(303);
        assert_eq!(answer.header("location"), asked);
    }
    // A sign-up continues in the same way.
    for (name, asked, expected) in [
        ("bob", "/a\u{1}b", "/account"),
        ("carla", "/account?x=1", "/account?x=1"),
    ] {
        let email = format!("{name}@example.com");
        let fields = [("email", &*email), ("password", PASSWORD)];
        let form = format!("/signup?{}", encoded(&[("return_to", asked)]));
        let mut browser = Browser::new(&server);
        let answer = browser.post(&form, &fields).await.assert_status(303);
        let code = answer.header("location").to_owned();
        assert!(
            code == "/verify/code" || code == format!("/verify/code?return_to={asked}"),
            "{code}"
        );
        let page = browser.follow(answer).await.text;
        assert!(page.contains(&format!("href=\"{expected}\">Continue</a>")), "{page}");
    }
}
