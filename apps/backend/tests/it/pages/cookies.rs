//! The browser's cookies, and what its forms prove.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use countersign_store::{Sql, query};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};

use super::{Browser, CODES, FIELDS, FORM, FORMS, NEW_PASSWORD, ORIGIN, SIGNED_IN, encoded, form};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Not among the statements of this program, because the names in them do not exist there.
static REFUSE: Sql = Sql::new(
    "CREATE TRIGGER no_writes BEFORE UPDATE ON browser_sessions BEGIN SELECT RAISE(ABORT, 'read-only'); END",
    "CREATE FUNCTION no_writes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE read_only_sql_transaction; END'",
    file!(),
);
static REFUSE_UPDATES: Sql = Sql::new(
    "DROP TABLE IF EXISTS no_such_table",
    "CREATE TRIGGER no_writes BEFORE UPDATE ON browser_sessions EXECUTE FUNCTION no_writes()",
    file!(),
);
static ALLOW: Sql = Sql::new(
    "DROP TRIGGER no_writes",
    "DROP TRIGGER no_writes ON browser_sessions",
    file!(),
);

/// The names of the cookies that a response sets.
fn names(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    cookies
        .map(|cookie| cookie.to_str().unwrap().split('=').next().unwrap().to_owned())
        .collect()
}

/// The whole session cookie that a response sets.
fn session_cookie(answer: &Answer) -> Option<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap().to_owned());
    cookies.find(|cookie| cookie.starts_with(&format!("{SIGNED_IN}=")))
}

#[apply(on_both_databases!)]
async fn a_65_cookie_names_contain_the_port_of_the_issuer(database: Database) {
    for (issuer, expected) in [
        ("http://127.0.0.1:8000", "-8000"),
        ("http://127.0.0.1:8001", "-8001"),
        ("https://auth.example.com:8443", "-8443"),
        ("https://auth.example.com", ""),
    ] {
        let server = TestServer::start_with(database, &format!("issuer = \"{issuer}\"\n")).await;
        let request = || form("/signup").header("sec-fetch-site", "same-origin");
        let fields = encoded(&[("email", "ada@example.com"), ("password", PASSWORD)]);
        let signed_up = server
            .send(request().body(Body::from(fields)).unwrap())
            .await
            .assert_status(303);
        let fields = encoded(&[("language", "de")]);
        let chosen = form("/language/")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(fields))
            .unwrap();
        let chosen = server.send(chosen).await.assert_status(303);
        let names = [names(&signed_up), names(&chosen)].concat();
        let prefix = if issuer.starts_with("https") {
            "__Host-countersign"
        } else {
            "countersign"
        };
        for name in ["", "-form", "-language"] {
            let name = format!("{prefix}{name}{expected}");
            assert!(names.contains(&name), "{issuer}: {name} is not among {names:?}");
        }
        for name in &names {
            assert!(name.starts_with(prefix) && name.ends_with(expected), "{issuer}: {name}");
        }
    }
}

#[apply(on_both_databases!)]
async fn a_65_every_cookie_is_http_only_and_same_site(database: Database) {
    for (issuer, prefix) in [
        ("https://auth.example.com", "__Host-countersign"),
        ("http://127.0.0.1:8000", "countersign"),
    ] {
        let server = TestServer::start_with(database, &format!("issuer = \"{issuer}\"\n")).await;
        let mut browser = Browser::new(&server);
        let (email, mut seen) = (("email", "ada@example.com"), BTreeSet::new());
        for (path, fields) in [
            ("/signin", None),
            ("/signup", Some(vec![email, ("password", PASSWORD)])),
            ("/language/", Some(vec![("language", "de")])),
            ("/verify/ask", Some(vec![email])),
            (
                "/account/password",
                Some(vec![("current_password", PASSWORD), ("new_password", NEW_PASSWORD)]),
            ),
            ("/signout", Some(vec![])),
            ("/signin", Some(vec![email, ("password", NEW_PASSWORD)])),
            ("/signin/email/ask", Some(vec![email])),
            ("/recover", Some(vec![email])),
            ("/account/delete", Some(vec![("delete_password", NEW_PASSWORD)])),
        ] {
            let answer = match &fields {
                Some(fields) => browser
                    .send(form(path).header("sec-fetch-site", "same-origin"), encoded(fields))
                    .await
                    .assert_status(303),
                None => browser.get(path).await.assert_status(200),
            };
            for cookie in answer.headers.get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap();
                let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
                let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
                for needed in ["Path=/", "HttpOnly", "SameSite=Lax"] {
                    assert!(attributes.contains(&needed), "{path}: {cookie}");
                }
                assert_eq!(
                    attributes.contains(&"Secure"),
                    issuer.starts_with("https"),
                    "{path}: {cookie}"
                );
                assert!(
                    !attributes.iter().any(|attribute| attribute.starts_with("Domain")),
                    "{path}: {cookie}"
                );
                assert!(name.starts_with(prefix), "{path}: {cookie}");
                if !value.is_empty() {
                    seen.insert(name.trim_start_matches(prefix).trim_end_matches("-8000").to_owned());
                }
            }
        }
        for kind in ["", "-form", "-language", "-device"] {
            assert!(seen.contains(kind), "{issuer}: no {prefix}{kind} among {seen:?}");
        }
    }
}

#[apply(on_both_databases!)]
async fn two_servers_of_one_host_leave_each_others_people_alone(database: Database) {
    let one = TestServer::start(database).await;
    let two = TestServer::start_with(database, "issuer = \"http://127.0.0.1:8001\"\n").await;
    let mut browser = Browser::sign_up(&one, "ada").await;
    let same_site = |path: &'static str| form(path).header("sec-fetch-site", "same-origin");
    browser.server = &two;
    let fields = encoded(&[("email", "ada@example.com"), ("password", PASSWORD)]);
    browser.send(same_site("/signup"), fields).await.assert_status(303);
    assert!(browser.is_signed_in().await, "at the second");
    browser.server = &one;
    assert!(browser.is_signed_in().await, "and still at the first");
    browser
        .send(same_site("/signout"), String::new())
        .await
        .assert_status(303);
    assert!(!browser.is_signed_in().await);
    browser.server = &two;
    assert!(
        browser.is_signed_in().await,
        "signing out at the first is not the second's affair"
    );
}

#[apply(on_both_databases!)]
async fn the_cookie_of_an_active_user_is_extended(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    assert_eq!(session_cookie(&ada.get("/account").await), None, "nothing has changed");
    let value = ada.cookie(SIGNED_IN).unwrap();
    let export = |path| form(path).header("sec-fetch-site", "same-origin");
    for (days, opened) in [(20, "/account"), (20, "/"), (20, "/signin"), (20, "/account/export")] {
        server.services.clock.advance(days * DAY);
        let answer = match opened {
            "/account/export" => ada.send(export(opened), String::new()).await,
            _ => ada.get(opened).await,
        }
        .assert_status(200);
        let cookie = session_cookie(&answer).unwrap_or_else(|| panic!("{opened}: {:?}", answer.headers));
        for part in [&*value, "; Max-Age=7776000", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(session_cookie(&ada.get("/account").await), None, "once a day is enough");
    }
    assert!(ada.is_signed_in().await, "eighty days, never thirty without a visit");
    // Signing out at the time of its extension removes it permanently.
    server.services.clock.advance(5 * DAY);
    ada.post("/signout", &[]).await.assert_status(303);
    assert_eq!(ada.cookie(SIGNED_IN), None);
}

#[apply(on_both_databases!)]
async fn the_cookie_goes_on_where_sessions_rest_for_a_day_at_most(database: Database) {
    for (lifetime, minutes) in [
        ("5m", 5),
        ("1h", 60),
        ("12h", 12 * 60),
        ("1d", 24 * 60),
        ("30h", 30 * 60),
    ] {
        let server = TestServer::start_with(database, &format!("[tokens]\nrefresh_idle_ttl = \"{lifetime}\"\n")).await;
        let mut ada = Browser::sign_up(&server, "ada").await;
        assert_eq!(
            session_cookie(&ada.get("/account").await),
            None,
            "{lifetime}: nothing has changed"
        );
        for visit in 1..=8 {
            server.services.clock.advance(Duration::from_secs(minutes * 60 * 3 / 5));
            let answer = ada.get("/account").await;
            assert_eq!(answer.status, 200, "{lifetime}: signed out at visit {visit}");
            let cookie = session_cookie(&answer)
                .unwrap_or_else(|| panic!("{lifetime}: the browser forgets it after visit {visit}"));
            // The browser keeps it for 90 days, and the server decides.
            assert!(cookie.contains("; Max-Age=7776000"), "{lifetime}: {cookie}");
            assert_eq!(
                session_cookie(&ada.get("/account").await),
                None,
                "{lifetime}: not at each click"
            );
        }
        server.services.clock.advance(Duration::from_secs(minutes * 60 + 1));
        assert!(!ada.is_signed_in().await, "{lifetime} unused");
    }
}

#[apply(on_both_databases!)]
async fn a_user_stays_signed_in_if_the_cookie_cannot_be_extended(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    server.services.clock.advance(5 * DAY);
    // As on a read-only database: reads work.
    for statement in [&REFUSE, &REFUSE_UPDATES] {
        query(statement).execute(&server.services.db).await.unwrap();
    }
    let page = ada.get("/account").await.assert_status(200);
    assert!(page.text.contains("ada@example.com"), "{}", page.text);
    assert_eq!(session_cookie(&page), None, "what was not extended is not said to be");
    assert!(ada.is_signed_in().await);
    query(&ALLOW).execute(&server.services.db).await.unwrap();
    let page = ada.get("/account").await.assert_status(200);
    assert!(session_cookie(&page).is_some(), "it is tried again");
}

#[apply(on_both_databases!)]
async fn a_form_that_the_browser_says_is_ours_needs_no_token(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let old = ada.form_token().await;
    let fetch = ("sec-fetch-site", "same-origin");
    let origin = ("origin", ORIGIN);
    for (what, proof, token) in [
        ("a tab that was opened earlier", fetch, &*old),
        ("no token", fetch, ""),
        ("the origin, and a token of another tab", origin, &*old),
        ("the origin alone", origin, ""),
    ] {
        // The form's cookie is missing, or was replaced when a second tab was opened.
        for cookie in [None, Some("A".repeat(43))] {
            let mut browser = ada.clone();
            browser.cookies.remove(FORM);
            browser.cookies.extend(cookie.map(|value| (FORM.to_owned(), value)));
            let fields = [
                ("email", "ada@example.com"),
                ("password", PASSWORD),
                ("form_token", token),
            ];
            let answer = browser
                .send(form("/signin").header(proof.0, proof.1), encoded(&fields))
                .await;
            assert_eq!(answer.status, 303, "{what}: {}", answer.text);
        }
    }
}

#[apply(on_both_databases!)]
async fn a_form_without_any_proof_is_shown_again_as_it_was_filled_in(database: Database) {
    let server = TestServer::start(database).await;
    let ada = Browser::sign_up(&server, "ada").await;
    // With another session, the account page has every form.
    server.sign_in("ada").await;
    // The form that signs out of an application has nothing to fill in.
    let forms = FORMS.iter().filter(|path| **path != "/signout/application");
    for (path, hidden) in forms.flat_map(|path| [(*path, false), (*path, true)]) {
        // Old browsers, and privacy settings, send `null`.
        let form = |path| {
            if hidden {
                form(path).header("origin", "null")
            } else {
                form(path)
            }
        };
        let mut browser = ada.clone();
        browser.cookies.remove(FORM);
        let mut fields = FIELDS.to_vec();
        fields.push(("session", "00000000-0000-7000-8000-000000000000"));
        let going = "?return_to=/account?x=1";
        let answer = browser.send(form(&format!("{path}{going}")), encoded(&fields)).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text.contains("role=\"alert\""), "{path}: {}", answer.text);
        for password in [PASSWORD, NEW_PASSWORD] {
            assert!(!answer.text.contains(password), "{path} gives a password back");
        }
        let action = if path == "/language" { "/language/" } else { path };
        assert!(
            answer.text.contains(&format!("action=\"{action}{going}\"")),
            "{path}: {}",
            answer.text
        );
        for (forms, typed) in [
            (
                &[
                    "/signin",
                    "/signup",
                    "/signin/email/ask",
                    "/verify/ask",
                    "/recover",
                    "/account/email",
                ][..],
                "value=\"ada@example.com\"",
            ),
            (
                &["/signin/email", "/verify", "/recover/password", "/change-email"][..],
                "name=\"token\" value=\"x\"",
            ),
        ] {
            assert!(
                !forms.contains(&path) || answer.text.contains(typed),
                "{path} has lost {typed}: {}",
                answer.text
            );
        }
        assert!(browser.is_signed_in().await, "{path} did nothing");
    }
    // A page that is shown can be submitted.
    for hidden in [false, true] {
        let form = |path| {
            if hidden {
                form(path).header("origin", "null")
            } else {
                form(path)
            }
        };
        let mut browser = Browser::new(&server);
        let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
        let path = "/signin?return_to=/account?x=1";
        browser.send(form(path), encoded(&fields)).await.assert_status(403);
        let token = browser.cookie(FORM).expect("a token comes with it");
        let again = [&fields[..], &[("form_token", &*token)]].concat();
        let answer = browser.send(form(path), encoded(&again)).await.assert_status(303);
        assert_eq!(answer.header("location"), "/account?x=1");
    }
}

#[apply(on_both_databases!)]
async fn a_67_another_site_cannot_sign_a_browser_in(database: Database) {
    let server = TestServer::start(database).await;
    server.user("eve").await;
    let fields = encoded(&[("email", "eve@example.com"), ("password", PASSWORD)]);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-site", "SAME-ORIGIN"),
        ("sec-fetch-site", ""),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:8001"),
        ("origin", "https://127.0.0.1:8000"),
        ("origin", "http://127.0.0.1:8000.evil.example"),
        ("origin", "http://127.0.0.1"),
        ("origin", ""),
    ] {
        let mut browser = Browser::new(&server);
        let answer = browser.send(form("/signin").header(name, value), fields.clone()).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        // A hidden origin may be our own in an old browser: the form is shown again without the password.
        let shown = answer.text.contains("eve@");
        assert_eq!(shown, value == "null", "what another site has filled in is not shown");
        assert!(!answer.text.contains(PASSWORD), "{name}: {value}");
        assert_eq!(browser.cookie(SIGNED_IN), None);
    }
    // Headers that occur twice are ignored.
    for (first, second) in [
        (("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")),
        (("origin", ORIGIN), ("origin", "https://evil.example")),
    ] {
        let request = Request::post("/signin").header("content-type", "application/x-www-form-urlencoded");
        let request = request.header(first.0, first.1).header(second.0, second.1);
        let answer = Browser::new(&server).send(request, fields.clone()).await;
        assert_eq!(answer.status, 403, "{first:?} {second:?}");
    }
}

/// Another site below the same domain may plant cookies.
#[apply(on_both_databases!)]
async fn what_the_codes_cookie_does_not_hold_itself_is_not_sent_back(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::new(&server);
    ada.post("/signin/email/ask", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let before = ada.cookie(CODES).unwrap();
    let planted = format!("{before}.planted~recover.x.{}~change.y", "y".repeat(3_000));
    ada.cookies.insert(CODES.to_owned(), planted);
    ada.post("/verify/ask", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let after = ada.cookie(CODES).unwrap();
    assert!(!after.contains("planted") && !after.contains("yyy"), "{after}");
    assert!(after.split('~').any(|entry| entry == before), "{after} lost {before}");
}
