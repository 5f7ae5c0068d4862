//! From the pages back into an application of the same owner, and nowhere else.

use axum::body::Body;
use axum::http::Request;
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{Browser, NEW_PASSWORD, ORIGIN, encoded, form};

/// Two applications of a server in production.
const APPLICATIONS: &str = "issuer = \"https://auth.example.com\"
[[applications]]
name = \"Orders & <more>\"
origins = [\"https://app.example.com\", \"https://app.example.com:8443\"]
start = \"https://app.example.com/start\"
[[applications]]
name = \"Shop\"
origins = [\"https://shop.example.com\"]
";
const ORDER: &str = "https://app.example.com/orders/7?a=1&b=%2F#c";
/// The same as the value of a query.
const ORDER_IN_QUERY: &str = "https://app.example.com/orders/7?a=1%26b=%252F%23c";

/// What is no place of this server or its applications.
fn elsewhere() -> Vec<String> {
    let long = format!("https://app.example.com/{}", "a".repeat(2_100));
    let fixed = [
        // Other hosts, and those that begin or end like an application's.
        "https://evil.example",
        "https://evil.example/https://app.example.com/",
        "https://evil.example?https://app.example.com/",
        "https://evil.example#https://app.example.com/",
        "https://app.example.com.evil.example/",
        "https://app.example.community/",
        "https://evilapp.example.com/",
        "https://app-example.com/",
        "https://example.com/",
        "https://sub.app.example.com/",
        "https://app.example.com./",
        // Another scheme or port is another origin.
        "http://app.example.com/",
        "https://app.example.com:444/",
        "https://shop.example.com:8443/",
        "https://app.example.com:443/",
        "https://app.example.com:/",
        "https://app.example.com:08443/",
        // User information.
        "https://app.example.com@evil.example/",
        "https://app.example.com:8443@evil.example/",
        "https://evil.example@app.example.com/",
        "https://ada:secret@app.example.com/",
        // What parsers read in different ways.
        "https://app.example.com\\@evil.example/",
        "https://evil.example\\@app.example.com/",
        "https:\\\\app.example.com/",
        "https:/\\app.example.com/",
        "https:app.example.com",
        "https:/app.example.com/",
        "https:///app.example.com/",
        "//app.example.com/",
        "///app.example.com/",
        "/\\app.example.com/",
        "HTTPS://app.example.com/",
        "https://APP.example.com/",
        "https://app%2eexample.com/",
        "https://app.example.com%2f@evil.example/",
        "https://app.example.com%00.evil.example/",
        "https://app\u{ff0e}example.com/",
        "https://app.example.com\u{3002}evil.example/",
        "https://\u{430}pp.example.com/",
        "https://app.example.com /",
        " https://app.example.com/",
        "https://app.example.com/\t",
        "https://app.exa\nmple.com/",
        "https://app.example.com/\r\nSet-Cookie: a=b",
        "https://app.example.com/\0",
        "https://app.example.com/\u{e9}",
        // Other schemes.
        "javascript:alert(1)//https://app.example.com/",
        "javascript://app.example.com/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "blob:https://app.example.com/7",
        "view-source:https://app.example.com/",
        "app://app.example.com/",
        "ftp://app.example.com/",
        "file:///etc/passwd",
        // Loopback, which only a server for development allows.
        "http://localhost:3000/",
        "http://127.0.0.1:3000/",
        "http://[::1]:3000/",
        // No place at all.
        "null",
        "*",
        "https://*.example.com/",
        "https://",
        &long,
    ];
    fixed.into_iter().map(str::to_owned).collect()
}

fn returning(path: &str, asked: &str) -> String {
    format!("{path}?{}", encoded(&[("return_to", asked)]))
}

/// Submits a form as a browser does, and returns where it leads.
async fn leads(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> String {
    let request = form(path).header("sec-fetch-site", "same-origin");
    let answer = server.send(request.body(Body::from(encoded(fields))).unwrap()).await;
    answer.assert_status(303).header("location").to_owned()
}

#[apply(on_both_databases!)]
async fn a_91_no_page_leads_anywhere_but_to_applications(database: Database) {
    let server = TestServer::start_with(database, APPLICATIONS).await;
    server.user("ada").await;
    let sign_in = [("email", "ada@example.com"), ("password", PASSWORD)];
    for asked in elsewhere() {
        for path in [
            "/signin",
            "/signup",
            "/recover",
            "/verify",
            "/signin/email",
            "/signout",
            "/",
        ] {
            let answer = server.get(&returning(path, &asked)).await.assert_status(200);
            assert!(!answer.text.contains("return_to"), "{path} {asked:?}: {}", answer.text);
            assert!(!answer.text.contains("Back to Orders"), "{path} {asked:?}");
        }
        assert_eq!(
            leads(&server, &returning("/signin", &asked), &sign_in).await,
            "/account",
            "{asked:?}"
        );
        assert_eq!(
            leads(&server, &returning("/signout", &asked), &[]).await,
            "/done/signed-out",
            "{asked:?}"
        );
        let language = [("language", "de")];
        let path = returning("/language/signin", &asked);
        // The page that it leads to reads the destination again.
        let back = leads(&server, &path, &language).await;
        assert!(back.starts_with("/signin?") || back == "/", "{asked:?}: {back}");
        let email = [("email", "nobody@example.com")];
        assert_eq!(
            leads(&server, &returning("/recover", &asked), &email).await,
            "/recover/code",
            "{asked:?}"
        );
    }
    // Twice is not once, and a field of a form does not count.
    for path in [
        "/signin?return_to=https://app.example.com/&return_to=https://shop.example.com/".to_owned(),
        "/signin?return_to=".to_owned(),
        "/signin?return_to".to_owned(),
        "/signin?Return_To=https://app.example.com/".to_owned(),
    ] {
        assert_eq!(leads(&server, &path, &sign_in).await, "/account", "{path}");
    }
}

#[apply(on_both_databases!)]
async fn a_sign_in_leads_to_the_page_of_the_application(database: Database) {
    let server = TestServer::start_with(database, APPLICATIONS).await;
    server.user("ada").await;
    let sign_in = [("email", "ada@example.com"), ("password", PASSWORD)];
    for (asked, expected) in [
        (ORDER, ORDER),
        ("https://app.example.com", "https://app.example.com/"),
        ("https://app.example.com:8443/x", "https://app.example.com:8443/x"),
        ("https://shop.example.com/a/../b//c", "https://shop.example.com/b//c"),
        (
            "https://app.example.com/@evil.example",
            "https://app.example.com/@evil.example",
        ),
        (
            "https://app.example.com//evil.example",
            "https://app.example.com//evil.example",
        ),
        (
            "https://app.example.com/?u=https://evil.example/",
            "https://app.example.com/?u=https://evil.example/",
        ),
        ("https://auth.example.com/account?x=1", "/account?x=1"),
        ("/account?x=1", "/account?x=1"),
    ] {
        assert_eq!(leads(&server, &returning("/signin", asked), &sign_in).await, expected);
        assert_eq!(leads(&server, &returning("/signout", asked), &[]).await, expected);
    }
    // Every link and form of a page carries it, and no field does.
    let page = server.get(&returning("/signin", ORDER)).await.text;
    for link in ["/signin", "/signup", "/signin/email", "/recover", "/language/signin"] {
        let link = format!("=\"{link}?return_to={ORDER_IN_QUERY}\"");
        assert!(page.contains(&link), "{link}: {page}");
    }
    assert!(!page.contains("name=\"return_to\""), "{page}");
    // Its start page is where a visitor gets back to who is not signed in.
    let back = "<a class=\"back\" href=\"https://app.example.com/start\">Back to Orders &#38; &#60;more&#62;</a>";
    assert!(page.contains(back), "{page}");
    assert!(!server.get("/signin").await.text.contains("class=\"back\""));
    // Its policy lets the form lead to any application.
    let policy = server.get("/signin").await.header("content-security-policy").to_owned();
    let targets = "form-action 'self' https://app.example.com https://app.example.com:8443 https://shop.example.com;";
    assert!(policy.contains(targets), "{policy}");
}

/// On a server for development: any page on localhost, and one application beside it.
const ONE: &str = "[[applications]]
name = \"Orders\"
origins = [\"https://app.example.com\"]
start = \"https://app.example.com/start\"
";

#[apply(on_both_databases!)]
async fn a_destination_survives_sign_up_mail_and_another_browser(database: Database) {
    for toml in [ONE.to_owned(), format!("email_verification = \"required\"\n{ONE}")] {
        let server = TestServer::start_with(database, &toml).await;
        let mut ada = Browser::new(&server);
        let page = ada.get(&returning("/signin", ORDER)).await.text;
        let sign_up = format!("/signup?return_to={ORDER_IN_QUERY}");
        assert!(page.contains(&format!("href=\"{sign_up}\"")), "{page}");
        let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
        let asked = ada.post(&sign_up, &fields).await.assert_status(303);
        assert_eq!(
            asked.header("location"),
            format!("/verify/code?return_to={ORDER_IN_QUERY}")
        );
        let page = ada.follow(asked).await.text;
        assert!(
            page.contains(&format!("action=\"/verify?return_to={ORDER_IN_QUERY}\"")),
            "{page}"
        );
        let token = server.mail().await.token();
        // The link is opened in a browser that has never been here.
        let mut phone = Browser::new(&server);
        let page = phone.get(&format!("/verify?token={token}")).await.text;
        assert!(
            page.contains(&format!("action=\"/verify?return_to={ORDER_IN_QUERY}\"")),
            "{page}"
        );
        assert!(page.contains(">Back to Orders</a>"), "{page}");
        let answer = [("token", &*token), ("password", PASSWORD)];
        let verified = phone
            .post(&format!("/verify?return_to={ORDER_IN_QUERY}"), &answer)
            .await;
        let page = phone.follow(verified).await.text;
        let onward = ORDER.replace('&', "&#38;");
        assert!(
            page.contains(&format!("href=\"{onward}\">Continue to Orders</a>")),
            "{page}"
        );
        // Used up, it still says so and leads on.
        let page = phone.get(&format!("/verify?token={token}")).await.text;
        assert!(page.contains("already confirmed") && page.contains(&onward), "{page}");
    }
}

#[apply(on_both_databases!)]
async fn a_recovery_and_a_mailed_sign_in_lead_on_from_any_browser(database: Database) {
    let server = TestServer::start_with(database, ONE).await;
    server.user("ada").await;
    server.mails().await;
    let email = [("email", "ada@example.com")];
    Browser::new(&server)
        .post(&returning("/signin/email/ask", ORDER), &email)
        .await
        .assert_status(303);
    let token = server.mail().await.token();
    let mut phone = Browser::new(&server);
    let page = phone.get(&format!("/signin/email?token={token}")).await.text;
    let action = format!("/signin/email?return_to={ORDER_IN_QUERY}");
    assert!(page.contains(&format!("action=\"{action}\"")), "{page}");
    let signed_in = phone.post(&action, &[("token", &*token)]).await.assert_status(303);
    assert_eq!(signed_in.header("location"), ORDER);
    server.mails().await;
    Browser::new(&server)
        .post(&returning("/recover", ORDER), &email)
        .await
        .assert_status(303);
    let token = server.mail().await.token();
    let mut tablet = Browser::new(&server);
    let page = tablet.get(&format!("/recover/password?token={token}")).await.text;
    let action = format!("/recover/password?return_to={ORDER_IN_QUERY}");
    assert!(page.contains(&format!("action=\"{action}\"")), "{page}");
    let set = tablet
        .post(&action, &[("token", &*token), ("new_password", NEW_PASSWORD)])
        .await;
    let page = tablet.follow(set).await.text;
    assert!(
        page.contains(&format!("href=\"/signin?return_to={ORDER_IN_QUERY}\"")),
        "{page}"
    );
}

#[apply(on_both_databases!)]
async fn a_change_of_language_and_of_account_keep_the_destination(database: Database) {
    let server = TestServer::start_with(database, ONE).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for (language, back) in [
        ("en", "Back to Orders"),
        ("de", "Zurück zu Orders"),
        ("fr", "Retour à Orders"),
        ("es", "Volver a Orders"),
        ("ja", "Orders に戻る"),
        ("zh-Hans", "返回 Orders"),
        ("ar", "العودة إلى Orders"),
    ] {
        let form = format!("/language/account?return_to={ORDER_IN_QUERY}");
        let chosen = ada.post(&form, &[("language", language)]).await;
        let page = ada.follow(chosen).await.text.replace(['\u{2068}', '\u{2069}'], "");
        assert!(page.contains(&format!("action=\"{form}\"")), "{language}: {page}");
        let onward = ORDER.replace('&', "&#38;");
        assert!(
            page.contains(&format!("href=\"{onward}\">{back}</a>")),
            "{language}: {page}"
        );
    }
    // Without a destination, the only application's start page.
    let page = ada.get("/account").await.text;
    assert!(page.contains("href=\"https://app.example.com/start\""), "{page}");
    // Signed in already, another account leads to the same place.
    ada.post("/language/", &[("language", "en")]).await.assert_status(303);
    let page = ada.get(&returning("/signin", ORDER)).await.text;
    assert!(page.contains(">Continue to Orders</a>"), "{page}");
    let out = format!(
        "/signout?return_to=/signin?return_to={}",
        ORDER_IN_QUERY.replace('%', "%25")
    );
    assert!(page.contains(&format!("action=\"{out}\"")), "{page}");
    let out = ada.post(&out, &[]).await.assert_status(303);
    assert_eq!(out.header("location"), format!("/signin?return_to={ORDER_IN_QUERY}"));
    // Signed out, the account page asks to sign in and to come back with the destination.
    let first = ada
        .get(&returning("/account", "https://app.example.com/"))
        .await
        .assert_status(303);
    let expected = "/signin?return_to=/account?return_to=https://app.example.com/";
    assert_eq!(first.header("location"), expected);
}

#[apply(on_both_databases!)]
async fn in_development_any_page_on_localhost_is_an_application(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let sign_in = [("email", "ada@example.com"), ("password", PASSWORD)];
    for asked in [
        "http://localhost:5173/orders",
        "https://localhost/",
        "http://127.0.0.1:3000/",
        "http://app.localhost:8080/x",
        "http://[::1]:3000/",
    ] {
        assert_eq!(leads(&server, &returning("/signin", asked), &sign_in).await, asked);
    }
    let page = server.get(&returning("/signin", "http://localhost:5173/orders")).await;
    assert!(
        page.text
            .contains("href=\"http://localhost:5173/\">Back to localhost</a>"),
        "{}",
        page.text
    );
    // A link names the host that it leads to.
    for (asked, label) in [
        ("http://127.0.0.1:3000/x", "Back to 127.0.0.1</a>"),
        ("http://app.localhost:8080/x", "Back to app.localhost</a>"),
        ("http://[::1]:3000/", "Back to [::1]</a>"),
    ] {
        let page = server.get(&returning("/signin", asked)).await.text;
        assert!(page.contains(label), "{asked}: {page}");
    }
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' http://localhost:* http://*.localhost:* http://127.0.0.1:*;"),
        "{policy}"
    );
    // A URL of this server is a page of it.
    let own = format!("{ORIGIN}/account?x=1");
    assert_eq!(
        leads(&server, &returning("/signin", &own), &sign_in).await,
        "/account?x=1"
    );
    for asked in [
        "https://evil.example/",
        "http://192.168.0.1/",
        "http://localhost.evil.example/",
    ] {
        assert_eq!(leads(&server, &returning("/signin", asked), &sign_in).await, "/account");
    }
}

#[apply(on_both_databases!)]
async fn an_application_on_the_host_of_the_server_has_its_other_paths(database: Database) {
    let toml = format!("[[applications]]\nname = \"Orders\"\norigins = [\"{ORIGIN}\"]\n");
    let server = TestServer::start_with(database, &toml).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for asked in ["/orders/7", "http://127.0.0.1:8000/orders/7"] {
        let page = ada.get(&returning("/signin", asked)).await.text;
        assert!(page.contains("href=\"/orders/7\">Continue to Orders</a>"), "{page}");
    }
    let page = ada.get("/signin?return_to=/account").await.text;
    assert!(page.contains("href=\"/account\">Continue</a>"), "{page}");
}

/// An application with pages of its own for the links of emails.
const WITH_LINKS: &str = "issuer = \"https://auth.example.com\"
[[applications]]
name = \"Orders\"
origins = [\"https://app.example.com\"]
[applications.mail_links]
verify = \"https://app.example.com/verify\"
recover = \"https://app.example.com/recover?from=mail\"
sign_in = \"https://app.example.com/sign-in\"
invite = \"https://app.example.com/welcome\"
change_email = \"https://app.example.com/change-email\"
";
const ANOTHER: &str = "[[applications]]\nname = \"Shop\"\norigins = [\"https://shop.example.com\"]\n";

/// Calls the API from a page of this origin; returns the link of the email that it causes.
async fn mailed(server: &TestServer, path: &str, origin: Option<&str>, body: serde_json::Value) -> String {
    server.mails().await;
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let answer = server.send(request.body(Body::from(body.to_string())).unwrap()).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    server.mail().await.link()
}

#[apply(on_both_databases!)]
async fn the_links_of_emails_lead_to_the_application_that_asked(database: Database) {
    let email = json!({ "email": "ada@example.com" });
    let two = format!("{WITH_LINKS}{ANOTHER}");
    for (toml, origin, verify, recover, sign_in) in [
        // Its own pages.
        (
            two.as_str(),
            Some("https://app.example.com"),
            "https://app.example.com/verify?token=",
            "https://app.example.com/recover?from=mail&token=",
            "https://app.example.com/sign-in?token=",
        ),
        // An application without any.
        (
            two.as_str(),
            Some("https://shop.example.com"),
            "https://auth.example.com/verify?token=",
            "https://auth.example.com/recover/password?token=",
            "https://auth.example.com/signin/email?token=",
        ),
        // No application, or one that is not listed: with two, none of them.
        (
            two.as_str(),
            None,
            "https://auth.example.com/verify?token=",
            "https://auth.example.com/recover/password?token=",
            "https://auth.example.com/signin/email?token=",
        ),
        (
            two.as_str(),
            Some("https://evil.example"),
            "https://auth.example.com/verify?token=",
            "https://auth.example.com/recover/password?token=",
            "https://auth.example.com/signin/email?token=",
        ),
        // The only one is used for every client.
        (
            WITH_LINKS,
            Some("https://evil.example"),
            "https://app.example.com/verify?token=",
            "https://app.example.com/recover?from=mail&token=",
            "https://app.example.com/sign-in?token=",
        ),
    ] {
        let server = TestServer::start_with(database, toml).await;
        let account = json!({ "email": "ada@example.com", "password": PASSWORD });
        let link = mailed(&server, "/api/auth/register", origin, account).await;
        assert!(link.starts_with(verify), "{origin:?}: {link}");
        let token = link.strip_prefix(verify).unwrap();
        let confirm = json!({ "token": token, "password": PASSWORD });
        server
            .post("/api/auth/verify-email/confirm", confirm)
            .await
            .assert_status(204);
        let link = mailed(&server, "/api/auth/recover", origin, email.clone()).await;
        assert!(link.starts_with(recover), "{origin:?}: {link}");
        let confirm = json!({ "token": link.strip_prefix(recover).unwrap(), "new_password": NEW_PASSWORD });
        server
            .post("/api/auth/recover/confirm", confirm)
            .await
            .assert_status(204);
        let link = mailed(&server, "/api/auth/login/email", origin, email.clone()).await;
        assert!(link.starts_with(sign_in), "{origin:?}: {link}");
        let confirm = json!({ "token": link.strip_prefix(sign_in).unwrap() });
        let tokens = server
            .post("/api/auth/login/email/confirm", confirm)
            .await
            .assert_status(200)
            .json();
        let request = Request::post("/api/auth/change-email")
            .header("content-type", "application/json")
            .header(
                "authorization",
                format!("Bearer {}", tokens["access_token"].as_str().unwrap()),
            );
        let request = origin
            .into_iter()
            .fold(request, |request, origin| request.header("origin", origin));
        let body = json!({ "email": "ada@example.org", "password": NEW_PASSWORD });
        server.mails().await;
        server
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await
            .assert_status(202);
        let link = server.mail().await.link();
        let own = verify.starts_with("https://app.");
        let host = if own {
            "https://app.example.com"
        } else {
            "https://auth.example.com"
        };
        assert!(
            link.starts_with(&format!("{host}/change-email?token=")),
            "{origin:?}: {link}"
        );
        let email = "bob@example.com".parse().unwrap();
        server.services.operator.invite(&email).await.unwrap();
        let link = server.mail().await.link();
        let expected = match toml == WITH_LINKS {
            true => "https://app.example.com/welcome?token=",
            false => "https://auth.example.com/recover/password?token=",
        };
        assert!(link.starts_with(expected), "{link}");
    }
}

#[apply(on_both_databases!)]
async fn on_pages_the_destination_decides_which_application_a_link_opens(database: Database) {
    let server = TestServer::start_with(database, &format!("{WITH_LINKS}{ANOTHER}")).await;
    server.user("ada").await;
    let email = [("email", "ada@example.com")];
    for (asked, expected) in [
        (
            "https://app.example.com/orders",
            "https://app.example.com/recover?from=mail&token=",
        ),
        (
            "https://shop.example.com/",
            "https://auth.example.com/recover/password?token=",
        ),
        (
            "https://evil.example/",
            "https://auth.example.com/recover/password?token=",
        ),
        ("/account", "https://auth.example.com/recover/password?token="),
    ] {
        server.mails().await;
        leads(&server, &returning("/recover", asked), &email).await;
        let link = server.mail().await.link();
        assert!(link.starts_with(expected), "{asked}: {link}");
    }
}

#[apply(on_both_databases!)]
async fn an_email_that_the_application_asked_for_leads_back_to_it(database: Database) {
    // Without pages of its own: the link opens ours, which lead back to its start page.
    let server = TestServer::start_with(database, &format!("email_verification = \"required\"\n{ONE}{ANOTHER}")).await;
    let account = json!({ "email": "ada@example.com", "password": PASSWORD });
    let origin = Some("https://app.example.com");
    let link = mailed(&server, "/api/auth/register", origin, account.clone()).await;
    let mut phone = Browser::new(&server);
    let page = phone.get(link.strip_prefix(ORIGIN).unwrap()).await.text;
    assert!(
        page.contains("action=\"/verify?return_to=https://app.example.com/start\""),
        "{page}"
    );
    let (_, token) = link.split_once("token=").unwrap();
    let confirm = json!({ "token": token, "password": PASSWORD });
    server
        .post("/api/auth/verify-email/confirm", confirm)
        .await
        .assert_status(204);
    // Signing up again sends a link to sign in, which leads back as well.
    let link = mailed(&server, "/api/auth/register", origin, account).await;
    assert_eq!(link, format!("{ORIGIN}/signin?return_to=https://app.example.com/start"));
}

/// Origins that are no application's, whatever they look like.
const OTHER_ORIGINS: [&str; 22] = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "https://sub.app.example.com",
    "https://example.com",
    "https://app.example.com:444",
    "https://app.example.com:443",
    "https://app.example.com/",
    "https://app.example.com, https://evil.example",
    "https://app.example.com https://evil.example",
    "http://app.example.com",
    "HTTPS://app.example.com",
    "https://APP.EXAMPLE.COM",
    "https://app.example.com.",
    "https://ada@app.example.com",
    "https://app.example.com#",
    "null",
    "NULL",
    "*",
    "",
    "http://localhost:3000",
    "http://127.0.0.1:3000",
];

#[apply(on_both_databases!)]
async fn x_44_credentials_are_for_applications_alone(database: Database) {
    let server = TestServer::start_with(database, APPLICATIONS).await;
    let paths = [
        "/api/auth/me",
        "/api/auth/login",
        "/api/auth/nothing",
        "/signin",
        "/",
        "/oauth2/status-lists/1",
    ];
    let ask = async |method: &str, path: &str, origins: &[&str]| {
        let mut request = Request::builder().method(method).uri(path);
        for origin in origins {
            request = request.header("origin", *origin);
        }
        if method == "OPTIONS" {
            request = request.header("access-control-request-method", "POST");
        }
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        let header = |name| answer.header(name).to_owned();
        (
            header("access-control-allow-origin"),
            header("access-control-allow-credentials"),
            header("vary"),
        )
    };
    for origin in [
        "https://app.example.com",
        "https://app.example.com:8443",
        "https://shop.example.com",
    ] {
        for method in ["GET", "OPTIONS", "POST"] {
            let (allowed, credentials, vary) = ask(method, "/api/auth/me", &[origin]).await;
            assert_eq!((allowed.as_str(), credentials.as_str()), (origin, "true"), "{method}");
            assert!(vary.to_ascii_lowercase().contains("origin"), "{method}: {vary}");
        }
        // Never for a page or a public document.
        for path in [
            "/signin",
            "/account",
            "/.well-known/jwks.json",
            "/oauth2/status-lists/1",
            "/api/auth/forward",
        ] {
            let (allowed, credentials, _) = ask("GET", path, &[origin]).await;
            assert!(
                credentials.is_empty() && allowed != origin,
                "{path}: {allowed} {credentials}"
            );
        }
    }
    for origin in OTHER_ORIGINS {
        for path in paths {
            for method in ["GET", "OPTIONS", "POST"] {
                let (allowed, credentials, _) = ask(method, path, &[origin]).await;
                assert!(credentials.is_empty(), "{method} {path} {origin:?}");
                assert!(
                    ["", "*"].contains(&allowed.as_str()),
                    "{method} {path} {origin:?}: {allowed}"
                );
                assert!(
                    allowed.is_empty() || !path.starts_with("/api/"),
                    "{method} {path} {origin:?}"
                );
            }
        }
    }
    // Two of them are none.
    for origins in [
        ["https://evil.example", "https://app.example.com"],
        ["https://app.example.com", "https://evil.example"],
    ] {
        let (allowed, credentials, _) = ask("GET", "/api/auth/me", &origins).await;
        assert_eq!((allowed.as_str(), credentials.as_str()), ("", ""), "{origins:?}");
    }
}

/// Signing out of the pages that an application led to leads back to it, also if there is nothing left to sign out of.
#[apply(on_both_databases!)]
async fn signing_out_leads_back_to_the_application(database: Database) {
    let server = TestServer::start_with(database, ONE).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let account = ada.get(&returning("/account", ORDER)).await.assert_status(200);
    let out = format!("action=\"/signout?return_to={ORDER_IN_QUERY}\"");
    assert!(account.text.contains(&out), "{}", account.text);
    // A link asks first.
    let out = returning("/signout", ORDER);
    assert!(ada.get(&out).await.assert_status(200).text.contains("Sign out?"));
    assert_eq!(ada.post(&out, &[]).await.assert_status(303).header("location"), ORDER);
    // Without a session, it goes on at once.
    for browser in [&mut ada, &mut Browser::new(&server)] {
        assert_eq!(browser.get(&out).await.assert_status(303).header("location"), ORDER);
        let here = browser.get("/signout?return_to=/signin").await.assert_status(303);
        assert_eq!(here.header("location"), "/signin");
        // Without a destination, or with one that is not an application's, it stays.
        for path in [
            "/signout",
            "/signout?return_to=https://evil.example/",
            "/signout?return_to=//evil.example",
        ] {
            browser.get(path).await.assert_status(200);
        }
    }
    assert!(Browser::new(&server).get("/account").await.text.is_empty());
}

/// A browser is not told that it is signed out while it is unknown whether it is.
#[apply(on_both_databases!)]
async fn signing_out_waits_for_the_database(database: Database) {
    let server = TestServer::start_with(database, ONE).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    countersign_store::query(countersign_store::sql!("ALTER TABLE browser_sessions RENAME TO moved"))
        .execute(&server.services.db)
        .await
        .unwrap();
    let answer = ada.get(&returning("/signout", ORDER)).await;
    assert_eq!(answer.header("location"), "", "{answer:?}");
    assert!(answer.status.is_server_error(), "{answer:?}");
}
