//! Repeated clicks, links and submissions have the same result as a single one.

use countersign::features::identity::accounts;
use countersign_store::{query, sql};
use countersign_testkit::{Database, PASSWORD, ReceivedMail, TestServer, apply, on_both_databases};

use super::{Browser, NEW_PASSWORD};

const ALREADY: &str = "already confirmed";

/// Each link leads to a page that says so immediately, and so does its button on a page that was already open.
async fn says_so(browser: &mut Browser<'_>, page: &str, (links, expected): (&[String], &str)) {
    for (at, link) in links.iter().enumerate() {
        let opened = browser
            .get(&format!("{page}?token={link}"))
            .await
            .assert_status(200)
            .text;
        assert!(
            opened.contains(expected) && !opened.contains("name=\"token\""),
            "{page} {at}: {opened}"
        );
        let sent = browser
            .post(page, &[("token", link), ("new_password", NEW_PASSWORD)])
            .await;
        let told = browser.follow(sent).await.text;
        assert!(told.contains(expected), "{page} {at}: {told}");
    }
}

#[apply(on_both_databases!)]
async fn a_confirmation_link_that_was_used_says_so(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let token = server.mail().await.token();
    let link = format!("/verify?token={token}");
    let made_up = format!("/verify?token={}", token.chars().rev().collect::<String>());
    let live = ada.get(&link).await.assert_status(200).text;
    assert!(live.contains("<button>") && !live.contains(ALREADY));
    let first = ada.post("/verify", &[("token", &token)]).await;
    ada.follow(first).await;
    // Opened again, here and in another browser, also on a page that was already open.
    for mut browser in [ada.clone(), Browser::new(&server)] {
        let again = browser.get(&link).await.assert_status(200).text;
        assert!(again.contains(ALREADY) && !again.contains("name=\"token\""), "{again}");
        let sent = browser.post("/verify", &[("token", &token)]).await;
        let again = browser.follow(sent).await.text;
        assert!(again.contains(ALREADY), "{again}");
        assert!(!browser.get(&made_up).await.text.contains(ALREADY));
    }
    let answer = ada.post("/verify", &[("token", "made-up")]).await.assert_status(422);
    assert!(!answer.text.contains(ALREADY));
}

#[apply(on_both_databases!)]
async fn a_link_that_was_replaced_says_so_once_the_newer_one_is_used(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut links = vec![server.mail().await.token()];
    for _ in 0..2 {
        ada.post("/verify/ask", &[("email", "ada@example.com")])
            .await
            .assert_status(303);
        links.push(server.mail().await.token());
    }
    // Until one is used, only the newest is valid.
    assert!(
        !ada.get(&format!("/verify?token={}", links[0]))
            .await
            .text
            .contains(ALREADY)
    );
    ada.post("/verify", &[("token", &links[0])]).await.assert_status(422);
    ada.post("/verify", &[("token", &links[2])]).await.assert_status(303);
    says_so(&mut ada, "/verify", (&links, ALREADY)).await;
    says_so(&mut Browser::new(&server), "/verify", (&links, ALREADY)).await;

    // So does another email of the same kind that is requested afterwards.
    let mut links = Vec::new();
    for _ in 0..2 {
        ada.post("/recover", &[("email", "ada@example.com")])
            .await
            .assert_status(303);
        links.push(server.mail().await.token());
    }
    ada.post(
        "/recover/password",
        &[("token", &*links[1]), ("new_password", NEW_PASSWORD)],
    )
    .await
    .assert_status(303);
    ada.post("/recover", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let mails = server.mails().await;
    let newest = mails
        .iter()
        .rfind(|mail| mail.link().contains("/recover/password?"))
        .unwrap()
        .token();
    says_so(&mut ada, "/recover/password", (&links, "already been set")).await;
    assert!(
        !ada.get(&format!("/recover/password?token={newest}"))
            .await
            .text
            .contains("already been set")
    );

    let mut ada = Browser::new(&server);
    ada.post("/signin", &[("email", "ada@example.com"), ("password", NEW_PASSWORD)])
        .await
        .assert_status(303);
    let mut links = Vec::new();
    for name in ["one", "two"] {
        let email = format!("{name}@example.org");
        ada.post(
            "/account/email",
            &[("email", &*email), ("email_password", NEW_PASSWORD)],
        )
        .await
        .assert_status(303);
        let mails = server.mails().await;
        links.push(
            mails
                .iter()
                .find(|mail| mail.link().contains("/change-email?"))
                .unwrap()
                .token(),
        );
    }
    ada.post("/change-email", &[("token", &links[1])])
        .await
        .assert_status(303);
    says_so(&mut ada, "/change-email", (&links, "already uses")).await;

    let mut links = Vec::new();
    for _ in 0..2 {
        ada.post("/signin/email/ask", &[("email", "two@example.org")])
            .await
            .assert_status(303);
        let mails = server.mails().await;
        links.push(
            mails
                .iter()
                .find(|mail| mail.link().contains("/signin/email?"))
                .unwrap()
                .token(),
        );
    }
    ada.post("/signin/email", &[("token", &links[1])])
        .await
        .assert_status(303);
    for link in &links {
        let path = format!("/signin/email?token={link}");
        assert_eq!(ada.get(&path).await.assert_status(303).header("location"), "/account");
        // In another browser it does not sign in, and shows no button that would.
        let page = Browser::new(&server).get(&path).await.assert_status(422);
        assert!(!page.text.contains("name=\"token\""), "{}", page.text);
    }
}

#[apply(on_both_databases!)]
async fn a_link_of_an_address_that_was_confirmed_in_another_way_says_so(database: Database) {
    let server = TestServer::start(database).await;
    for how in ["/recover", "/signin/email"] {
        let name = how.trim_matches('/').replace('/', "-");
        let mut ada = Browser::sign_up(&server, &name).await;
        let email = format!("{name}@example.com");
        let verify = vec![server.mail().await.token()];
        let (ask, page) = if how == "/recover" {
            ("/recover", "/recover/password")
        } else {
            ("/signin/email/ask", "/signin/email")
        };
        ada.post(ask, &[("email", &*email)]).await.assert_status(303);
        let token = server.mail().await.token();
        ada.post(page, &[("token", &*token), ("new_password", NEW_PASSWORD)])
            .await
            .assert_status(303);
        server.mails().await;
        says_so(&mut Browser::new(&server), "/verify", (&verify, ALREADY)).await;
    }
}

#[apply(on_both_databases!)]
async fn links_of_sign_ups_that_waited_say_that_the_address_is_confirmed(database: Database) {
    let server = TestServer::start_with(database, "email_verification = \"required\"\n").await;
    let mut ada = Browser::new(&server);
    let fields = |password: &'static str| [("email", "ada@example.com"), ("password", password)];
    ada.post("/signup", &fields(PASSWORD)).await.assert_status(303);
    let mut links = vec![server.mail().await.token()];
    ada.post("/verify/ask", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    links.push(server.mail().await.token());
    // Another user signs up with the email address, or its owner again in another browser.
    Browser::new(&server)
        .post("/signup", &fields(NEW_PASSWORD))
        .await
        .assert_status(303);
    links.push(server.mail().await.token());
    assert!(
        !ada.get(&format!("/verify?token={}", links[0]))
            .await
            .text
            .contains(ALREADY)
    );
    ada.post("/verify", &[("token", &links[1])]).await.assert_status(303);
    for mut browser in [ada, Browser::new(&server)] {
        says_so(&mut browser, "/verify", (&links, ALREADY)).await;
    }
    server
        .services
        .clock
        .advance(std::time::Duration::from_secs(30 * 24 * 60 * 60));
    server.services.mail.sweep().await.unwrap();
    let left: i64 = query(sql!("SELECT COUNT(*) FROM former_links"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing is kept longer than the links");
}

#[apply(on_both_databases!)]
async fn other_links_that_were_used_say_so_too(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    ada.post(
        "/account/email",
        &[("email", "ada@example.org"), ("email_password", PASSWORD)],
    )
    .await
    .assert_status(303);
    let mails = server.mails().await;
    let change = mails
        .iter()
        .find(|mail| mail.link().contains("/change-email"))
        .unwrap()
        .token();
    ada.post("/change-email", &[("token", &change)])
        .await
        .assert_status(303);
    let again = ada.post("/change-email", &[("token", &change)]).await;
    for page in [
        ada.follow(again).await,
        ada.get(&format!("/change-email?token={change}")).await,
    ] {
        assert!(page.text.contains("already uses"), "{}", page.text);
    }
    ada.post("/recover", &[("email", "ada@example.org")])
        .await
        .assert_status(303);
    let mails = server.mails().await;
    let recover = mails
        .iter()
        .find(|mail| mail.link().contains("/recover/password"))
        .unwrap()
        .token();
    let fields = [("token", &*recover), ("new_password", NEW_PASSWORD)];
    ada.post("/recover/password", &fields).await.assert_status(303);
    let again = ada.post("/recover/password", &fields).await;
    for page in [
        ada.follow(again).await,
        ada.get(&format!("/recover/password?token={recover}")).await,
    ] {
        assert!(page.text.contains("already been set"), "{}", page.text);
    }
    ada.post("/signin", &[("email", "ada@example.org"), ("password", NEW_PASSWORD)])
        .await
        .assert_status(303);
}

#[apply(on_both_databases!)]
async fn a_sign_up_that_is_sent_twice_at_once_signs_in_twice(database: Database) {
    let server = TestServer::start(database).await;
    for index in 0..4 {
        let email = format!("ada{index}@example.com");
        let mut first = Browser::new(&server);
        first.form_token().await;
        let mut second = first.clone();
        let fields = [("email", &*email), ("password", PASSWORD)];
        let (one, two) = tokio::join!(first.post("/signup", &fields), second.post("/signup", &fields));
        for answer in [&one, &two] {
            assert_eq!(
                (answer.status.as_u16(), answer.header("location")),
                (303, "/verify/code"),
                "{}",
                answer.text
            );
        }
        assert!(first.is_signed_in().await && second.is_signed_in().await);
        let mails = server.mails().await;
        let verify = mails
            .iter()
            .filter(|mail| mail.to == email && mail.text.contains("/verify?token="));
        assert_eq!(verify.count(), 1);
        // And once more after the first response, as if the browser had not waited for it.
        let mut third = Browser::new(&server);
        third.post("/signup", &fields).await.assert_status(303);
        assert!(third.is_signed_in().await);
        // With another password, it counts as another user.
        let fields = [("email", &*email), ("password", NEW_PASSWORD)];
        Browser::new(&server).post("/signup", &fields).await.assert_status(422);
    }
    // Later, another sign-up is told that the account exists, whatever the password.
    server.services.clock.advance(std::time::Duration::from_secs(60 * 60));
    let fields = [("email", "ada0@example.com"), ("password", PASSWORD)];
    Browser::new(&server).post("/signup", &fields).await.assert_status(422);
}

#[apply(on_both_databases!)]
async fn forms_that_are_sent_twice_at_once_come_out_right_twice(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let code = server.mail().await.code();
    let fields = [("email", "ada@example.com"), ("code", &*code)];
    let mut twin = ada.clone();
    let (one, two) = tokio::join!(ada.post("/verify", &fields), twin.post("/verify", &fields));
    assert_eq!(
        (one.status.as_u16(), two.status.as_u16()),
        (303, 303),
        "{} {}",
        one.text,
        two.text
    );
    let fields = [("current_password", PASSWORD), ("new_password", NEW_PASSWORD)];
    let (one, two) = tokio::join!(
        ada.post("/account/password", &fields),
        twin.post("/account/password", &fields)
    );
    assert_eq!(
        (one.status.as_u16(), two.status.as_u16()),
        (303, 303),
        "{} {}",
        one.text,
        two.text
    );
    // The code works in the browser that requested it.
    let mut browser = Browser::new(&server);
    browser
        .post("/signin/email/ask", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let mails = server.mails().await;
    let sign_in = mails.iter().find(|mail| mail.link().contains("/signin/email")).unwrap();
    let (email, code) = ("ada@example.com", sign_in.code());
    let mut twin = browser.clone();
    let fields = [("email", email), ("code", &*code)];
    let (one, two) = tokio::join!(
        browser.post("/signin/email", &fields),
        twin.post("/signin/email", &fields)
    );
    assert_eq!(
        (one.status.as_u16(), two.status.as_u16()),
        (303, 303),
        "{} {}",
        one.text,
        two.text
    );
    assert_eq!(browser.cookies, twin.cookies, "one session");
    assert!(browser.is_signed_in().await);
    let mut twin = ada.clone();
    let fields = [("delete_password", NEW_PASSWORD)];
    let (one, two) = tokio::join!(
        ada.post("/account/delete", &fields),
        twin.post("/account/delete", &fields)
    );
    assert_eq!(
        (one.status.as_u16(), two.status.as_u16()),
        (303, 303),
        "{} {}",
        one.text,
        two.text
    );
}

/// Mail programs break links. What is left of one cannot be redeemed, which its page says when it is opened. It is the page of a
/// link that was never sent, so it reveals nothing.
#[apply(on_both_databases!)]
async fn a_link_that_was_cut_off_says_so_when_it_is_opened(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let email = ("email", "ada@example.com");
    for (form, fields) in [
        ("/recover", &[email][..]),
        ("/signin/email/ask", &[email]),
        (
            "/account/email",
            &[("email", "ada@example.org"), ("email_password", PASSWORD)],
        ),
    ] {
        ada.post(form, fields).await.assert_status(303);
    }
    let mails = server.mails().await;
    let unknown = format!("csl_{}", "A".repeat(43));
    for page in ["/verify", "/recover/password", "/signin/email", "/change-email"] {
        let mail = mails
            .iter()
            .find(|mail| mail.link().contains(&format!("{page}?")))
            .unwrap();
        let token = mail.token();
        for mut browser in [ada.clone(), Browser::new(&server)] {
            let whole = browser.get(&format!("{page}?token={token}")).await;
            let shows_form = whole.status == 200 && whole.text.contains("name=\"token\"");
            let signs_in = page == "/change-email" && !browser.is_signed_in().await;
            assert_eq!(
                (shows_form, whole.status == 303),
                (!signs_in, signs_in),
                "{page}: {}",
                whole.text
            );
            let mut pages = std::collections::BTreeSet::new();
            let cut = |length: usize| &token[..length];
            for left in [
                "",
                "x",
                "csl_",
                cut(token.len() / 2),
                cut(token.len() - 1),
                &format!("{token}."),
                &unknown,
            ] {
                let opened = browser.get(&format!("{page}?token={left}")).await;
                // As for any link to change the email address, the user signs in first.
                if whole.status == 303 {
                    opened.assert_status(303);
                    continue;
                }
                let opened = opened.assert_status(422).text;
                assert!(
                    opened.contains("This link or code has expired or was already used."),
                    "{page} {left:?}: {opened}"
                );
                assert!(!opened.contains("name=\"token\""), "{page} {left:?}: {opened}");
                pages.insert(opened);
            }
            assert_eq!(pages.len(), usize::from(whole.status != 303), "{page}: {pages:?}");
        }
    }
}

/// A link that a later change of the account has invalidated is not offered: its page says so when it is opened.
#[apply(on_both_databases!)]
async fn a_link_that_a_change_has_invalidated_says_so_when_it_is_opened(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let email = ("email", "ada@example.com");
    for (form, fields) in [
        ("/recover", &[email][..]),
        ("/signin/email/ask", &[email]),
        (
            "/account/email",
            &[("email", "ada@example.org"), ("email_password", PASSWORD)],
        ),
    ] {
        ada.post(form, fields).await.assert_status(303);
    }
    let grace = "grace@example.com".parse().unwrap();
    let grace = server.services.operator.invite(&grace).await.unwrap().unwrap();
    let mails = server.mails().await;
    let link = |page: &str, to: &str| {
        let of_page = |mail: &&ReceivedMail| mail.to == to && mail.link().contains(&format!("{page}?"));
        let mail = mails.iter().find(of_page).unwrap();
        (format!("{page}?token={}", mail.token()), page.to_owned(), mail.token())
    };
    let links = [
        link("/verify", "ada@example.com"),
        link("/recover/password", "ada@example.com"),
        link("/signin/email", "ada@example.com"),
        link("/recover/password", "grace@example.com"),
        link("/change-email", "ada@example.org"),
    ];
    for (path, ..) in &links {
        let page = ada.get(path).await.assert_status(200).text;
        assert!(page.contains("name=\"token\""), "{path}: {page}");
    }
    // What `countersign sessions revoke --all` and `countersign users disable` do.
    let services = &server.services;
    let ada_email = "ada@example.com".parse().unwrap();
    let account = accounts::find_by_email(&services.db, &ada_email)
        .await
        .unwrap()
        .unwrap()
        .id;
    services
        .auth
        .logout_all(account, services.command_line())
        .await
        .unwrap();
    services.operator.set_disabled(grace.id, true).await.unwrap();
    ada.post("/signin", &[email, ("password", PASSWORD)])
        .await
        .assert_status(303);
    for mut browser in [ada, Browser::new(&server)] {
        for (path, page, token) in &links {
            if page == "/change-email" && !browser.is_signed_in().await {
                browser.get(path).await.assert_status(303);
                continue;
            }
            let opened = browser.get(path).await.assert_status(422).text;
            assert!(
                opened.contains("This link or code has expired or was already used."),
                "{opened}"
            );
            assert!(!opened.contains("name=\"token\""), "{path}: {opened}");
            let fields = [
                ("token", &**token),
                ("password", PASSWORD),
                ("new_password", NEW_PASSWORD),
            ];
            browser.post(page, &fields).await.assert_status(422);
        }
    }
}
