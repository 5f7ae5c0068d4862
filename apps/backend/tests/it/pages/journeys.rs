//! Typed values and the destination survive every step, and each page shows what is known.

use std::time::Duration;

use countersign::features::identity::accounts;
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};

use super::{Browser, NEW_PASSWORD, ORIGIN, SIGNED_IN};

const SOMEWHERE: &str = "/account?x=1";
/// The same in a query.
const RETURN_TO: &str = "return_to=/account?x=1";

fn says(page: &str, text: &str) {
    assert!(page.contains(text), "{text}: {page}");
}

#[apply(on_both_databases!)]
async fn a_signed_in_browser_sees_its_account_and_can_use_another_one(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let page = ada.get(&format!("/signin?{RETURN_TO}")).await.assert_status(200).text;
    says(&page, "ada@example.com");
    says(&page, &format!("href=\"{SOMEWHERE}\""));
    assert!(!page.contains("name=\"password\""), "{page}");
    let out = format!("/signout?return_to=/signin?{RETURN_TO}");
    says(&page, &format!("action=\"{out}\""));
    let out = ada.post(&out, &[]).await.assert_status(303);
    assert_eq!(out.header("location"), format!("/signin?{RETURN_TO}"));
    assert_eq!(ada.cookie(SIGNED_IN), None);
    let page = ada.follow(out).await.text;
    says(&page, "name=\"password\"");
    says(&page, &format!("action=\"/signin?{RETURN_TO}\""));
    // It does not lead to other sites.
    let mut eve = Browser::sign_up(&server, "eve").await;
    let out = eve.post("/signout?return_to=//evil.example", &[]).await;
    assert_eq!(out.header("location"), "/done/signed-out");
}

#[apply(on_both_databases!)]
async fn what_was_typed_is_there_on_the_next_page(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let mut browser = Browser::new(&server);
    let fields = [("email", "ada@example.com"), ("password", "not the password")];
    browser.post("/signin", &fields).await.assert_status(422);
    for path in ["/signin", "/signup", "/recover", "/signin/email", "/verify"] {
        says(&browser.get(path).await.text, "value=\"ada@example.com\"");
    }
    // Another browser shows nothing, and neither does this one after signing out again.
    assert!(!Browser::new(&server).get("/recover").await.text.contains("ada@"));
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    browser.post("/signin", &fields).await.assert_status(303);
    browser.post("/signout", &[]).await.assert_status(303);
    assert!(!browser.get("/signin").await.text.contains("ada@"));
    // A value that is too long for a cookie is not stored.
    let long = format!("{}@example.com", "a".repeat(9_000));
    let fields = [("email", &*long), ("password", PASSWORD)];
    let answer = browser.post("/signin", &fields).await.assert_status(422);
    assert!(
        answer
            .headers
            .get_all("set-cookie")
            .iter()
            .all(|cookie| cookie.len() < 4_096)
    );
}

#[apply(on_both_databases!)]
async fn a_sign_in_by_email_and_a_recovery_lead_where_the_person_was_going(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    server.mails().await;
    let mut browser = Browser::new(&server);
    let page = browser.get(&format!("/signin?{RETURN_TO}")).await.text;
    for path in ["/recover", "/signin/email", "/signup"] {
        says(&page, &format!("href=\"{path}?{RETURN_TO}\""));
        let next = browser.get(&format!("{path}?{RETURN_TO}")).await.text;
        says(&next, &format!("?{RETURN_TO}\">"));
        says(&next, &format!("href=\"/signin?{RETURN_TO}\""));
    }
    let fields = [("email", "ada@example.com")];
    let asked = browser.post(&format!("/signin/email/ask?{RETURN_TO}"), &fields).await;
    let code_page = browser.follow(asked).await.text;
    says(&code_page, &format!("action=\"/signin/email?{RETURN_TO}\""));
    let code = server.mail().await.code();
    let answer = [("email", "ada@example.com"), ("code", &*code)];
    let signed_in = browser.post(&format!("/signin/email?{RETURN_TO}"), &answer).await;
    assert_eq!(signed_in.assert_status(303).header("location"), SOMEWHERE);

    let mut browser = Browser::new(&server);
    let asked = browser.post(&format!("/recover?{RETURN_TO}"), &fields).await;
    asked.assert_status(303);
    let mails = server.mails().await;
    let token = mails
        .iter()
        .rfind(|mail| mail.link().contains("/recover/password?"))
        .unwrap()
        .token();
    let answer = [("token", &*token), ("new_password", NEW_PASSWORD)];
    // The link says nothing of it, but the server knows: also in a browser that never asked.
    let mut elsewhere = Browser::new(&server);
    let page = elsewhere.get(&format!("/recover/password?token={token}")).await.text;
    says(&page, &format!("action=\"/recover/password?{RETURN_TO}\""));
    let recovered = browser.post(&format!("/recover/password?{RETURN_TO}"), &answer).await;
    says(
        &browser.follow(recovered).await.text,
        &format!("href=\"/signin?{RETURN_TO}\""),
    );
    // Once it was used, it still leads there.
    let used = elsewhere.get(&format!("/recover/password?token={token}")).await.text;
    says(&used, &format!("href=\"/signin?{RETURN_TO}\""));
    // Not to other sites, whatever the URL of a form contains.
    let mut browser = Browser::new(&server);
    let asked = browser
        .post("/signin/email/ask?return_to=//evil.example", &fields)
        .await;
    assert_eq!(asked.assert_status(303).header("location"), "/signin/email/code");
    let mails = server.mails().await;
    let mail = mails
        .iter()
        .rfind(|mail| mail.link().contains("/signin/email?"))
        .unwrap();
    let signed_in = browser.post("/signin/email", &[("token", &*mail.token())]).await;
    assert_eq!(signed_in.assert_status(303).header("location"), "/account");
}

#[apply(on_both_databases!)]
async fn after_a_sign_up_the_page_says_what_has_happened(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::new(&server);
    let signed_up = ada
        .post("/signup", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await;
    let page = ada.follow(signed_up).await.text;
    says(&page, "Your account has been created, and you’re signed in.");
    says(&page, "We sent an email to ada@example.com.");
    says(&page, "href=\"/account\">Continue</a>");
    // A request for an email does not reveal whether the account exists.
    let mut eve = Browser::new(&server);
    for path in ["/verify/ask", "/recover", "/signin/email/ask"] {
        let asked = eve.post(path, &[("email", "ada@example.com")]).await;
        says(
            &eve.follow(asked).await.text,
            "If there’s an account for ada@example.com",
        );
    }
}

#[apply(on_both_databases!)]
async fn where_emails_must_be_confirmed_the_code_of_a_sign_up_signs_in(database: Database) {
    let server = TestServer::start_with(database, "email_verification = \"required\"\n").await;
    let mut ada = Browser::new(&server);
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    let asked = ada.post(&format!("/signup?{RETURN_TO}"), &fields).await;
    says(&ada.follow(asked).await.text, "We sent an email to ada@example.com.");
    let mail = server.mail().await;
    // The code of one browser does not work in another.
    let answer = [("email", "ada@example.com"), ("code", &*mail.code())];
    let mut eve = Browser::new(&server);
    eve.post("/verify", &answer).await.assert_status(422);
    assert!(!eve.is_signed_in().await);
    let verified = ada.post(&format!("/verify?{RETURN_TO}"), &answer).await;
    let page = ada.follow(verified).await.text;
    says(&page, "Your email address is confirmed");
    says(&page, &format!("href=\"{SOMEWHERE}\""));
    assert!(ada.is_signed_in().await, "the password and the code are all it takes");
    // In another browser, the password signs in with the link.
    let mut bob = Browser::new(&server);
    let fields = [("email", "bob@example.com"), ("password", PASSWORD)];
    bob.post("/signup", &fields).await.assert_status(303);
    let token = server.mail().await.token();
    let mut elsewhere = Browser::new(&server);
    let answer = [("token", &*token), ("password", PASSWORD)];
    elsewhere.post("/verify", &answer).await.assert_status(303);
    assert!(elsewhere.is_signed_in().await);
    assert!(!bob.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn an_invitation_welcomes_a_new_user(database: Database) {
    let server = TestServer::start(database).await;
    let email = "ada@example.com".parse().unwrap();
    server.services.operator.invite(&email).await.unwrap();
    let token = server.mail().await.token();
    let mut ada = Browser::new(&server);
    let page = ada.get(&format!("/recover/password?token={token}")).await.text;
    says(&page, "Welcome to Countersign");
    says(&page, "name=\"username\" value=\"ada@example.com\"");
    assert!(!page.contains("signs you out"), "{page}");
    let answer = [("token", &*token), ("new_password", NEW_PASSWORD)];
    let chosen = ada.post("/recover/password", &answer).await;
    says(&ada.follow(chosen).await.text, "Your account is ready");
    // A forged link reveals nothing.
    for forged in ["x", &format!("csl_{}", "A".repeat(43))] {
        let page = ada.get(&format!("/recover/password?token={forged}")).await.text;
        says(&page, "This link or code has expired or was already used.");
        assert!(!page.contains("name=\"username\""), "{page}");
    }
}

#[apply(on_both_databases!)]
async fn a_wrong_current_password_is_shown_next_to_its_field(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for (path, field, rest) in [
        (
            "/account/password",
            "current_password",
            &[("new_password", NEW_PASSWORD)][..],
        ),
        ("/account/email", "email_password", &[("email", "ada@example.org")]),
        ("/account/delete", "delete_password", &[]),
    ] {
        let mut fields = rest.to_vec();
        fields.push((field, "not the password"));
        let answer = ada.post(path, &fields).await.assert_status(422);
        says(
            &answer.text,
            &format!("id=\"{field}-wrong\">That’s not your current password."),
        );
        assert_eq!(answer.text.matches("class=\"wrong\"").count(), 1, "{}", answer.text);
        assert!(
            !answer.text.contains("role=\"alert\""),
            "one error, in one place: {}",
            answer.text
        );
        assert_eq!(
            answer.text.matches(" open>").count(),
            1,
            "its row is open: {}",
            answer.text
        );
    }
}

#[apply(on_both_databases!)]
async fn a_limit_says_when_it_is_over(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nlogin_per_account = \"1/1h\"\n").await;
    let mut browser = Browser::new(&server);
    let fields = [("email", "ada@example.com"), ("password", "not the password")];
    browser.post("/signin", &fields).await.assert_status(422);
    server.services.clock.advance(Duration::from_secs(60));
    let answer = browser.post("/signin", &fields).await.assert_status(429);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    says(&answer.text, &format!("data-wait=\"{seconds}\""));
    says(&answer.text, &format!(">{}:{:02}</time>", seconds / 60, seconds % 60));
}

#[apply(on_both_databases!)]
async fn a_limit_on_a_page_without_a_form_says_when_it_is_over(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nexport_per_account = \"1/1h\"\n").await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    ada.post("/account/export", &[]).await.assert_status(200);
    let answer = ada.post("/account/export", &[]).await.assert_status(429);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    says(&answer.text, &format!("data-wait=\"{seconds}\""));
    assert_eq!(answer.text.matches("Too many attempts").count(), 1, "{}", answer.text);
}

#[apply(on_both_databases!)]
async fn every_row_of_the_account_says_something(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let page = ada.get("/account").await.text;
    assert!(!page.contains("<span class=\"value\"></span>"), "{page}");
    says(&page, "You’re not signed in on any other device.");
    assert!(!page.contains("Sign out everywhere"), "{page}");
    server.sign_in("ada").await;
    let page = ada.get("/account").await.text;
    says(&page, "Sign out everywhere");
    assert!(!page.contains("any other device"), "{page}");
}

#[apply(on_both_databases!)]
async fn a_number_of_characters_has_its_plural_form(database: Database) {
    for (least, form) in [(8, "أحرف"), (15, "حرفًا")] {
        let server = TestServer::start_with(database, &format!("[passwords]\nmin_length = {least}\n")).await;
        let mut browser = Browser::new(&server);
        browser
            .post("/language/", &[("language", "ar")])
            .await
            .assert_status(303);
        let page = browser.get("/signup").await.text;
        says(&page, &format!("{least}\u{2069} {form} على الأقل"));
        let fields = [("email", "ada@example.com"), ("password", "short")];
        let refused = browser.post("/signup", &fields).await.assert_status(422).text;
        says(&refused, &format!("استخدم \u{2068}{least}\u{2069} {form} على الأقل."));
    }
}

#[apply(on_both_databases!)]
async fn where_emails_must_be_confirmed_an_older_account_enters_its_password_once(database: Database) {
    let server = TestServer::start_with(database, "email_verification = \"required\"\n").await;
    let (to, ada) = ("ada@example.com", "ada@example.com".parse().unwrap());
    let operator = server.services.command_line();
    server
        .services
        .accounts
        .register(ada, PASSWORD.to_owned().into(), &Default::default(), operator)
        .await
        .unwrap();
    let mut browser = Browser::new(&server);
    let fields = [("email", to), ("password", PASSWORD)];
    let asked = browser.post(&format!("/signin?{RETURN_TO}"), &fields).await;
    assert!(!browser.is_signed_in().await);
    says(
        &browser.follow(asked).await.text,
        "To sign in, confirm your email address. We sent an email to ada@example.com.",
    );
    let mail = server.mail().await;
    let path = mail.link().strip_prefix(ORIGIN).unwrap().to_owned();
    // The password was entered in this browser alone.
    let mut elsewhere = Browser::new(&server);
    says(&elsewhere.get(&path).await.text, "name=\"password\"");
    let link = [("token", &*mail.token())];
    elsewhere.post("/verify", &link).await.assert_status(422);
    assert!(!browser.get(&path).await.text.contains("name=\"password\""));
    let answer = [("email", to), ("code", &*mail.code())];
    let verified = browser.post(&format!("/verify?{RETURN_TO}"), &answer).await;
    let page = browser.follow(verified.assert_status(303)).await.text;
    says(&page, "Your email address is confirmed");
    says(&page, &format!("href=\"{SOMEWHERE}\""));
    assert!(browser.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn a_password_that_was_entered_before_it_changed_confirms_nothing(database: Database) {
    let server = TestServer::start_with(database, "email_verification = \"required\"\n").await;
    let (to, ada) = ("ada@example.com", "ada@example.com".parse().unwrap());
    let operator = server.services.command_line();
    let account = server
        .services
        .accounts
        .register(ada, PASSWORD.to_owned().into(), &Default::default(), operator)
        .await
        .unwrap();
    let mut browser = Browser::new(&server);
    let fields = [("email", to), ("password", PASSWORD)];
    browser.post("/signin", &fields).await.assert_status(303);
    let mail = server.mail().await;
    let now = server.services.clock.now();
    server
        .services
        .db
        .transact(|tx| {
            let id = account.id;
            Box::pin(async move {
                accounts::change_password(tx, id, None, "$argon2id$none", now)
                    .await
                    .map(drop)
            })
        })
        .await
        .unwrap();
    let answer = [("email", to), ("code", &*mail.code())];
    browser.post("/verify", &answer).await.assert_status(422);
    // A request without the password proves nothing, even in the same browser.
    browser.post("/verify/ask", &[("email", to)]).await.assert_status(303);
    let answer = [("email", to), ("code", &*server.mail().await.code())];
    let refused = browser.post("/verify", &answer).await.assert_status(422).text;
    says(&refused, "name=\"password\"");
    assert!(!browser.is_signed_in().await);
}
