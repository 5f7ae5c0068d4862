//! Emails that an attacker cannot make us send: to others, without limit, or with their own text.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign::features::identity::accounts;
use countersign_testkit::{Answer, Database, PASSWORD, Person, ReceivedMail, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{REQUIRED, ask_to_change, login, register, verified};

const NEW_PASSWORD: &str = "another umbrella for tests";
const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
/// The default limits of emails; the others are disabled.
const LIMITED: &str = "[limits]\nlogin_per_account = \"1000/1m\"\nlogin_per_address = \"1000/1m\"\nregister_per_address = \"1000/1m\"\n\
                       change_password_per_account = \"1000/1m\"\nemails_per_address = \"1000/1m\"\n";

async fn post_from(server: &TestServer, path: &str, (from, user_agent): (&str, &str), body: Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("user-agent", user_agent)
        .extension(ConnectInfo(format!("{from}:1").parse::<SocketAddr>().unwrap()))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

async fn change_password(ada: &Person<'_>, times: usize) {
    let mut passwords = [PASSWORD, NEW_PASSWORD];
    for _ in 0..times {
        let change = json!({ "current_password": passwords[0], "new_password": passwords[1] });
        ada.post("/api/auth/change-password", change).await.assert_status(204);
        passwords.reverse();
    }
}

/// The number of emails sent within a day, however they are distributed.
async fn of_a_day(server: &TestServer) -> Vec<ReceivedMail> {
    let mut mails = Vec::new();
    for _ in 0..24 * 6 {
        mails.extend(server.mails().await);
        server.services.clock.advance(Duration::from_secs(600));
    }
    mails
}

#[apply(on_both_databases!)]
async fn r_68_a_15_unverified_email_addresses_get_no_notices(database: Database) {
    let server = TestServer::start(database).await;
    // An attacker registers the victim's email address.
    let eve = server.user("victim").await;
    assert_eq!(server.mails().await.len(), 1, "the one that asks for a proof");
    change_password(&eve, 2).await;
    let eve = server.sign_in("victim").await;
    eve.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    assert_eq!(of_a_day(&server).await.len(), 0);
}

#[apply(on_both_databases!)]
async fn r_68_similar_notices_are_combined_without_losing_any(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    change_password(&ada, 60).await;
    let mails = of_a_day(&server).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].text.matches("Time: ").count(), 5, "{}", mails[0].text);
    assert!(mails[0].text.contains("55 more times"), "{}", mails[0].text);
    // One was sent; the next ones are collected.
    change_password(&ada, 1).await;
    assert_eq!(server.mails().await.len(), 1);
    let swapped = json!({ "current_password": NEW_PASSWORD, "new_password": PASSWORD });
    ada.post("/api/auth/change-password", swapped).await.assert_status(204);
    assert_eq!(server.mails().await.len(), 0);
    change_password(&ada, 2).await;
    server.services.clock.advance(Duration::from_secs(600));
    assert_eq!(server.mail().await.text.matches("Time: ").count(), 3);
}

#[apply(on_both_databases!)]
async fn r_68_sixty_networks_do_not_get_sixty_emails(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    verified(&server, "ada").await;
    server.sign_in("ada").await;
    let mut mails = Vec::new();
    for network in 0..60 {
        let body = json!({ "email": "ada@example.com", "password": PASSWORD });
        let from = format!("203.0.113.{network}");
        post_from(&server, "/api/auth/login", (&from, CHROME), body)
            .await
            .assert_status(200);
        mails.extend(server.mails().await);
    }
    mails.extend(of_a_day(&server).await);
    assert_eq!(mails.len(), 2, "one at once, and one for all the others");
    assert!(
        mails
            .iter()
            .all(|mail| mail.text.lines().any(|line| line == "Device: Chrome on Windows")),
        "{}",
        mails[1].text
    );
}

#[apply(on_both_databases!)]
async fn r_68_repeated_registration_and_deletion_does_not_evade_the_limit(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    let mut mails = 0;
    for _ in 0..20 {
        let eve = server.user("victim").await;
        mails += server.mails().await.len();
        eve.delete("/api/auth/me", json!({ "password": PASSWORD }))
            .await
            .assert_status(204);
        mails += server.mails().await.len();
    }
    assert_eq!(mails, 3, "as many as one network may ask for");
}

#[apply(on_both_databases!)]
async fn r_68_one_limit_counts_emails_of_all_kinds_from_all_networks(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    verified(&server, "ada").await;
    let mut asked = 0;
    for network in 0..20 {
        for path in ["/api/auth/recover", "/api/auth/login/email", "/api/auth/verify-email"] {
            // All spellings of the email address count as one recipient.
            let email = [
                "ADA@example.com",
                "ada@example.com",
                "Ada@Example.com",
                "aDa@EXAMPLE.COM",
            ][network % 4];
            let from = format!("203.0.113.{network}");
            post_from(&server, path, (&from, CHROME), json!({ "email": email }))
                .await
                .assert_status(202);
        }
        asked += server.mails().await.len();
    }
    assert!(
        (6..=8).contains(&asked),
        "nine with the one before, of the twelve an hour: {asked}"
    );
    // Notices about the account are sent all the same.
    let ada = server.sign_in("ada").await;
    change_password(&ada, 1).await;
    let told = server.mails().await;
    assert!(told.iter().any(|mail| mail.subject.contains("was changed")), "{told:?}");
}

#[apply(on_both_databases!)]
async fn r_68_beyond_the_limit_of_all_emails_a_notice_is_sent_later(database: Database) {
    let server = TestServer::start_with(database, &format!("{LIMITED}emails_per_recipient = \"4/1h\"\n")).await;
    // The first of the four is the verification email.
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    for (at, told) in [(0, 1), (1, 1), (2, 1), (3, 0)] {
        let mut passwords = [PASSWORD, NEW_PASSWORD];
        passwords.rotate_left(at % 2);
        let change = json!({ "current_password": passwords[0], "new_password": passwords[1] });
        ada.post("/api/auth/change-password", change).await.assert_status(204);
        assert_eq!(server.mails().await.len(), told, "after {at} times ten minutes");
        server.services.clock.advance(Duration::from_secs(600));
    }
    // The fifth waits until the first was sent an hour ago, and no longer.
    server.services.clock.advance(Duration::from_secs(2 * 600 - 1));
    assert_eq!(server.mails().await.len(), 0);
    server.services.clock.advance(Duration::from_secs(1));
    assert!(server.mail().await.subject.contains("was changed"));
}

#[apply(on_both_databases!)]
async fn a_1_a_20_one_client_requesting_every_kind_cannot_block_a_reset_of_the_owner(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    verified(&server, "ada").await;
    for _ in 0..4 {
        for path in ["/api/auth/login/email", "/api/auth/verify-email", "/api/auth/recover"] {
            let body = json!({ "email": "Ada@example.com" });
            post_from(&server, path, ("203.0.113.7", CHROME), body)
                .await
                .assert_status(202);
        }
    }
    server.mails().await;
    let body = json!({ "email": "ada@example.com" });
    post_from(&server, "/api/auth/recover", ("198.51.100.1", CHROME), body)
        .await
        .assert_status(202);
    assert_eq!(server.mails().await.len(), 1, "the owner's own");
}

#[apply(on_both_databases!)]
async fn a_1_a_20_other_clients_cannot_block_a_reset_of_the_owner(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    verified(&server, "ada").await;
    let ask = async |from: &str| {
        let body = json!({ "email": "ada@example.com" });
        post_from(&server, "/api/auth/recover", (from, CHROME), body)
            .await
            .assert_status(202);
        server.mails().await
    };
    for asked in 0..10 {
        assert_eq!(ask("203.0.113.7").await.len(), usize::from(asked < 3), "{asked}");
    }
    // Another unauthenticated client, and the owner.
    ask("203.0.113.8").await;
    let mails = ask("198.51.100.7").await;
    assert_eq!(mails.len(), 1);
    let answer = json!({ "token": mails[0].token(), "new_password": NEW_PASSWORD });
    server
        .post("/api/auth/recover/confirm", answer)
        .await
        .assert_status(204);
    login(&server, "ada@example.com", NEW_PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_64_r_68_emails_and_pages_do_not_show_text_of_the_client(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    server.sign_in("ada").await;
    let sent = "Your account is locked, call 555-0100 or see https://evil.example/";
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let tokens = post_from(&server, "/api/auth/login", ("203.0.113.7", sent), body)
        .await
        .assert_status(200)
        .json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let as_ada = |method: &str, path: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", &bearer)
            .header("user-agent", sent)
            .header("accept-language", "en, https://evil.example;q=0.1")
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        server.send(request.unwrap())
    };
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    as_ada("POST", "/api/auth/change-password", change)
        .await
        .assert_status(204);
    let long = "call.555-0100.now.or.see.www.evil.example.today@example.org";
    let ask = json!({ "email": long, "password": NEW_PASSWORD });
    as_ada("POST", "/api/auth/change-email", ask).await.assert_status(202);
    let mails = server.mails().await;
    let token = mails.iter().find(|mail| mail.to == long).unwrap().token();
    let mut mails: Vec<_> = mails.into_iter().filter(|mail| mail.to != long).collect();
    as_ada("POST", "/api/auth/change-email/confirm", json!({ "token": token }))
        .await
        .assert_status(204);
    mails.extend(server.mails().await);
    assert_eq!(mails.len(), 3, "a sign-in, a password, an address: {mails:?}");
    for mail in &mails {
        for part in ["evil", "555", "locked"] {
            assert!(
                !mail.text.contains(part) && !mail.html.contains(part),
                "{part}: {}",
                mail.text
            );
        }
        assert!(
            mail.text.lines().any(|line| line == "Device: Unknown device"),
            "{}",
            mail.text
        );
    }
}

#[apply(on_both_databases!)]
async fn a_15_the_owner_is_notified_of_the_deletion_of_the_account(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    let told = server.mail().await;
    assert!(told.to == ada.email && told.subject.contains("was deleted"), "{told:?}");
    assert!(told.text.contains("198.51.100."), "{}", told.text);
    let kept = server.services.outbox.list(false, 10).await.unwrap();
    assert_eq!(kept.len(), 0, "nothing of an account that is gone is kept");
    // The next owner of the email address starts fresh.
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    assert_eq!(server.mails().await.len(), 1);
}

#[apply(on_both_databases!)]
async fn a_first_sign_in_after_an_invitation_sends_no_notice(database: Database) {
    let server = TestServer::start(database).await;
    let ada = "ada@example.com".parse().unwrap();
    server.services.operator.invite(&ada).await.unwrap();
    let set = json!({ "token": server.mail().await.token(), "new_password": PASSWORD });
    let answer = post_from(&server, "/api/auth/recover/confirm", ("192.0.2.1", CHROME), set).await;
    answer.assert_status(204);
    assert!(server.mail().await.subject.contains("password"), "the password was set");
    let sign_in = async |from: &str| {
        let credentials = json!({ "email": "ada@example.com", "password": PASSWORD });
        let answer = post_from(&server, "/api/auth/login", (from, CHROME), credentials).await;
        answer.assert_status(200);
        let mails = server.mails().await.into_iter();
        mails.map(|mail| mail.subject).collect::<Vec<_>>()
    };
    let first = sign_in("198.51.100.1").await;
    assert!(
        first.is_empty(),
        "the account has signed in nowhere yet, and {first:?} came"
    );
    let second = sign_in("203.0.113.1").await;
    assert!(second.len() == 1 && second[0].starts_with("New sign-in"), "{second:?}");
}

/// Anyone can sign up with the email address of someone else, and an extension of their own choice.
#[apply(on_both_databases!)]
async fn the_local_part_of_the_recipient_is_no_place_for_a_link(database: Database) {
    let server = TestServer::start_with(database, REQUIRED).await;
    register(&server, "ada+www.evil.example/win@example.com", PASSWORD)
        .await
        .assert_status(202);
    let mail = server.mail().await;
    for body in [&mail.text, &mail.html, &mail.subject] {
        assert!(!body.contains("evil.example"), "{body}");
    }
    assert!(mail.text.contains("…@example.com"), "{}", mail.text);
}

/// ADR 9: a notice may be late, but is never lost.
#[apply(on_both_databases!)]
async fn a_15_a_queued_notice_reaches_the_owner_whatever_becomes_of_the_account_and_the_address(database: Database) {
    let server = TestServer::start(database).await;
    // Takes an address that is free again, and leaves.
    let passer_by = async |name: &str| {
        let eve = server.user(name).await;
        eve.delete("/api/auth/me", json!({ "password": PASSWORD }))
            .await
            .assert_status(204);
    };
    let to = async |address: &str| {
        let mails = of_a_day(&server).await;
        mails.iter().filter(|mail| mail.to == address).count()
    };
    let listed = async || server.services.outbox.list(false, 100).await.unwrap();

    for (name, is_deleted) in [("ada", false), ("bea", true)] {
        verified(&server, name).await;
        let owner = server.sign_in(name).await;
        server.mails().await;
        ask_to_change(&owner, &format!("{name}@example.org")).await;
        let token = server.mail().await.token();
        owner
            .post("/api/auth/change-email/confirm", json!({ "token": token }))
            .await
            .assert_status(204);
        passer_by(name).await;
        if is_deleted {
            owner
                .delete("/api/auth/me", json!({ "password": PASSWORD }))
                .await
                .assert_status(204);
        }
        assert_eq!(
            to(&format!("{name}@example.com")).await,
            1,
            "{name}: the address was changed"
        );
    }
    verified(&server, "eva").await;
    server
        .sign_in("eva")
        .await
        .delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    passer_by("eva").await;
    assert_eq!(to("eva@example.com").await, 1, "the account was deleted");
    // Nothing is kept about deleted accounts.
    let kept: Vec<_> = listed().await.into_iter().map(|mail| mail.recipient).collect();
    assert!(kept.iter().all(|recipient| recipient.starts_with("ada@")), "{kept:?}");
}

#[apply(on_both_databases!)]
async fn a_notice_is_not_combined_with_one_about_a_former_account(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let first = server.sign_in("ada").await;
    server.mails().await;
    change_password(&first, 1).await;
    first
        .delete("/api/auth/me", json!({ "password": NEW_PASSWORD }))
        .await
        .assert_status(204);
    let second = server.user("ada").await;
    let account = accounts::find_by_email(&server.services.db, &"ada@example.com".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(server.services.operator.verify_email(&account).await.unwrap());
    change_password(&second, 1).await;
    let queued = server.services.outbox.list(true, 100).await.unwrap();
    let about = queued.iter().filter(|mail| mail.purpose == "password_changed");
    assert_eq!(about.count(), 2);
    let own = server.services.outbox.list_for(account.id).await.unwrap();
    assert!(own.iter().any(|mail| mail.purpose == "password_changed"), "{own:?}");
}
