//! The hosted pages, requested by a test browser: what other sites cannot do, what a cookie is worth, and what a page
//! never contains. `tests/pages` tests the pages in a real browser.

mod applications;
mod cookies;
mod device;
mod failures;
mod journeys;
mod landings;
mod languages;
mod logout;
mod look;
mod profile;
mod repeated;
mod sign_ups;
mod steps;
mod typed;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

const ORIGIN: &str = "http://127.0.0.1:8000";
/// The cookie names of a server at this origin.
const SIGNED_IN: &str = "countersign-8000";
const FORM: &str = "countersign-form-8000";
const CODES: &str = "countersign-codes-8000";
const NEW_PASSWORD: &str = "another umbrella for tests";

/// A browser that keeps cookies and has an IP address.
#[derive(Clone)]
pub(crate) struct Browser<'s> {
    server: &'s TestServer,
    cookies: BTreeMap<String, String>,
}

impl<'s> Browser<'s> {
    pub(crate) fn new(server: &'s TestServer) -> Self {
        Self {
            server,
            cookies: BTreeMap::new(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("accept", "text/html");
        self.send(request, String::new()).await
    }

    /// Submits a form of our own pages.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.form_token().await;
        let mut fields = fields.to_vec();
        fields.push(("form_token", &token));
        let request = form(path)
            .header("origin", ORIGIN)
            .header("sec-fetch-site", "same-origin");
        self.send(request, encoded(&fields)).await
    }

    pub(crate) async fn form_token(&mut self) -> String {
        if self.cookie(FORM).is_none() {
            self.get("/signin").await;
        }
        self.cookie(FORM).unwrap()
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.get(name).cloned()
    }

    /// Follows the redirect of a form and loads it again: the page is still there.
    pub(crate) async fn follow(&mut self, answer: Answer) -> Answer {
        let location = answer.assert_status(303).header("location").to_owned();
        assert!(location.starts_with('/'), "{location:?}");
        let page = self.get(&location).await.assert_status(200);
        assert_eq!(self.get(&location).await.text, page.text, "{location}");
        page
    }

    pub(crate) async fn send(&mut self, request: Builder, body: String) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header("cookie", cookies.join("; "))
            .body(Body::from(body))
            .unwrap();
        let answer = self.server.send(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match rest.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    pub(crate) async fn sign_up(server: &'s TestServer, name: &str) -> Self {
        let mut browser = Self::new(server);
        let email = format!("{name}@example.com");
        browser
            .post("/signup", &[("email", &email), ("password", PASSWORD)])
            .await
            .assert_status(303);
        assert!(browser.is_signed_in().await);
        browser
    }

    pub(crate) async fn is_signed_in(&mut self) -> bool {
        let answer = self.get("/account").await;
        match answer.status.as_u16() {
            200 => true,
            303 => {
                assert_eq!(answer.header("location"), "/signin?return_to=/account");
                false
            }
            _ => panic!("{answer:?}"),
        }
    }
}

fn form(path: &str) -> Builder {
    Request::post(path).header("content-type", "application/x-www-form-urlencoded")
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    };
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// Every form that any account has, except those of an authorization request.
const FORMS: [&str; 21] = [
    "/language",
    "/signin",
    "/signin/again",
    "/signin/again/code",
    "/signin/email",
    "/signin/email/ask",
    "/signup",
    "/signout",
    "/signout/application",
    "/device",
    "/verify",
    "/verify/ask",
    "/recover",
    "/recover/password",
    "/change-email",
    "/account/name",
    "/account/password",
    "/account/email",
    "/account/sessions",
    "/account/export",
    "/account/delete",
];

/// The fields that the forms ask for: with them, a form is complete except for its proof.
const FIELDS: [(&str, &str); 11] = [
    ("email", "ada@example.com"),
    ("password", PASSWORD),
    ("current_password", PASSWORD),
    ("new_password", NEW_PASSWORD),
    ("email_password", PASSWORD),
    ("delete_password", PASSWORD),
    ("token", "x"),
    ("code", "000000"),
    ("language", "de"),
    ("client", "grafana"),
    ("x", "y"),
];

#[apply(on_both_databases!)]
async fn a_1_a_20_many_clients_cannot_block_a_reset_requested_on_the_page(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nemails_per_address = \"1000/1m\"\n").await;
    Browser::sign_up(&server, "ada").await;
    let ask = async |from: String| {
        let peer: std::net::SocketAddr = from.parse().unwrap();
        let request = form("/recover")
            .header("sec-fetch-site", "same-origin")
            .extension(axum::extract::ConnectInfo(peer));
        let asked = Browser::new(&server)
            .send(request, encoded(&[("email", "ada@example.com")]))
            .await;
        assert_eq!(asked.assert_status(303).header("location"), "/recover/code");
        server
            .mails()
            .await
            .into_iter()
            .filter(|mail| mail.link().contains("/recover/password?"))
            .collect::<Vec<_>>()
    };
    for stranger in 0..12 {
        ask(format!("[2001:db8:{stranger:x}00::1]:1")).await;
    }
    // Their links have expired.
    server.services.clock.advance(Duration::from_secs(20 * 60));
    let mails = ask("198.51.100.9:1".to_owned()).await;
    let token = mails.last().expect("the owner gets a mail").token();
    let fields = [("token", &*token), ("new_password", NEW_PASSWORD)];
    Browser::new(&server)
        .post("/recover/password", &fields)
        .await
        .assert_status(303);
    let mut ada = Browser::new(&server);
    ada.post("/signin", &[("email", "ada@example.com"), ("password", NEW_PASSWORD)])
        .await
        .assert_status(303);
    assert!(ada.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn a_67_t_12_forms_from_other_sites_are_refused(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let token = ada.form_token().await;
    let other = Browser::new(&server).form_token().await;
    for path in FORMS {
        let with = |token: &str| {
            let mut fields = FIELDS.to_vec();
            fields.push(("form_token", token));
            encoded(&fields)
        };
        for (what, request, body) in [
            (
                "another origin",
                form(path).header("origin", "https://evil.example"),
                with(&token),
            ),
            ("a hidden origin", form(path).header("origin", "null"), with(&other)),
            (
                "a hidden origin of another site",
                form(path)
                    .header("origin", "null")
                    .header("sec-fetch-site", "cross-site"),
                with(&token),
            ),
            (
                "an origin that is hidden once",
                form(path)
                    .header("origin", "null")
                    .header("origin", "https://evil.example"),
                with(&token),
            ),
            (
                "another site",
                form(path).header("sec-fetch-site", "cross-site"),
                with(&token),
            ),
            (
                "a sibling",
                form(path).header("sec-fetch-site", "same-site"),
                with(&token),
            ),
            ("no token", form(path), encoded(&FIELDS)),
            ("an empty token", form(path), with("")),
            ("the token of another browser", form(path), with(&other)),
        ] {
            let answer = ada.send(request, body).await;
            assert_eq!(answer.status, 403, "{path} with {what}");
            assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        }
        // Without its cookie, a token proves nothing.
        let request = form(path).body(Body::from(with(&token))).unwrap();
        server.send(request).await.assert_status(403);
    }
    assert!(ada.is_signed_in().await);
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/auth/login", login).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_67_get_requests_of_link_scanners_change_nothing(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    ada.post("/recover", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    ada.post("/signin/email/ask", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    let mails = server.mails().await;
    assert_eq!(mails.len(), 3);
    let scanner = |link: String| {
        let path = link.strip_prefix(ORIGIN).unwrap().to_owned();
        let server = &server;
        async move { server.get(&path).await.assert_status(200) }
    };
    for mail in &mails {
        for _ in 0..3 {
            scanner(mail.link()).await;
        }
    }
    assert!(ada.is_signed_in().await, "GET /signout and the links did nothing");
    ada.get("/signout").await.assert_status(200);
    assert!(ada.is_signed_in().await);
    let token_of = |page: &str| mails.iter().find(|mail| mail.link().contains(page)).unwrap().token();
    ada.post("/verify", &[("token", &token_of("/verify"))])
        .await
        .assert_status(303);
    let mut elsewhere = Browser::new(&server);
    elsewhere
        .post("/signin/email", &[("token", &token_of("/signin/email"))])
        .await
        .assert_status(303);
    assert!(elsewhere.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn a_33_a_34_a_35_r_37_each_sign_in_sets_a_new_cookie_that_ends_with_its_session(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let first = ada.cookies.clone();
    let signed_in = ada
        .post("/signin", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    assert_eq!(signed_in.header("location"), "/account");
    assert_ne!(ada.cookies[SIGNED_IN], first[SIGNED_IN]);
    let mut before = Browser {
        server: &server,
        cookies: first,
    };
    assert!(!before.is_signed_in().await, "the session before it has ended");

    let kept = ada.cookies.clone();
    let out = ada.post("/signout", &[]).await.assert_status(303);
    assert_eq!(out.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(!ada.cookies.contains_key(SIGNED_IN));
    let mut replayed = Browser {
        server: &server,
        cookies: kept,
    };
    assert!(!replayed.is_signed_in().await, "the back end knows that it has ended");

    ada.post("/signin", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    for _ in 0..2 {
        server.services.clock.advance(Duration::from_secs(29 * 24 * 3600));
        assert!(ada.is_signed_in().await, "it is in use");
    }
    server.services.clock.advance(Duration::from_secs(31 * 24 * 3600));
    assert!(!ada.is_signed_in().await, "thirty days unused");
    ada.post("/signin", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    for _ in 0..4 {
        server.services.clock.advance(Duration::from_secs(22 * 24 * 3600));
        assert!(ada.is_signed_in().await);
    }
    server.services.clock.advance(Duration::from_secs(3 * 24 * 3600));
    assert!(!ada.is_signed_in().await, "ninety days in all");
}

#[apply(on_both_databases!)]
async fn a_32_a_96_x_1_cookies_and_tokens_are_not_interchangeable(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = Browser::sign_up(&server, "ada").await;
    let cookie = browser.cookies[SIGNED_IN].clone();
    let bearer = Request::get("/api/auth/me").header("authorization", format!("Bearer {cookie}"));
    server
        .send(bearer.body(Body::empty()).unwrap())
        .await
        .assert_problem(401, "invalid_token");
    server
        .post("/api/auth/refresh", json!({ "refresh_token": cookie }))
        .await
        .assert_problem(401, "invalid_refresh_token");
    let api = Request::get("/api/auth/me").header("cookie", format!("{SIGNED_IN}={cookie}"));
    server.send(api.body(Body::empty()).unwrap()).await.assert_status(401);
    let ada = server.sign_in("ada").await;
    for secret in [&ada.access_token, &ada.refresh_token, ""] {
        let mut thief = Browser::new(&server);
        thief.cookies.insert(SIGNED_IN.to_owned(), secret.to_owned());
        assert!(!thief.is_signed_in().await);
    }
    // A second, planted cookie invalidates both.
    let twice = Request::get("/account").header("cookie", format!("{SIGNED_IN}={cookie}; {SIGNED_IN}={cookie}"));
    server.send(twice.body(Body::empty()).unwrap()).await.assert_status(303);
    // No page exposes a token to scripts.
    let page = browser.get("/account").await.text;
    for secret in [cookie.as_str(), "eyJ", "csr_", "csb_"] {
        assert!(!page.contains(secret), "{secret}");
    }
}

/// A browser's session has a cookie and no refresh token, so no refresh token is ever accepted for it.
#[apply(on_both_databases!)]
async fn a_32_a_session_with_a_cookie_has_no_refresh_token(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = Browser::sign_up(&server, "ada").await;
    let families: i64 = query(sql!(
        "SELECT count(*) FROM sessions
          WHERE COALESCE(family_hash, refresh_hash, previous_hash, rotated_from) IS NOT NULL
             OR COALESCE(refresh_expires_at, rotated_at) IS NOT NULL"
    ))
    .one(&server.services.db)
    .await
    .unwrap();
    assert_eq!(families, 0);
    let id: uuid::Uuid = query(sql!("SELECT id FROM sessions"))
        .one(&server.services.db)
        .await
        .unwrap();
    for secrets in [[0; 48], [255; 48]] {
        let token = format!(
            "csr_{}",
            URL_SAFE_NO_PAD.encode([&id.as_bytes()[..], &secrets].concat())
        );
        for path in ["/api/auth/refresh", "/api/auth/logout"] {
            server
                .post(path, json!({ "refresh_token": token }))
                .await
                .assert_problem(401, "invalid_refresh_token");
        }
    }
    assert!(browser.is_signed_in().await);
}

#[apply(on_both_databases!)]
async fn a_36_x_11_ending_sessions_includes_those_of_browsers(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = Browser::sign_up(&server, "ada").await;
    let ada = server.sign_in("ada").await;
    let listed = ada.get("/api/auth/sessions").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "the browser's is one of them");
    ada.post("/api/auth/logout-all", serde_json::Value::Null)
        .await
        .assert_status(204);
    assert!(!browser.is_signed_in().await);
    // The other way round: everything ends, including the tokens.
    browser
        .post("/signin", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    let ada = server.sign_in("ada").await;
    browser.post("/account/sessions", &[]).await.assert_status(303);
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    // She cannot end another user's session.
    let eve = server.user("eve").await;
    let of_eve = eve.get("/api/auth/sessions").await.json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    browser
        .post("/signin", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    browser
        .post("/account/sessions", &[("session", &of_eve)])
        .await
        .assert_status(303);
    eve.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_91_a_sign_in_redirects_only_within_this_server(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    for (asked, expected) in [
        ("/account?x=1", "/account?x=1"),
        ("//evil.example", "/account"),
        ("/\\evil.example", "/account"),
        ("https://evil.example/", "/account"),
        ("javascript:alert(1)", "/account"),
        ("/a\r\nset-cookie: x=y", "/account"),
    ] {
        let mut browser = Browser::new(&server);
        let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
        let form = format!("/signin?{}", encoded(&[("return_to", asked)]));
        let answer = browser.post(&form, &fields).await.assert_status(303);
        assert_eq!(answer.header("location"), expected);
    }
}

#[apply(on_both_databases!)]
async fn a_64_typed_text_is_escaped(database: Database) {
    let server = TestServer::start_with(database, "[pages]\nname = \"<b>Ada & Söhne</b>\"\n").await;
    let mut browser = Browser::new(&server);
    let attack = "\"><img src=x onerror=alert(1)>";
    for (path, field) in [
        ("/signin", "email"),
        ("/signup", "email"),
        ("/recover", "email"),
        ("/verify", "email"),
    ] {
        let answer = browser
            .post(path, &[(field, attack), ("password", PASSWORD), ("code", attack)])
            .await;
        assert_eq!(answer.status, 422, "{path}");
        assert!(
            !answer.text.contains("<img") && !answer.text.contains("<b>"),
            "{path}: {}",
            answer.text
        );
        assert!(answer.text.contains("&#60;b&#62;Ada &#38; Söhne"), "{path}");
    }
    for path in [
        "/verify?token=%22%3E%3Cimg%3E",
        "/signin?return_to=%22%3E%3Cimg%3E",
        "/signin?ui_locales=%3Cimg%3E",
        "/%3Cimg%3E",
    ] {
        assert!(!browser.get(path).await.text.contains("<img"), "{path}");
    }
    // A device whose name contains HTML.
    browser
        .post("/signup", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    let login = form("/api/auth/login").header("user-agent", "<img src=x>");
    browser
        .send(
            login,
            encoded(&[("username", "ada@example.com"), ("password", PASSWORD)]),
        )
        .await
        .assert_status(200);
    let account = browser.get("/account").await;
    assert!(
        account.text.contains("Unknown device") && !account.text.contains("img src"),
        "{}",
        account.text
    );
}

#[apply(on_both_databases!)]
async fn a_65_a_66_r_46_pages_cannot_be_framed_and_run_no_inline_code(database: Database) {
    let server = TestServer::start_with(database, "issuer = \"https://auth.example.com\"\n").await;
    let email = "ada@example.com".parse().unwrap();
    server.services.operator.invite(&email).await.unwrap();
    let recover = format!("/recover/password?token={}", server.mail().await.token());
    for path in [
        "/",
        "/signin",
        "/signup",
        "/signout",
        "/verify",
        "/recover",
        &recover,
        "/recover/password?token=x",
        "/change-email",
        "/signin/email",
        "/nothing",
    ] {
        let request = Request::get(path).header("accept", "text/html,*/*");
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "script-src 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "strict-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(answer.header(name), expected, "{path}: {name}");
        }
        assert!(
            answer.header("strict-transport-security").contains("max-age=63072000"),
            "{path}"
        );
        for inline in ["<script>", "onclick", "onload", "style=", "javascript:", "onpaste"] {
            assert!(!answer.text.contains(inline), "{path}: {inline}");
        }
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.starts_with("__Host-countersign"), "{cookie}");
            for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
                assert!(cookie.contains(part), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }
}

#[apply(on_both_databases!)]
async fn a_16_known_and_unknown_email_addresses_get_identical_pages(database: Database) {
    let server = TestServer::start_with(database, "email_verification = \"required\"\n").await;
    let mut browser = Browser::new(&server);
    for path in ["/signup", "/recover", "/verify/ask", "/signin/email/ask"] {
        let mut pages = Vec::new();
        for name in ["known", "other"] {
            let email = format!("{name}@example.com");
            if name == "known" {
                make(&server, &email).await;
            }
            let fields = [("email", &*email), ("password", PASSWORD)];
            let fields = if path == "/signup" { &fields[..] } else { &fields[..1] };
            let answer = browser.post(path, fields).await;
            pages.push((
                answer.header("location").to_owned(),
                browser.follow(answer).await.text.replace(&email, "E"),
            ));
        }
        assert_eq!(pages[0], pages[1], "{path}");
    }
}

#[apply(on_both_databases!)]
async fn a_28_a_code_works_in_the_requesting_browser_and_the_link_in_any(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    server.mails().await;
    let (mut ada, mut other) = (Browser::new(&server), Browser::new(&server));
    for (ask, answer) in [
        ("/signin/email/ask", "/signin/email"),
        ("/recover", "/recover/password"),
    ] {
        ada.post(ask, &[("email", "ada@example.com")]).await.assert_status(303);
        let mail = server
            .mails()
            .await
            .into_iter()
            .rfind(|mail| mail.link().contains("token"))
            .unwrap();
        let by_code = [
            ("email", "ada@example.com"),
            ("code", &*mail.code()),
            ("new_password", NEW_PASSWORD),
        ];
        other.post(answer, &by_code).await.assert_status(422);
        assert!(!other.is_signed_in().await);
        ada.post(answer, &by_code).await.assert_status(303);
        ada.post(ask, &[("email", "ada@example.com")]).await.assert_status(303);
        let mail = server
            .mails()
            .await
            .into_iter()
            .rfind(|mail| mail.link().contains("token"))
            .unwrap();
        let mut third = Browser::new(&server);
        third
            .get(mail.link().strip_prefix(ORIGIN).unwrap())
            .await
            .assert_status(200);
        third
            .post(answer, &[("token", &mail.token()), ("new_password", NEW_PASSWORD)])
            .await
            .assert_status(303);
    }
}

#[apply(on_both_databases!)]
async fn t_15_a_link_confirms_in_the_browser_that_signed_up_and_requires_a_password_elsewhere(database: Database) {
    for (toml, how) in [
        ("email_verification = \"required\"\n", "new"),
        ("email_verification = \"required\"\n", "password"),
        ("email_verification = \"required\"\n", "here"),
        ("", "new"),
        ("", "password"),
        ("", "here"),
    ] {
        let server = TestServer::start_with(database, toml).await;
        let (mut asked, mut elsewhere) = (Browser::new(&server), Browser::new(&server));
        asked
            .post("/signup", &[("email", "ada@example.com"), ("password", PASSWORD)])
            .await
            .assert_status(303);
        let mail = server.mail().await;
        let path = mail.link().strip_prefix(ORIGIN).unwrap().to_owned();
        let shown = elsewhere.get(&path).await.assert_status(200).text;
        assert!(
            shown.contains("name=\"password\"") && shown.contains("name=\"new_password\""),
            "{shown}"
        );
        let token = mail.token();
        for fields in [
            vec![("token", &*token)],
            vec![("token", &*token), ("password", "wrong")],
            vec![("token", &*token), ("new_password", "password1")],
        ] {
            let refused = elsewhere.post("/verify", &fields).await.assert_status(422).text;
            assert!(
                refused.contains("name=\"password\"") && refused.contains(&token),
                "{refused}"
            );
        }
        let login = |password: &str| {
            server.post(
                "/api/auth/login",
                json!({ "email": "ada@example.com", "password": password }),
            )
        };
        match how {
            "here" => {
                assert!(!asked.get(&path).await.text.contains("type=\"password\""));
                asked.post("/verify", &[("token", &token)]).await.assert_status(303);
            }
            "password" => drop(
                elsewhere
                    .post("/verify", &[("token", &token), ("password", PASSWORD)])
                    .await
                    .assert_status(303),
            ),
            _ => drop(
                elsewhere
                    .post("/verify", &[("token", &token), ("new_password", NEW_PASSWORD)])
                    .await
                    .assert_status(303),
            ),
        }
        let (right, wrong) = if how == "new" {
            (NEW_PASSWORD, PASSWORD)
        } else {
            (PASSWORD, NEW_PASSWORD)
        };
        login(wrong).await.assert_status(401);
        let tokens = login(right).await.assert_status(200).json();
        let me = Request::get("/api/auth/me").header(
            "authorization",
            format!("Bearer {}", tokens["access_token"].as_str().unwrap()),
        );
        assert_eq!(
            server.send(me.body(Body::empty()).unwrap()).await.json()["email_verified"],
            true
        );
        assert!(elsewhere.get(&path).await.text.contains("already confirmed"));
        // The user who signed up is signed in: immediately if verification is optional, until another password is set;
        // and if it is required, by the confirmation in the same browser. Elsewhere, only the password signs in: the link
        // may have been passed on by another user, to sign someone in to their account (login CSRF).
        let stays = toml.is_empty() && how != "new";
        assert_eq!(asked.is_signed_in().await, stays || how == "here", "{how}");
        assert_eq!(elsewhere.is_signed_in().await, how == "password", "{how}");
    }
}

#[apply(on_both_databases!)]
async fn t_15_an_email_change_requires_a_signed_in_browser(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    server.mails().await;
    let change = [("email", "new@example.org"), ("email_password", PASSWORD)];
    ada.post("/account/email", &change).await.assert_status(303);
    let mail = server.mail().await;
    let path = mail.link().strip_prefix(ORIGIN).unwrap().to_owned();
    let mut elsewhere = Browser::new(&server);
    let first = elsewhere.get(&path).await.assert_status(303);
    assert_eq!(
        first.header("location"),
        format!("/signin?return_to=/change-email?token={}", mail.token())
    );
    elsewhere
        .post("/change-email", &[("token", &mail.token())])
        .await
        .assert_status(303);
    // It changes neither another user's account nor hers.
    let mut eve = Browser::sign_up(&server, "eve").await;
    server.mails().await;
    eve.post("/change-email", &[("token", &mail.token())])
        .await
        .assert_status(422);
    let back = [("email", "ada@example.com"), ("password", PASSWORD)];
    let back = elsewhere.post(first.header("location"), &back).await.assert_status(303);
    assert_eq!(back.header("location"), path);
    let changed = elsewhere.post("/change-email", &[("token", &mail.token())]).await;
    elsewhere.follow(changed).await;
    assert!(ada.get("/account").await.text.contains("new@example.org"));
    let same = [("email", "NEW@example.org"), ("email_password", PASSWORD)];
    let refused = ada.post("/account/email", &same).await.assert_status(422);
    assert!(
        refused.text.contains("This is already your email address."),
        "{}",
        refused.text
    );
}

#[apply(on_both_databases!)]
async fn x_47_pages_create_no_account_while_sign_up_is_closed(database: Database) {
    let server = TestServer::start_with(database, "signup = \"closed\"\n").await;
    let mut browser = Browser::new(&server);
    browser.get("/signup").await.assert_status(403);
    browser
        .post("/signup", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(422);
    assert!(!browser.get("/signin").await.text.contains("/signup"));
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/auth/login", login).await.assert_status(401);
}

#[apply(on_both_databases!)]
async fn a_61_c_50_x_12_omitting_fields_skips_no_step(database: Database) {
    let server = TestServer::start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    for path in FORMS.iter().filter(|path| {
        ![
            "/signout",
            "/signout/application",
            "/account/name",
            "/account/sessions",
            "/account/export",
            "/language",
        ]
        .contains(path)
    }) {
        let answer = ada.post(path, &[]).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
    }
    assert!(ada.is_signed_in().await);
    // Hidden fields are no more than typed ones: for another email address, the code sent to that address is required.
    server.mails().await;
    ada.post("/recover", &[("email", "ada@example.com")])
        .await
        .assert_status(303);
    server.user("eve").await;
    let code = server
        .mails()
        .await
        .iter()
        .find(|mail| mail.link().contains("recover/password"))
        .unwrap()
        .code();
    let fields = [
        ("email", "eve@example.com"),
        ("code", &*code),
        ("new_password", NEW_PASSWORD),
    ];
    ada.post("/recover/password", &fields).await.assert_status(422);
    server.sign_in("eve").await;
}

#[apply(on_both_databases!)]
async fn the_look_is_set_and_the_files_are_kept_by_browsers(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    std::fs::write(&logo, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    let toml =
        format!("[pages]\nname = \"Example\"\ncolor = \"#ffd400\"\nradius = 3\nfont = \"Inter\"\nlogo = {logo:?}\n");
    let server = TestServer::start_with(database, &toml).await;
    let page = Browser::new(&server).get("/signin").await.text;
    assert!(page.contains(">Example</a>"));
    let path = |end: &str| {
        let at = page.find("/pages/").map(|at| &page[at..]).unwrap();
        at.split('"')
            .find(|part| part.starts_with("/pages/") && part.ends_with(end))
            .unwrap()
            .to_owned()
    };
    let style = server.get(&path(".css")).await.assert_status(200);
    for part in [
        "--button:light-dark(#ffd400,#ffd400)",
        "--on-button:light-dark(#000000,#000000)",
        "--radius:3px",
        "\"Inter\"",
        "data:image/svg+xml;base64,",
    ] {
        assert!(style.text.contains(part), "{part}");
    }
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
    server.get(&path(".js")).await.assert_status(200);
    server.get("/pages/style-000000000000.css").await.assert_status(404);
}

#[apply(on_both_databases!)]
async fn a_form_is_taken_under_another_name_of_this_machine(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let mut browser = Browser::new(&server);
    let token = browser.form_token().await;
    let request = form("/signin")
        .header("host", "localhost:8000")
        .header("origin", "http://localhost:8000");
    let fields = [
        ("email", "ada@example.com"),
        ("password", PASSWORD),
        ("form_token", &*token),
    ];
    browser
        .send(request.header("sec-fetch-site", "same-origin"), encoded(&fields))
        .await
        .assert_status(303);
}

#[apply(on_both_databases!)]
async fn browsers_get_pages_and_programs_get_problems(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = Browser::new(&server);
    let page = browser.get("/nothing").await.assert_status(404);
    assert!(page.header("content-type").starts_with("text/html"));
    server.get("/nothing").await.assert_problem(404, "not_found");
    let api = Request::get("/api/nothing").header("accept", "text/html");
    server
        .send(api.body(Body::empty()).unwrap())
        .await
        .assert_problem(404, "not_found");
    let request = Request::put("/signin").header("accept", "text/html");
    server
        .send(request.body(Body::empty()).unwrap())
        .await
        .assert_status(405);
}

#[apply(on_both_databases!)]
async fn the_language_is_the_one_that_was_asked_for_chosen_or_preferred(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = Browser::new(&server);
    assert!(
        browser
            .get("/signin")
            .await
            .text
            .contains("<html lang=\"en\" dir=\"ltr\">")
    );
    assert!(
        browser
            .get("/signin?ui_locales=xx%20ar")
            .await
            .text
            .contains("<html lang=\"ar\" dir=\"rtl\">")
    );
    let answer = browser
        .post("/language/signup", &[("language", "de")])
        .await
        .assert_status(303);
    assert_eq!(answer.header("location"), "/signup");
    assert!(browser.get("/signup").await.text.contains("<html lang=\"de\""));
    let request = Request::get("/signin").header("accept-language", "fr-CH, en;q=0.5");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-language"), "fr");
    let back = browser
        .post("/language//evil.example", &[("language", "xx")])
        .await
        .assert_status(303);
    assert_eq!(back.header("location"), "/");
}

/// An account with a verified email address.
async fn make(server: &TestServer, email: &str) {
    let body = json!({ "email": email, "password": PASSWORD });
    if server
        .post("/api/auth/register", body)
        .await
        .assert_status(202)
        .text
        .is_empty()
    {
        return;
    }
    let verify = server
        .mails()
        .await
        .into_iter()
        .find(|mail| mail.link().contains("/verify?token"));
    if let Some(mail) = verify {
        let answer = json!({ "token": mail.token(), "password": PASSWORD });
        server
            .post("/api/auth/verify-email/confirm", answer)
            .await
            .assert_status(204);
    }
}
