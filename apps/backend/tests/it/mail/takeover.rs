//! An emailed link gives the account to the owner of the mailbox, never to someone who registered it before them.

use countersign::features::oauth::consents;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{REQUIRED, ask_to_change, login, register, verified};

const OTHER: &str = "a stranger's umbrella";
const NEW_PASSWORD: &str = "another umbrella for tests";

async fn confirm(server: &TestServer, answer: Value) -> Answer {
    server.post("/api/auth/verify-email/confirm", answer).await
}

async fn is_verified(server: &TestServer, email: &str) -> bool {
    let found: Vec<i64> = query(sql!(
        "SELECT email_verified_at FROM accounts WHERE email_key = $1 AND email_verified_at IS NOT NULL"
    ))
    .bind(email)
    .all(&server.services.db)
    .await
    .unwrap();
    !found.is_empty()
}

#[apply(on_both_databases!)]
async fn t_15_other_sign_ups_do_not_affect_the_confirmation_of_a_sign_up(database: Database) {
    for owner_first in [true, false] {
        let server = TestServer::start_with(database, REQUIRED).await;
        let sign_up = async |password: &str| {
            let answer = register(&server, "ada@example.com", password)
                .await
                .assert_status(202)
                .json();
            (
                answer["handle"].as_str().unwrap_or_default().to_owned(),
                server.mail().await,
            )
        };
        let (owner, stranger) = match owner_first {
            true => (sign_up(PASSWORD).await, sign_up(OTHER).await),
            false => {
                let stranger = sign_up(OTHER).await;
                (sign_up(PASSWORD).await, stranger)
            }
        };
        let newest = if owner_first { &stranger.1 } else { &owner.1 };
        // The owner follows the newest link on a device that requested nothing: it has no effect and is not used up.
        confirm(&server, json!({ "token": newest.token() }))
            .await
            .assert_problem(403, "password_required");
        login(&server, "ada@example.com", OTHER)
            .await
            .assert_problem(401, "invalid_credentials");
        confirm(&server, json!({ "token": newest.token(), "password": "wrong" }))
            .await
            .assert_problem(403, "invalid_credentials");
        // Where the owner signed up, any of the links confirms what was requested there.
        confirm(&server, json!({ "token": newest.token(), "handle": owner.0 }))
            .await
            .assert_status(204);
        login(&server, "ada@example.com", PASSWORD).await.assert_status(200);
        login(&server, "ada@example.com", OTHER)
            .await
            .assert_problem(401, "invalid_credentials");
        for (handle, mail) in [&owner, &stranger] {
            confirm(&server, json!({ "token": mail.token(), "handle": handle }))
                .await
                .assert_problem(400, "invalid_code");
        }
    }
}

#[apply(on_both_databases!)]
async fn t_15_a_sign_up_is_confirmed_by_code_password_or_a_new_password(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    for (name, how) in [("ada", "code"), ("bob", "password"), ("eve", "new")] {
        let email = format!("{name}@example.com");
        let asked = register(&server, &email, PASSWORD).await.assert_status(202).json();
        let mail = server.mail().await;
        let other = register(&server, &email, OTHER).await.assert_status(202).json();
        server.mail().await;
        let by_code = |handle: &Value| json!({ "email": email, "code": mail.code(), "handle": handle });
        confirm(&server, by_code(&other["handle"]))
            .await
            .assert_problem(400, "invalid_code");
        let answer = match how {
            "code" => by_code(&asked["handle"]),
            "password" => json!({ "token": mail.token(), "password": PASSWORD }),
            _ => json!({ "token": mail.token(), "new_password": NEW_PASSWORD }),
        };
        confirm(&server, answer).await.assert_status(204);
        let expected = if how == "new" { NEW_PASSWORD } else { PASSWORD };
        login(&server, &email, expected).await.assert_status(200);
        login(&server, &email, OTHER)
            .await
            .assert_problem(401, "invalid_credentials");
        assert!(is_verified(&server, &email).await);
        server.mails().await;
    }
}

#[apply(on_both_databases!)]
async fn t_15_an_optional_email_address_is_confirmed_with_the_password(database: Database) {
    let server = TestServer::start(database).await;
    let stranger = server.user("ada").await;
    let mail = server.mail().await;
    confirm(&server, json!({ "token": mail.token() }))
        .await
        .assert_problem(403, "password_required");
    confirm(&server, json!({ "token": mail.token(), "password": "wrong" }))
        .await
        .assert_problem(403, "invalid_credentials");
    // Another user's session is no better than none.
    let eve = server.user("eve").await;
    server.mails().await;
    eve.post("/api/auth/verify-email/confirm", json!({ "token": mail.token() }))
        .await
        .assert_problem(403, "password_required");
    // The owner requests an email, which does not show who set the password.
    let asked = server
        .post("/api/auth/verify-email", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202)
        .json();
    let mail = server.mail().await;
    let link = json!({ "token": mail.token(), "handle": asked["handle"] });
    confirm(&server, link).await.assert_problem(403, "password_required");
    let code = json!({ "email": "ada@example.com", "code": mail.code(), "handle": asked["handle"] });
    confirm(&server, code).await.assert_problem(403, "password_required");
    assert!(!is_verified(&server, "ada@example.com").await);
    stranger.get("/api/auth/me").await.assert_status(200);
    // A new password settles it: the attacker loses access.
    let new = json!({ "token": mail.token(), "new_password": NEW_PASSWORD });
    confirm(&server, new).await.assert_status(204);
    assert!(is_verified(&server, "ada@example.com").await);
    stranger.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    stranger
        .refresh(&stranger.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    login(&server, "ada@example.com", PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    login(&server, "ada@example.com", NEW_PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn t_15_confirmation_requires_a_session_or_the_password(database: Database) {
    let server = TestServer::start(database).await;
    for (name, by_session) in [("ada", true), ("bob", false)] {
        let person = server.user(name).await;
        let mail = server.mail().await;
        match by_session {
            true => {
                person
                    .post("/api/auth/verify-email/confirm", json!({ "token": mail.token() }))
                    .await
            }
            false => confirm(&server, json!({ "token": mail.token(), "password": PASSWORD })).await,
        }
        .assert_status(204);
        person.get("/api/auth/me").await.assert_status(200);
        assert!(is_verified(&server, &person.email).await);
    }
}

#[apply(on_both_databases!)]
async fn t_15_a_sign_up_leaves_an_invited_account_and_its_invitation_alone(database: Database) {
    for toml in [REQUIRED, ""] {
        let server = TestServer::start_with(database, toml).await;
        let boss = "boss@example.com".parse().unwrap();
        let account = server.services.operator.invite(&boss).await.unwrap().unwrap();
        server
            .services
            .operator
            .grant(account.id, &"admin".parse().unwrap())
            .await
            .unwrap();
        let invitation = server.mail().await;
        let answer = register(&server, "boss@example.com", OTHER).await;
        if toml.is_empty() {
            answer.assert_problem(409, "email_taken");
        } else {
            answer.assert_status(202);
            // The invited user is notified, and no link gives the attacker anything.
            let told = server.mail().await;
            assert!(
                told.subject.contains("already") && !told.link().contains("token"),
                "{told:?}"
            );
        }
        login(&server, "boss@example.com", OTHER)
            .await
            .assert_problem(401, "invalid_credentials");
        // Nor does an email that the attacker requests.
        for path in ["/api/auth/verify-email", "/api/auth/login/email", "/api/auth/recover"] {
            server
                .post(path, json!({ "email": "boss@example.com" }))
                .await
                .assert_status(202);
        }
        for mail in server.mails().await {
            if mail.link().contains("/verify?") {
                confirm(&server, json!({ "token": mail.token() }))
                    .await
                    .assert_problem(403, "password_required");
            }
        }
        login(&server, "boss@example.com", OTHER)
            .await
            .assert_problem(401, "invalid_credentials");
        let accept = json!({ "token": invitation.token(), "new_password": NEW_PASSWORD });
        server
            .post("/api/auth/recover/confirm", accept)
            .await
            .assert_status(204);
        login(&server, "boss@example.com", NEW_PASSWORD)
            .await
            .assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn t_15_an_email_change_requires_the_session_that_requested_it(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "eve").await;
    verified(&server, "ada").await;
    let (eve, ada) = (server.sign_in("eve").await, server.sign_in("ada").await);
    ask_to_change(&eve, "victim@example.org").await;
    let mail = server.mail().await;
    let answers = [
        json!({ "token": mail.token() }),
        json!({ "email": mail.to, "code": mail.code() }),
    ];
    for answer in &answers {
        // The reader of the email is not signed in as eve.
        server
            .post("/api/auth/change-email/confirm", answer.clone())
            .await
            .assert_problem(401, "missing_token");
        ada.post("/api/auth/change-email/confirm", answer.clone())
            .await
            .assert_problem(400, "invalid_code");
    }
    assert_eq!(eve.get("/api/auth/me").await.json()["email"], "eve@example.com");
    // Requests made in a session end with it.
    let again = server.sign_in("eve").await;
    server.mails().await;
    eve.post("/api/auth/logout", Value::Null).await.assert_status(204);
    again
        .post("/api/auth/change-email/confirm", answers[0].clone())
        .await
        .assert_problem(400, "invalid_code");
    ask_to_change(&again, "new@example.org").await;
    let mail = server.mail().await;
    again
        .post(
            "/api/auth/change-email/confirm",
            json!({ "email": mail.to, "code": mail.code() }),
        )
        .await
        .assert_status(204);
    assert_eq!(again.get("/api/auth/me").await.json()["email"], "new@example.org");
}

#[apply(on_both_databases!)]
async fn t_9_password_changes_and_ended_sessions_invalidate_queued_and_sent_emails(database: Database) {
    // Whether or not the email address is verified; a reset verifies it.
    let events = ["reset", "change", "set", "disable", "logout-all", "delete"].map(|event| (event, true));
    let unverified = ["change", "set", "disable", "logout-all", "delete"].map(|event| (event, false));
    for (event, is_verified) in events.into_iter().chain(unverified) {
        for sent_before in [true, false] {
            let server = TestServer::start(database).await;
            match is_verified {
                true => verified(&server, "ada").await,
                false => drop(server.user("ada").await),
            }
            let ada = server.sign_in("ada").await;
            server.mails().await;
            let account = account(&server).await;
            // Requested by a thief who had the password for a moment, and still queued because the mail server is down.
            let thief = server.sign_in("ada").await;
            ask_to_change(&thief, "eve@example.org").await;
            for path in ["/api/auth/recover", "/api/auth/login/email"] {
                server
                    .post(path, json!({ "email": "ada@example.com" }))
                    .await
                    .assert_status(202);
            }
            let mut mails = if sent_before { server.mails().await } else { Vec::new() };
            match event {
                "reset" => {
                    server
                        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
                        .await
                        .assert_status(202);
                    let all = server.mails().await;
                    // Only the database knows which of them is the newest, because the clock is stopped.
                    let mut done = 0;
                    for mail in all.iter().filter(|mail| mail.link().contains("recover/password")) {
                        let answer = json!({ "token": mail.token(), "new_password": NEW_PASSWORD });
                        let answer = server.post("/api/auth/recover/confirm", answer).await;
                        done += usize::from(answer.status.is_success());
                    }
                    assert_eq!(done, 1);
                    mails.extend(all);
                }
                "change" => {
                    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
                    ada.post("/api/auth/change-password", change).await.assert_status(204);
                }
                "set" => server
                    .services
                    .operator
                    .set_password(&account, NEW_PASSWORD.to_owned().into())
                    .await
                    .unwrap(),
                "disable" => {
                    for disabled in [true, false] {
                        server
                            .services
                            .operator
                            .set_disabled(account.id, disabled)
                            .await
                            .unwrap();
                    }
                }
                "logout-all" => drop(ada.post("/api/auth/logout-all", Value::Null).await.assert_status(204)),
                _ => {
                    ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
                        .await
                        .assert_status(204);
                    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
                }
            }
            mails.extend(server.mails().await);
            let password = if ["reset", "change", "set"].contains(&event) {
                NEW_PASSWORD
            } else {
                PASSWORD
            };
            let session = login(&server, "ada@example.com", password)
                .await
                .assert_status(200)
                .json();
            let now = ada.with(&session);
            for mail in mails.iter().filter(|mail| mail.link().contains("token=")) {
                if mail.link().contains("/verify?") {
                    continue;
                }
                for path in [
                    "/api/auth/recover/confirm",
                    "/api/auth/login/email/confirm",
                    "/api/auth/change-email/confirm",
                ] {
                    let mut answer = json!({ "token": mail.token() });
                    if path.contains("recover") {
                        answer["new_password"] = json!("a third umbrella for tests");
                    }
                    for answer in [
                        now.post(path, answer.clone()).await,
                        server.post(path, answer.clone()).await,
                    ] {
                        assert!(
                            matches!(answer.code().as_str(), "invalid_code" | "missing_token"),
                            "{event}, {sent_before}: {path} {}",
                            answer.text
                        );
                    }
                }
            }
            assert_eq!(
                now.get("/api/auth/me").await.assert_status(200).json()["email"],
                "ada@example.com",
                "{event}"
            );
        }
    }
}

#[apply(on_both_databases!)]
async fn c_64_emails_about_an_account_go_to_its_own_email_address(database: Database) {
    let server = TestServer::start(database).await;
    register(&server, "Kate@example.com", PASSWORD).await.assert_status(201);
    assert_eq!(server.mail().await.to, "Kate@example.com");
    for spelling in [
        "\u{ff2b}ate@example.com",
        "\u{24da}ate@example.com",
        "kate@example.com",
        "KATE@EXAMPLE.COM",
        "Kate@\u{ff45}xample.com",
    ] {
        for path in ["/api/auth/recover", "/api/auth/login/email", "/api/auth/verify-email"] {
            server.post(path, json!({ "email": spelling })).await.assert_status(202);
            let mail = server.mail().await;
            assert_eq!(mail.to, "Kate@example.com", "{path} {spelling:?}");
            assert!(
                !mail.text.contains(spelling) || spelling == "Kate@example.com",
                "{path} {spelling:?}"
            );
        }
    }
    let required = TestServer::start_with(database, REQUIRED).await;
    verified(&required, "kate").await;
    for spelling in ["KATE@example.com", "Kate@Example.com"] {
        register(&required, spelling, OTHER).await.assert_status(202);
        assert_eq!(required.mail().await.to, "kate@example.com");
    }
}

#[apply(on_both_databases!)]
async fn c_64_look_alike_characters_cannot_be_registered(database: Database) {
    for toml in [REQUIRED, ""] {
        let server = TestServer::start_with(database, toml).await;
        for email in [
            "\u{fb01}@example.com",
            "\u{ff2b}ate@example.com",
            "a\u{2460}@example.com",
            "\u{17f}am@example.com",
            "x\u{b2}@example.com",
            "ka\u{ad}te@example.com",
            "ada@\u{ff45}xample.com",
            "ada@example\u{3002}com",
        ] {
            let refused = register(&server, email, PASSWORD)
                .await
                .assert_problem(422, "invalid_email");
            assert_eq!(refused.json()["errors"][0]["field"], "email");
        }
        assert_eq!(server.mails().await.len(), 0);
        assert!(register(&server, "fi@example.com", PASSWORD).await.status.is_success());
        assert!(
            register(&server, "e\u{301}va@b\u{fc}cher.example", PASSWORD)
                .await
                .status
                .is_success()
        );
    }
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    let change = json!({ "email": "\u{fb01}@example.com", "password": PASSWORD });
    ada.post("/api/auth/change-email", change)
        .await
        .assert_problem(422, "invalid_email");
}

#[apply(on_both_databases!)]
async fn c_64_letters_that_fold_to_the_same_are_one_account(database: Database) {
    let server = TestServer::start(database).await;
    for (taken, others) in [
        (
            "\u{3b1}\u{3c3}@example.com",
            &[
                "\u{3b1}\u{3c2}@example.com",
                "\u{391}\u{3a3}@example.com",
                "\u{391}\u{3c2}@EXAMPLE.com",
            ][..],
        ),
        (
            "stra\u{df}e@example.com",
            &["STRASSE@example.com", "stra\u{1e9e}e@example.com"],
        ),
        ("kate@example.com", &["\u{212a}ate@example.com"]),
    ] {
        register(&server, taken, PASSWORD).await.assert_status(201);
        let mail = server.mail().await;
        assert_eq!(mail.to, taken);
        for other in others {
            assert_eq!(
                register(&server, other, OTHER)
                    .await
                    .assert_problem(409, "email_taken")
                    .status,
                409,
                "{other}"
            );
            login(&server, other, PASSWORD).await.assert_status(200);
            server
                .post("/api/auth/recover", json!({ "email": other }))
                .await
                .assert_status(202);
            assert_eq!(
                server.mails().await.last().map(|mail| mail.to.clone()).as_deref(),
                Some(taken),
                "{other}"
            );
        }
    }
}

#[apply(on_both_databases!)]
async fn undeliverable_email_addresses_are_refused_everywhere(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    for email in [
        "a@127.0.0.1",
        "a@1.2.3.4",
        "a@example.123",
        "a@0x7f.1",
        "a@example.0x1",
        "a@1",
        "a@2130706433",
        "a@\u{ff11}.\u{ff12}.\u{ff13}.\u{ff14}",
        "a@example.1a",
        "a@example.c",
        "a@1.2.3.\u{96a}",
        "a@example.\u{967}\u{968}",
    ] {
        register(&server, email, PASSWORD)
            .await
            .assert_problem(422, "invalid_email");
        for path in ["/api/auth/recover", "/api/auth/verify-email", "/api/auth/login/email"] {
            server
                .post(path, json!({ "email": email }))
                .await
                .assert_problem(422, "invalid_email");
        }
        let change = json!({ "email": email, "password": PASSWORD });
        ada.post("/api/auth/change-email", change)
            .await
            .assert_problem(422, "invalid_email");
    }
    register(&server, "a@example.xn--p1ai", PASSWORD)
        .await
        .assert_status(201);
}

#[apply(on_both_databases!)]
async fn the_current_email_address_in_another_spelling_is_recognized(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    for email in [
        "ada@example.com",
        "ADA@example.com",
        "Ada@EXAMPLE.com",
        " ada@example.com ",
    ] {
        let change = |password: &str| json!({ "email": email, "password": password });
        ada.post("/api/auth/change-email", change(PASSWORD))
            .await
            .assert_problem(409, "same_email");
        ada.post("/api/auth/change-email", change("wrong"))
            .await
            .assert_problem(403, "invalid_credentials");
    }
    assert_eq!(server.mails().await.len(), 0);
}

#[apply(on_both_databases!)]
async fn a_16_a_sign_in_after_a_sign_up_does_not_reveal_an_account(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    verified(&server, "known").await;
    let ada = "invited@example.com".parse().unwrap();
    server.services.operator.invite(&ada).await.unwrap();
    let mut seen = Vec::new();
    for name in ["known", "invited", "unknown"] {
        let email = format!("{name}@example.com");
        let mut answers = Vec::new();
        for _ in 0..2 {
            for answer in [
                register(&server, &email, OTHER).await,
                login(&server, &email, OTHER).await,
            ] {
                let mut headers = answer.headers.clone();
                headers.remove("x-request-id");
                let mut body = answer.json();
                for own in ["handle", "request_id"] {
                    if let Some(value) = body.get_mut(own) {
                        *value = json!(value.as_str().map(str::len));
                    }
                }
                answers.push((answer.status, headers, body));
            }
            let form = format!("username={name}%40example.com&password={}", OTHER.replace(' ', "+"));
            answers.push({
                let answer = server.post_form("/api/auth/login", &form).await;
                (answer.status, Default::default(), json!(answer.code()))
            });
        }
        server.mails().await;
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[apply(on_both_databases!)]
async fn a_28_a_code_works_for_its_requester_and_the_link_anywhere(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    for (ask, confirm) in [
        ("/api/auth/login/email", "/api/auth/login/email/confirm"),
        ("/api/auth/recover", "/api/auth/recover/confirm"),
    ] {
        let ask = async || {
            let asked = server
                .post(ask, json!({ "email": "ada@example.com" }))
                .await
                .assert_status(202)
                .json();
            let mails = server.mails().await;
            (
                asked["handle"].as_str().unwrap_or_default().to_owned(),
                mails.into_iter().rfind(|mail| mail.link().contains("token")).unwrap(),
            )
        };
        let other = ask().await;
        let (handle, mail) = ask().await;
        let with_password = |mut answer: Value| {
            if confirm.contains("recover") {
                answer["new_password"] = json!(NEW_PASSWORD);
            }
            answer
        };
        let by_code = |handle: &str| with_password(json!({ "email": mail.to, "code": mail.code(), "handle": handle }));
        for foreign in [&*other.0, "", "csh_x", &mail.token()] {
            server
                .post(confirm, by_code(foreign))
                .await
                .assert_problem(400, "invalid_code");
        }
        let mut without = by_code("");
        without.as_object_mut().unwrap().remove("handle");
        server
            .post(confirm, without)
            .await
            .assert_problem(422, "validation_failed");
        // Other users' guesses do not count against this request.
        for by in 0..6 {
            let mut guess = by_code(&other.0);
            guess["code"] = json!(format!("{by:06}"));
            server.post(confirm, guess).await.assert_problem(400, "invalid_code");
        }
        assert!(server.post(confirm, by_code(&handle)).await.status.is_success());
        let (_, mail) = ask().await;
        let by_link = with_password(json!({ "token": mail.token() }));
        assert!(server.post(confirm, by_link).await.status.is_success());
    }
}

#[apply(on_both_databases!)]
async fn a_28_another_email_for_a_sign_up_is_requested_with_its_handle(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    let asked = register(&server, "ada@example.com", PASSWORD)
        .await
        .assert_status(202)
        .json();
    let first = server.mail().await;
    let again = json!({ "email": "ada@example.com", "handle": asked["handle"] });
    let answer = server
        .post("/api/auth/verify-email", again)
        .await
        .assert_status(202)
        .json();
    assert_eq!(answer["handle"], asked["handle"]);
    let second = server.mail().await;
    confirm(&server, json!({ "token": first.token(), "handle": asked["handle"] }))
        .await
        .assert_problem(400, "invalid_code");
    let by_code = json!({ "email": "ada@example.com", "code": second.code(), "handle": asked["handle"] });
    confirm(&server, by_code).await.assert_status(204);
    login(&server, "ada@example.com", PASSWORD).await.assert_status(200);
}

async fn account(server: &TestServer) -> countersign::features::identity::accounts::Account {
    let email = "ada@example.com".parse().unwrap();
    let found = countersign::features::identity::accounts::find_by_email(&server.services.db, &email).await;
    found.unwrap().unwrap()
}

/// Consents that were given before the owner proved the address.
#[apply(on_both_databases!)]
async fn t_15_what_was_allowed_before_the_address_was_proven_is_not_allowed_any_more(database: Database) {
    type Request = (&'static str, Value, &'static str, Value);
    let server = TestServer::start(database).await;
    let client = server.public_client("notes").await;
    let new = json!({ "new_password": NEW_PASSWORD });
    let ways: [(&str, Option<Request>, usize); 4] = [
        (
            "a recovery",
            Some(("/api/auth/recover", json!({}), "/api/auth/recover/confirm", new.clone())),
            0,
        ),
        (
            "an emailed sign-in",
            Some((
                "/api/auth/login/email",
                json!({}),
                "/api/auth/login/email/confirm",
                json!({}),
            )),
            0,
        ),
        ("a verification with a new password", None, 0),
        // The owner of the mailbox knows the password, so it was the owner who signed up.
        ("a verification with the password", None, 1),
    ];
    for (index, (way, request, kept)) in ways.into_iter().enumerate() {
        let name = format!("ada{index}");
        // Notices about the account before this one.
        server.mails().await;
        let first = server.user(&name).await;
        let account = countersign::core::ids::AccountId(
            first.get("/api/auth/me").await.json()["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
        );
        let (scopes, now) = (&"openid email".parse().unwrap(), server.services.clock.now());
        let client_id = &client.client_id;
        let give = server.services.db.transact(|tx| {
            Box::pin(async move {
                consents::give(tx, account, client_id, "https://api.example.com", scopes, now).await?;
                Ok::<_, countersign_store::StoreError>(())
            })
        });
        give.await.unwrap();
        let (path, mut answer) = match &request {
            Some((ask, _, path, answer)) => {
                server.mails().await;
                server
                    .post(ask, json!({ "email": first.email }))
                    .await
                    .assert_status(202);
                (*path, answer.clone())
            }
            None if kept == 0 => ("/api/auth/verify-email/confirm", new.clone()),
            None => ("/api/auth/verify-email/confirm", json!({ "password": PASSWORD })),
        };
        answer["token"] = server.mail().await.token().into();
        let done = server.post(path, answer).await;
        assert!(done.status.is_success(), "{way}: {}", done.text);
        let allowed = consents::of_account(&server.services.db, account).await.unwrap();
        assert_eq!(allowed.len(), kept, "{way}");
    }
}
