//! Skipped steps, forged fields, and what one user's forms can do to another.

use countersign_store::{query, sql};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};

use super::{Browser, NEW_PASSWORD, SIGNED_IN, encoded, form};

/// Everything that these forms could change in an account.
async fn state(server: &TestServer) -> Vec<String> {
    let rows = query(sql!("SELECT email || ' ' || password_hash FROM accounts ORDER BY id"));
    rows.all(&server.services.db).await.unwrap()
}

/// The token of the newest email with that link.
async fn mailed(server: &TestServer, path: &str) -> String {
    let mails = server.mails().await;
    let mail = mails.iter().rfind(|mail| mail.link().contains(path));
    mail.unwrap_or_else(|| panic!("no mail leads to {path}")).token()
}

#[apply(on_both_databases!)]
async fn a_61_c_50_x_12_an_incomplete_form_changes_nothing(database: Database) {
    let server = TestServer::start(database).await;
    let ada = Browser::sign_up(&server, "ada").await;
    server.mails().await;
    let nobody = Browser::new(&server);
    nobody
        .clone()
        .post("/signin/email/ask", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let sign_in = mailed(&server, "/signin/email").await;
    nobody
        .clone()
        .post("/recover", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let recover = mailed(&server, "/recover/password").await;
    let email = ("email", "ada@example.com");
    let before = state(&server).await;
    for (browser, path, fields) in [
        (&nobody, "/signin", vec![email, ("password", PASSWORD)]),
        (&nobody, "/signin/email", vec![("token", &*sign_in)]),
        (
            &nobody,
            "/signup",
            vec![("email", "new@example.com"), ("password", PASSWORD)],
        ),
        (
            &ada,
            "/account/email",
            vec![("email", "new@example.org"), ("email_password", PASSWORD)],
        ),
        (
            &ada,
            "/account/password",
            vec![("current_password", PASSWORD), ("new_password", NEW_PASSWORD)],
        ),
        (&ada, "/account/delete", vec![("delete_password", PASSWORD)]),
        (
            &nobody,
            "/recover/password",
            vec![("token", &*recover), ("new_password", NEW_PASSWORD)],
        ),
    ] {
        for left_out in 0..=fields.len() {
            for blank in ["", " ", "absent"] {
                let mut half = fields.clone();
                // The last round omits all of them.
                let at = if left_out == fields.len() {
                    0..fields.len()
                } else {
                    left_out..left_out + 1
                };
                match blank {
                    "absent" => drop(half.drain(at)),
                    blank => half[at].iter_mut().for_each(|field| field.1 = blank),
                }
                let mut browser = browser.clone();
                let was_in = browser.cookie(SIGNED_IN).is_some();
                let answer = browser.post(path, &half).await;
                assert!(answer.status.is_client_error(), "{path} {half:?}: {}", answer.status);
                assert_eq!(browser.is_signed_in().await, was_in, "{path} {half:?}");
                assert_eq!(state(&server).await, before, "{path} {half:?}");
            }
        }
    }
    // The missing half was the reason: the complete form is accepted.
    let mut signed_in = nobody.clone();
    signed_in
        .post("/signin/email", &[("token", &sign_in)])
        .await
        .assert_status(303);
    assert!(signed_in.is_signed_in().await);
    nobody.clone().post("/recover", &[email]).await.assert_status(303);
    let recover = mailed(&server, "/recover/password").await;
    let mut recovering = nobody.clone();
    recovering
        .post(
            "/recover/password",
            &[("token", &recover), ("new_password", NEW_PASSWORD)],
        )
        .await
        .assert_status(303);
    assert_ne!(state(&server).await, before);
}

#[apply(on_both_databases!)]
async fn x_12_a_41_additional_fields_are_ignored(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let eve = server.user("eve").await;
    let id = eve.get("/api/auth/me").await.json()["id"].as_str().unwrap().to_owned();
    let of_eve = async || {
        state(&server)
            .await
            .into_iter()
            .filter(|row| row.starts_with("eve@"))
            .collect::<Vec<_>>()
    };
    let before = of_eve().await;
    let planted = |own: &[(&'static str, &'static str)]| {
        let mut fields: Vec<(&str, &str)> = own.to_vec();
        for name in ["id", "account", "account_id", "user", "user_id", "sub"] {
            fields.push((name, &id));
        }
        for (name, value) in [
            ("email_verified", "true"),
            ("disabled", "false"),
            ("scope", "admin"),
            ("role", "admin"),
        ] {
            fields.push((name, value));
        }
        if !fields.iter().any(|(name, _)| *name == "email") {
            fields.push(("email", "eve@example.com"));
        }
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>()
    };
    for (path, own) in [
        (
            "/account/password",
            &[("current_password", PASSWORD), ("new_password", NEW_PASSWORD)][..],
        ),
        (
            "/account/email",
            &[("email", "ada@example.org"), ("email_password", NEW_PASSWORD)],
        ),
        ("/account/export", &[]),
        ("/account/delete", &[("delete_password", "wrong")]),
        ("/account/delete", &[("delete_password", NEW_PASSWORD)]),
    ] {
        let fields = planted(own);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let answer = ada
            .send(form(path).header("sec-fetch-site", "same-origin"), encoded(&fields))
            .await;
        assert!(
            !answer.text.contains("eve@example.com\"") || answer.status.is_client_error(),
            "{path}: {}",
            answer.text
        );
        assert_eq!(of_eve().await, before, "{path}");
    }
    // A new user has the same rights as all others.
    let mut joan = Browser::new(&server);
    let fields = planted(&[("email", "joan@example.com"), ("password", PASSWORD)]);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    joan.send(
        form("/signup").header("sec-fetch-site", "same-origin"),
        encoded(&fields),
    )
    .await;
    let scoped: Vec<String> = query(sql!("SELECT email FROM accounts WHERE email_verified_at IS NOT NULL OR id IN (SELECT account_id FROM account_scopes)"))
        .all(&server.services.db).await.unwrap();
    assert_eq!(scoped, Vec::<String>::new());
    eve.get("/api/auth/me").await.assert_status(200);
    server.sign_in("eve").await;
}

#[apply(on_both_databases!)]
async fn a_33_an_existing_cookie_does_not_become_the_session(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let of_eve = Browser::sign_up(&server, "eve").await.cookie(SIGNED_IN).unwrap();
    let made_up = format!("csb_{}", "A".repeat(43));
    for planted in [of_eve.as_str(), &made_up, "x"] {
        let mut ada = Browser::new(&server);
        ada.cookies.insert(SIGNED_IN.to_owned(), planted.to_owned());
        ada.post("/signin", &[("email", "ada@example.com"), ("password", PASSWORD)])
            .await
            .assert_status(303);
        assert_ne!(ada.cookie(SIGNED_IN).unwrap(), planted);
        assert!(ada.get("/account").await.text.contains("ada@example.com"));
        let mut thief = Browser::new(&server);
        thief.cookies.insert(SIGNED_IN.to_owned(), planted.to_owned());
        assert!(
            !thief.get("/account").await.text.contains("ada@example.com"),
            "{planted} opens what ada has opened"
        );
    }
}

#[apply(on_both_databases!)]
async fn a_38_the_account_page_lists_own_sessions_and_ends_the_selected_one(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = Browser::sign_up(&server, "ada").await;
    let (phone, laptop, eve) = (
        server.sign_in("ada").await,
        server.sign_in("ada").await,
        server.user("eve").await,
    );
    let listed = phone.get("/api/auth/sessions").await.json();
    let chosen = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == true)
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_eve = eve.get("/api/auth/sessions").await.json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = browser.get("/account").await.assert_status(200).text;
    for session in listed.as_array().unwrap() {
        let is_own = session["address"] == "192.0.2.1";
        // The browser's own session is listed, and is ended by signing out.
        assert!(is_own || page.contains(session["id"].as_str().unwrap()), "{session}");
    }
    assert!(!page.contains(&of_eve));
    browser
        .post("/account/sessions", &[("session", &chosen)])
        .await
        .assert_status(303);
    phone.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    phone
        .refresh(&phone.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    laptop.get("/api/auth/me").await.assert_status(200);
    assert!(browser.is_signed_in().await);
    assert!(!browser.get("/account").await.text.contains(&chosen));
}
