//! Each flow from the request to its completion.

use std::time::Duration;

use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{REQUIRED, login, register, verified};

const NEW_PASSWORD: &str = "another umbrella for tests";

#[apply(on_both_databases!)]
async fn an_address_is_verified_by_link_or_by_code(database: Database) {
    let server = TestServer::start(database).await;
    for (name, by_code) in [("ada", false), ("bob", true)] {
        let person = server.user(name).await;
        assert_eq!(person.get("/api/auth/me").await.json()["email_verified"], false);
        let mail = server.mail().await;
        assert_eq!(
            (mail.to.as_str(), mail.from.as_str()),
            (person.email.as_str(), "no-reply@localhost")
        );
        assert!(
            mail.link().starts_with("http://127.0.0.1:8000/verify?token=csl_"),
            "{}",
            mail.link()
        );
        let answer = match by_code {
            true => json!({ "email": mail.to.to_uppercase(), "code": mail.code() }),
            false => json!({ "token": mail.token() }),
        };
        person
            .post("/api/auth/verify-email/confirm", answer.clone())
            .await
            .assert_status(204);
        assert_eq!(person.get("/api/auth/me").await.json()["email_verified"], true);
        person
            .post("/api/auth/verify-email/confirm", answer)
            .await
            .assert_problem(400, "invalid_code");
        // There is nothing left to verify.
        server
            .post("/api/auth/verify-email", json!({ "email": mail.to }))
            .await
            .assert_status(202);
        assert_eq!(server.mails().await.len(), 0);
    }
}

#[apply(on_both_databases!)]
async fn where_verification_is_required_sign_in_comes_after_it(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    let asked = register(&server, "ada@example.com", PASSWORD)
        .await
        .assert_status(202)
        .json();
    for password in ["wrong", PASSWORD] {
        login(&server, "ada@example.com", password)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    let link = json!({ "token": server.mail().await.token(), "handle": asked["handle"] });
    server
        .post("/api/auth/verify-email/confirm", link)
        .await
        .assert_status(204);
    login(&server, "ada@example.com", PASSWORD).await.assert_status(200);
    // An account that an operator created is a regular one, and its owner is told what is missing.
    let bob = "bob@example.com".parse().unwrap();
    server
        .services
        .accounts
        .register(
            bob,
            PASSWORD.to_owned().into(),
            &Default::default(),
            server.services.command_line(),
        )
        .await
        .unwrap();
    login(&server, "bob@example.com", PASSWORD)
        .await
        .assert_problem(403, "email_not_verified");
    server
        .post("/api/auth/verify-email", json!({ "email": "bob@example.com" }))
        .await
        .assert_status(202);
    let link = json!({ "token": server.mail().await.token(), "password": PASSWORD });
    server
        .post("/api/auth/verify-email/confirm", link)
        .await
        .assert_status(204);
    login(&server, "bob@example.com", PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn nothing_is_mailed_where_verification_is_off(database: Database) {
    let server = TestServer::start_with(database, "email_verification = \"off\"\n").await;
    server.user("ada").await;
    assert_eq!(server.mails().await.len(), 0);
}

#[apply(on_both_databases!)]
async fn t_9_a_password_reset_ends_all_sessions(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    server
        .post("/api/auth/recover", json!({ "email": ada.email }))
        .await
        .assert_status(202);
    let mail = server.mail().await;
    // A weak password does not use up the link.
    let answer = json!({ "token": mail.token(), "new_password": "password1" });
    let refused = server
        .post("/api/auth/recover/confirm", answer)
        .await
        .assert_problem(422, "password_breached");
    assert_eq!(refused.json()["errors"][0]["field"], "new_password");
    ada.get("/api/auth/me").await.assert_status(200);

    let answer = json!({ "token": mail.token(), "new_password": NEW_PASSWORD });
    let done = server
        .post("/api/auth/recover/confirm", answer.clone())
        .await
        .assert_status(204);
    assert_eq!(done.text, "", "it signs no one in");
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    login(&server, &ada.email, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    login(&server, &ada.email, NEW_PASSWORD).await.assert_status(200);
    server
        .post("/api/auth/recover/confirm", answer)
        .await
        .assert_problem(400, "invalid_code");
    let told = server.mails().await;
    let told = told.iter().find(|mail| mail.subject.contains("was changed")).unwrap();
    assert!(!told.link().contains("token"), "a notice opens nothing");
}

#[apply(on_both_databases!)]
async fn a_password_is_set_anew_by_code_too(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let asked = server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202)
        .json();
    let code = server.mail().await.code();
    let answer =
        json!({ "email": "ada@example.com", "code": code, "handle": asked["handle"], "new_password": NEW_PASSWORD });
    server
        .post("/api/auth/recover/confirm", answer)
        .await
        .assert_status(204);
    login(&server, "ada@example.com", NEW_PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_mail_signs_in_once_and_for_what_it_is(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ask = || server.post("/api/auth/login/email", json!({ "email": "ada@example.com" }));
    let confirm = |answer: Value| server.post("/api/auth/login/email/confirm", answer);
    let handle = ask().await.assert_status(202).json()["handle"].clone();
    let mail = server.mail().await;
    let tokens = confirm(json!({ "token": mail.token() }))
        .await
        .assert_status(200)
        .json();
    assert!(tokens["refresh_token"].is_string());
    confirm(json!({ "token": mail.token() }))
        .await
        .assert_problem(400, "invalid_code");
    confirm(json!({ "email": mail.to, "code": mail.code(), "handle": handle }))
        .await
        .assert_problem(400, "invalid_code");
    let handle = ask().await.assert_status(202).json()["handle"].clone();
    let mail = server.mail().await;
    confirm(json!({ "email": mail.to, "code": mail.code(), "handle": handle }))
        .await
        .assert_status(200);
    // The password still works.
    login(&server, "ada@example.com", PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_28_x_1_x_34_an_answer_works_for_one_purpose_and_must_not_be_empty(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    server.mail().await;
    let asked = server
        .post("/api/auth/verify-email", json!({ "email": ada.email }))
        .await
        .assert_status(202)
        .json();
    let verify = server.mail().await;
    for path in [
        "/api/auth/recover/confirm",
        "/api/auth/login/email/confirm",
        "/api/auth/change-email/confirm",
    ] {
        let by_link = json!({ "token": verify.token() });
        let by_code = json!({ "email": ada.email, "code": verify.code(), "handle": asked["handle"] });
        for mut answer in [by_link, by_code] {
            if path == "/api/auth/recover/confirm" {
                answer["new_password"] = json!(NEW_PASSWORD);
            }
            ada.post(path, answer).await.assert_problem(400, "invalid_code");
        }
    }
    let confirm = |answer: Value| ada.post("/api/auth/verify-email/confirm", answer);
    for token in [
        "",
        " ",
        "null",
        "csl_",
        &verify.token()[..46],
        &format!("{} ", verify.token()),
    ] {
        confirm(json!({ "token": token }))
            .await
            .assert_problem(400, "invalid_code");
    }
    for code in ["", "      ", "null", "00000", "1234567"] {
        confirm(json!({ "email": ada.email, "code": code }))
            .await
            .assert_problem(400, "invalid_code");
    }
    for nothing in [
        json!({}),
        json!({ "token": null }),
        json!({ "email": ada.email }),
        json!({ "code": verify.code() }),
    ] {
        confirm(nothing).await.assert_problem(422, "validation_failed");
    }
    confirm(json!({ "token": verify.token() })).await.assert_status(204);
}

#[apply(on_both_databases!)]
async fn a_newer_mail_ends_the_one_before(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let mut mails = Vec::new();
    for _ in 0..2 {
        server
            .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
            .await
            .assert_status(202);
        mails.push(server.mail().await);
    }
    let confirm = |token: String| {
        server.post(
            "/api/auth/recover/confirm",
            json!({ "token": token, "new_password": NEW_PASSWORD }),
        )
    };
    confirm(mails[0].token()).await.assert_problem(400, "invalid_code");
    confirm(mails[1].token()).await.assert_status(204);
}

#[apply(on_both_databases!)]
async fn a_26_c_49_expired_challenges_are_refused_before_cleanup_too(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ten = Duration::from_secs(10 * 60);
    let second = Duration::from_secs(1);
    let newest = async || {
        server
            .mails()
            .await
            .into_iter()
            .rfind(|mail| mail.link().contains("token="))
            .unwrap()
    };
    for (ask, path) in [
        ("/api/auth/recover", "/api/auth/recover/confirm"),
        ("/api/auth/login/email", "/api/auth/login/email/confirm"),
    ] {
        let answered = |mut answer: Value| {
            if path.contains("recover") {
                answer["new_password"] = json!(NEW_PASSWORD);
            }
            server.post(path, answer)
        };
        for late in [true, false] {
            let asked = server
                .post(ask, json!({ "email": "ada@example.com" }))
                .await
                .assert_status(202)
                .json();
            let mail = newest().await;
            server.services.clock.advance(if late { ten } else { ten - second });
            let by_code = json!({ "email": mail.to, "code": mail.code(), "handle": asked["handle"] });
            let answer = answered(by_code).await;
            assert_eq!(answer.status.is_success(), !late, "{path}: {}", answer.text);
            // A link is valid for a quarter of an hour.
            let left = if late {
                Duration::from_secs(5 * 60)
            } else {
                Duration::ZERO
            };
            server.services.clock.advance(left);
            answered(json!({ "token": mail.token() }))
                .await
                .assert_problem(400, "invalid_code");
        }
    }
    let login = json!({ "email": "ada@example.com", "password": NEW_PASSWORD });
    let tokens = server.post("/api/auth/login", login).await.assert_status(200).json();
    let bob = server.user("bob").await;
    server.mails().await;
    let ada = bob.with(&tokens);
    for late in [true, false] {
        let change = json!({ "email": "ada@example.org", "password": NEW_PASSWORD });
        ada.post("/api/auth/change-email", change).await.assert_status(202);
        let mail = newest().await;
        server.services.clock.advance(if late { ten } else { ten - second });
        let answer = ada
            .post(
                "/api/auth/change-email/confirm",
                json!({ "email": mail.to, "code": mail.code() }),
            )
            .await;
        assert_eq!(answer.status.is_success(), !late, "change-email: {}", answer.text);
    }
    // A pending sign-up has its own code.
    let required = TestServer::start_with(database, "email_verification = \"required\"\n").await;
    for (name, late) in [("eve", true), ("joan", false)] {
        let asked = register(&required, &format!("{name}@example.com"), PASSWORD)
            .await
            .assert_status(202)
            .json();
        let mail = required.mail().await;
        required.services.clock.advance(if late { ten } else { ten - second });
        let by_code = json!({ "email": mail.to, "code": mail.code(), "handle": asked["handle"] });
        let answer = required.post("/api/auth/verify-email/confirm", by_code).await;
        assert_eq!(answer.status.is_success(), !late, "{name}: {}", answer.text);
    }
}

#[apply(on_both_databases!)]
async fn a_proof_is_void_once_the_account_changes(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    server
        .post("/api/auth/recover", json!({ "email": ada.email }))
        .await
        .assert_status(202);
    let reset = server.mail().await.token();
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    ada.post("/api/auth/change-password", change).await.assert_status(204);
    let answer = json!({ "token": reset, "new_password": "a third umbrella for tests" });
    server
        .post("/api/auth/recover/confirm", answer)
        .await
        .assert_problem(400, "invalid_code");
}

#[apply(on_both_databases!)]
async fn a_4_a_39_x_35_an_email_change_needs_the_new_mailbox_and_notifies_both(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    let change = |email: &str, password: &str| {
        ada.post(
            "/api/auth/change-email",
            json!({ "email": email, "password": password }),
        )
    };
    change("a@example.org", "wrong")
        .await
        .assert_problem(403, "invalid_credentials");
    change("a@example.org", PASSWORD).await.assert_status(202);
    let first = server.mail().await;
    change("b@example.org", PASSWORD).await.assert_status(202);
    let second = server.mail().await;
    assert_eq!(
        (first.to.as_str(), second.to.as_str()),
        ("a@example.org", "b@example.org")
    );
    assert_eq!(
        ada.get("/api/auth/me").await.json()["email"],
        "ada@example.com",
        "nothing is changed yet"
    );
    let confirm = |token: String| ada.post("/api/auth/change-email/confirm", json!({ "token": token }));
    confirm(first.token()).await.assert_problem(400, "invalid_code");
    confirm(second.token()).await.assert_status(204);
    let me = ada.get("/api/auth/me").await.json();
    assert_eq!(
        (&me["email"], &me["email_verified"]),
        (&json!("b@example.org"), &json!(true))
    );
    let told = server.mail().await;
    assert_eq!(told.to, "ada@example.com");
    assert!(told.text.contains("b@example.org"), "{}", told.text);
    login(&server, "ada@example.com", PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    login(&server, "b@example.org", PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn an_email_address_of_another_account_is_refused(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    verified(&server, "eve").await;
    let eve = server.sign_in("eve").await;
    let change = |email: &str| {
        eve.post(
            "/api/auth/change-email",
            json!({ "email": email, "password": PASSWORD }),
        )
    };
    change("ADA@example.com").await.assert_status(202);
    assert_eq!(server.mails().await.len(), 0);
    // Available when the email was sent, taken when it is confirmed.
    change("new@example.com").await.assert_status(202);
    let token = server.mail().await.token();
    register(&server, "new@example.com", PASSWORD).await.assert_status(201);
    eve.post("/api/auth/change-email/confirm", json!({ "token": token }))
        .await
        .assert_problem(409, "email_taken");
    login(&server, "new@example.com", PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_15_the_owner_is_notified_once_of_each_change(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    assert_eq!(server.mails().await.len(), 0, "a first sign-in is no news");
    // The same device again, then another device in another network.
    server.sign_in("ada").await;
    let told = server.mails().await;
    assert!(
        told.len() <= 1 && told.iter().all(|mail| mail.subject.contains("New sign-in")),
        "{told:?}"
    );
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    ada.post("/api/auth/change-password", change).await.assert_status(204);
    let told = server.mail().await;
    assert!(told.subject.contains("password") && told.to == ada.email, "{told:?}");
    assert!(
        told.text.contains("November 22, 2026 at 10:15 UTC") && told.text.contains("198.51.100."),
        "{}",
        told.text
    );
}

#[apply(on_both_databases!)]
async fn emails_are_in_the_language_of_the_request(database: Database) {
    use axum::body::Body;
    use axum::http::Request;
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let request = Request::post("/api/auth/recover")
        .header("content-type", "application/json")
        .header("accept-language", "pt, ar;q=0.8, en;q=0.3")
        .body(Body::from(json!({ "email": "ada@example.com" }).to_string()));
    server.send(request.unwrap()).await.assert_status(202);
    let mail = server.mail().await;
    assert!(mail.html.contains("lang=\"ar\" dir=\"rtl\""), "{}", mail.html);
    assert!(mail.subject.contains("كلمة مرورك"), "{}", mail.subject);
    assert_eq!(mail.code().len(), 6);
}
