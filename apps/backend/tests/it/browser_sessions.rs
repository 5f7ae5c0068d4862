//! Sessions that a cookie holds, as pages of applications on the same site use them through the API.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.example.com";
const APP: &str = "https://app.example.com";
const SETTINGS: &str = "issuer = \"https://auth.example.com\"\napp_origins = [\"https://app.example.com\"]\n";
const SESSION: &str = "__Host-countersign";
const DEVICE: &str = "__Host-countersign-device";
const NEW_PASSWORD: &str = "another umbrella for tests";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A page of a browser that keeps cookies.
#[derive(Clone)]
struct Page<'s> {
    server: &'s TestServer,
    /// `Origin` and `Sec-Fetch-Site`.
    origin: &'static str,
    site: &'static str,
    cookies: BTreeMap<String, String>,
}

impl<'s> Page<'s> {
    fn of_app(server: &'s TestServer) -> Self {
        Self {
            server,
            origin: APP,
            site: "same-site",
            cookies: BTreeMap::new(),
        }
    }

    /// Another page in the same browser.
    fn of(&self, origin: &'static str, site: &'static str) -> Self {
        Self {
            origin,
            site,
            ..self.clone()
        }
    }

    /// Signs up and signs in with a cookie.
    async fn signed_up(server: &'s TestServer, name: &str) -> Self {
        let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        server.post("/api/auth/register", account).await.assert_status(201);
        let mut page = Self::of_app(server);
        page.sign_in(name).await.assert_status(200);
        page
    }

    async fn sign_in(&mut self, name: &str) -> Answer {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "session": "cookie" });
        self.post("/api/auth/login", body).await
    }

    async fn token(&mut self) -> Answer {
        self.post("/api/auth/token", Value::Null).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.post_as(path, body, "").await
    }

    async fn post_as(&mut self, path: &str, body: Value, bearer: &str) -> Answer {
        let mut request = Request::post(path)
            .header("origin", self.origin)
            .header("sec-fetch-site", self.site);
        if !self.cookies.is_empty() {
            request = request.header("cookie", self.cookie_header());
        }
        if !bearer.is_empty() {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        let answer = self.server.send(request.body(body).unwrap()).await;
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

    fn cookie_header(&self) -> String {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        cookies.join("; ")
    }

    fn session(&self) -> &str {
        &self.cookies[SESSION]
    }
}

fn access_token(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

async fn get_as(server: &TestServer, path: &str, bearer: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {bearer}"));
    server.send(request.body(Body::empty()).unwrap()).await
}

fn set_cookies(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    cookies.map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
}

/// A page gives nothing away that a script could keep: no refresh token, and no cookie that it can read.
#[apply(on_both_databases!)]
async fn a_65_t_22_a_page_signs_in_with_a_cookie_and_reads_short_tokens_alone(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/auth/register", ada).await.assert_status(201);
    let mut page = Page::of_app(&server);
    page.token().await.assert_problem(401, "login_required");
    let signed_in = page.sign_in("ada").await.assert_status(200);
    let again = page.token().await.assert_status(200);
    for answer in [&signed_in, &again] {
        let body = answer.json();
        let mut names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["access_token", "expires_in", "token_type", "user"]);
        assert_eq!(
            (&body["expires_in"], &body["token_type"]),
            (&json!(600), &json!("Bearer"))
        );
        assert_eq!(body["user"]["email"], "ada@example.com");
        assert!(
            !answer.text.contains("csr_") && !answer.text.contains("csb_"),
            "{}",
            answer.text
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-allow-origin"), APP);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert!(
            !answer
                .header("access-control-expose-headers")
                .to_lowercase()
                .contains("cookie")
        );
        let me = get_as(&server, "/api/auth/me", &access_token(answer)).await;
        assert_eq!(me.assert_status(200).json(), body["user"]);
    }
    let cookies = set_cookies(&signed_in);
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for (cookie, start) in cookies.iter().zip([SESSION, DEVICE]) {
        assert!(cookie.starts_with(&format!("{start}=")), "{cookie}");
        for needed in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
            assert!(cookie.split("; ").any(|attribute| attribute == needed), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    // As long as a session can last, and as long as a device is known.
    assert!(cookies[0].ends_with("; Max-Age=7776000"), "{cookies:?}");
    assert!(cookies[1].ends_with("; Max-Age=15552000"), "{cookies:?}");
    assert_eq!(set_cookies(&again), Vec::<String>::new());
    // Ordinary access tokens of one session, which the status list covers.
    let (first, second) = (claims(&access_token(&signed_in)), claims(&access_token(&again)));
    assert_eq!((&first["sid"], &first["status"]), (&second["sid"], &second["status"]));
    assert!(first["sid"].is_string() && first["status"].is_object() && first["jti"] != second["jti"]);
    // The same cookie opens the hosted pages.
    let account = Request::get("/account").header("cookie", page.cookie_header());
    server
        .send(account.body(Body::empty()).unwrap())
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_sign_in_with_a_cookie_ends_the_previous_session_of_the_browser(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    let (before, first) = (page.session().to_owned(), access_token(&page.token().await));
    let device = page.cookies[DEVICE].clone();
    let bob = json!({ "email": "bob@example.com", "password": PASSWORD });
    server.post("/api/auth/register", bob).await.assert_status(201);
    let signed_in = page.sign_in("bob").await.assert_status(200);
    assert_eq!(signed_in.json()["user"]["email"], "bob@example.com");
    assert!(page.session() != before && page.cookies[DEVICE] == device);
    get_as(&server, "/api/auth/me", &first)
        .await
        .assert_problem(401, "invalid_token");
    assert_eq!(
        page.token().await.assert_status(200).json()["user"]["email"],
        "bob@example.com"
    );
    page.cookies.insert(SESSION.to_owned(), before);
    page.token().await.assert_problem(401, "login_required");
    // Without `session`, or with a form, the shapes are as OAuth2 has them.
    let token = json!({ "email": "bob@example.com", "password": PASSWORD, "session": "token" });
    let tokens = page.post("/api/auth/login", token).await.assert_status(200);
    assert!(tokens.json()["refresh_token"].is_string() && set_cookies(&tokens).is_empty());
    let form = Request::post("/api/auth/login")
        .header("origin", APP)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!(
            "username=bob%40example.com&password={}&session=cookie",
            PASSWORD.replace(' ', "+")
        )));
    let signed_in = server.send(form.unwrap()).await.assert_status(200);
    assert!(signed_in.json()["refresh_token"].is_null() && set_cookies(&signed_in).len() == 2);
    let wrong = json!({ "email": "bob@example.com", "password": PASSWORD, "session": "both" });
    let wrong = page
        .post("/api/auth/login", wrong)
        .await
        .assert_problem(422, "validation_failed");
    assert_eq!(wrong.json()["errors"][0]["field"], "session");
}

/// Requests for `/api/auth/token` with the headers of other pages, programs and planted cookies.
#[apply(on_both_databases!)]
async fn a_67_t_23_t_24_a_cookie_gives_no_token_to_other_pages(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let ada = Page::signed_up(&server, "ada").await;
    let eve = Page::signed_up(&server, "eve").await;
    let (own, other) = (ada.session(), eve.session());
    let cookie = format!("{SESSION}={own}");
    let (allowed, refused, signed_out) = ((200, ""), (403, "origin_not_allowed"), (401, "login_required"));
    let good: [(&str, &str); 2] = [("origin", APP), ("sec-fetch-site", "same-site")];
    let site = |origin: &'static str, site: &'static str| vec![("origin", origin), ("sec-fetch-site", site)];
    let origins: Vec<(Vec<_>, (u16, &str))> = vec![
        (good.to_vec(), allowed),
        (site(ISSUER, "same-origin"), allowed),
        (vec![("origin", APP)], allowed),
        (vec![], refused),
        (vec![("sec-fetch-site", "same-origin")], refused),
        (vec![("sec-fetch-site", "same-site")], refused),
        (vec![("sec-fetch-site", "none")], refused),
        (vec![("referer", "https://app.example.com/")], refused),
        (site(APP, "cross-site"), refused),
        (site(APP, "none"), refused),
        (site(APP, ""), refused),
        (site(APP, "Same-Site"), refused),
        (site(APP, "same-site, same-site"), refused),
        (
            vec![
                ("origin", APP),
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-site", "cross-site"),
            ],
            refused,
        ),
        (
            vec![
                ("origin", APP),
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-site", "same-site"),
            ],
            refused,
        ),
        (vec![("origin", APP), ("origin", "https://evil.example")], refused),
        (vec![("origin", APP), ("origin", APP)], refused),
        (site("null", "same-site"), refused),
        (site("", "same-site"), refused),
        (site("*", "same-site"), refused),
        (site("https://evil.example", "cross-site"), refused),
        (site("https://evil.example", "same-origin"), refused),
        // Siblings send the cookie too: they are of the same site.
        (site("https://evil.example.com", "same-site"), refused),
        (site("https://example.com", "same-site"), refused),
        (site("https://app.example.com.evil.example", "same-site"), refused),
        (site("https://xapp.example.com", "same-site"), refused),
        (site("http://app.example.com", "same-site"), refused),
        (site("http://app.example.com", "cross-site"), refused),
        (site("https://app.example.com:8443", "same-site"), refused),
        (site("https://app.example.com:443", "same-site"), refused),
        (site("https://app.example.com/", "same-site"), refused),
        (site("https://APP.example.com", "same-site"), refused),
        (site("https://app.example.com.", "same-site"), refused),
        (site("https://user@app.example.com", "same-site"), refused),
        (
            site("https://app.example.com https://evil.example", "same-site"),
            refused,
        ),
        (site("app.example.com", "same-site"), refused),
        (site("http://auth.example.com", "same-origin"), refused),
        (site("http://localhost:3000", "same-site"), refused),
        (site("file://", "none"), refused),
        (site("chrome-extension://abcdefgh", "none"), refused),
    ];
    let cookies: Vec<(Vec<String>, (u16, &str))> = vec![
        (vec![], signed_out),
        (vec![format!("{SESSION}=")], signed_out),
        (vec![format!("{SESSION}=csb_{}", "A".repeat(43))], signed_out),
        (vec![format!("{SESSION}={}", &own[..own.len() - 1])], signed_out),
        (vec![format!("{SESSION}={own}A")], signed_out),
        (vec![format!("{SESSION}=\"{own}\"")], signed_out),
        (vec![format!("{SESSION}={}", own.to_uppercase())], signed_out),
        (vec![format!("{SESSION}={}", own.replace("csb_", "csr_"))], signed_out),
        (vec![format!("{SESSION}={}", own.replace("csb_", ""))], signed_out),
        // Names that a sibling subdomain or a page without TLS can set.
        (vec![format!("countersign={own}")], signed_out),
        (vec![format!("__Secure-countersign={own}")], signed_out),
        (vec![format!("__host-countersign={own}")], signed_out),
        (vec![format!("{SESSION}-443={own}")], signed_out),
        (vec![format!("{DEVICE}={own}")], signed_out),
        // Two of one name: one of them was planted.
        (vec![format!("{SESSION}={own}; {SESSION}={other}")], signed_out),
        (vec![format!("{SESSION}={own}; {SESSION}={own}")], signed_out),
        (
            vec![format!("{SESSION}={own}"), format!("{SESSION}={other}")],
            signed_out,
        ),
        (vec![format!("{SESSION}={other}, {SESSION}={own}")], signed_out),
        // Planted beside it under other names, which are ignored.
        (
            vec![format!(
                "countersign={other}; {SESSION}={own}; __host-countersign={other}"
            )],
            allowed,
        ),
        (vec![format!("a=b;{SESSION}={own};c")], allowed),
    ];
    assert!(origins.len() + cookies.len() >= 60);
    let send = async |headers: &[(&str, &str)], cookies: &[String], expected: (u16, &str)| {
        let mut request = Request::post("/api/auth/token");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for cookie in cookies {
            request = request.header("cookie", cookie);
        }
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        let told = format!("{headers:?} {cookies:?}: {}", answer.text);
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), expected, "{told}");
        if expected == allowed {
            assert_eq!(answer.json()["user"]["email"], "ada@example.com", "{told}");
            return;
        }
        assert!(
            !answer.text.contains("eyJ") && set_cookies(&answer).is_empty(),
            "{told}"
        );
        if expected == refused {
            let readable = answer.header("access-control-allow-origin");
            assert!(readable.is_empty() || readable == APP, "{told}");
        }
    };
    for (headers, expected) in &origins {
        send(headers, std::slice::from_ref(&cookie), *expected).await;
    }
    for (cookies, expected) in &cookies {
        send(&good, cookies, *expected).await;
    }
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let request = Request::builder().method(method).uri("/api/auth/token");
        let request = request.header("origin", APP).header("cookie", &cookie);
        server
            .send(request.body(Body::empty()).unwrap())
            .await
            .assert_status(405);
    }
    // A link, a form of another page and a method override change nothing either.
    for path in [
        "/api/auth/token?_method=POST",
        "/api/auth/token/",
        "/api/auth/token%2f",
        "/api//auth/token",
    ] {
        let request = Request::get(path).header("origin", APP).header("cookie", &cookie);
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert!(
            [404, 405].contains(&answer.status.as_u16()),
            "{path}: {}",
            answer.status
        );
    }
    // The cookie is for this endpoint and signing out alone.
    for path in [
        "/api/auth/me",
        "/api/auth/sessions",
        "/api/auth/me/export",
        "/api/auth/forward",
    ] {
        let request = Request::get(path).header("origin", APP).header("cookie", &cookie);
        server
            .send(request.body(Body::empty()).unwrap())
            .await
            .assert_problem(401, "missing_token");
    }
    for secret in [own.to_owned(), own.replace("csb_", "csr_")] {
        let refresh = json!({ "refresh_token": secret });
        let mut page = ada.clone();
        page.post("/api/auth/refresh", refresh)
            .await
            .assert_problem(401, "invalid_refresh_token");
        let answer = page.post_as("/api/auth/logout-all", Value::Null, &secret).await;
        answer.assert_problem(401, "invalid_token");
    }
}

/// Login CSRF: no other page signs a browser in, or out.
#[apply(on_both_databases!)]
async fn a_67_t_23_no_other_page_signs_a_browser_in_or_out(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    let eve = json!({ "email": "eve@example.com", "password": PASSWORD });
    server.post("/api/auth/register", eve).await.assert_status(201);
    let sign_in = json!({ "email": "eve@example.com", "password": PASSWORD, "session": "cookie" });
    server
        .post("/api/auth/login", sign_in.clone())
        .await
        .assert_problem(403, "origin_not_allowed");
    for (origin, site) in [
        ("https://evil.example", "cross-site"),
        ("https://evil.example.com", "same-site"),
        ("null", "cross-site"),
        (APP, "cross-site"),
        ("http://app.example.com", "same-site"),
    ] {
        let mut evil = page.of(origin, site);
        let answer = evil.post("/api/auth/login", sign_in.clone()).await;
        let answer = answer.assert_problem(403, "origin_not_allowed");
        assert!(set_cookies(&answer).is_empty(), "{origin}");
        let form = Request::post("/api/auth/login")
            .header("origin", origin)
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!(
                "username=eve%40example.com&password={}&session=cookie",
                PASSWORD.replace(' ', "+")
            )));
        let answer = server
            .send(form.unwrap())
            .await
            .assert_problem(403, "origin_not_allowed");
        assert!(set_cookies(&answer).is_empty(), "{origin}");
        let answer = evil.post("/api/auth/logout", Value::Null).await;
        let answer = answer.assert_problem(403, "origin_not_allowed");
        assert!(set_cookies(&answer).is_empty(), "{origin}");
        assert_eq!(
            page.token().await.assert_status(200).json()["user"]["email"],
            "ada@example.com"
        );
    }
    // Nor did any of these guesses reach a password.
    let wrong = json!({ "email": "ada@example.com", "password": "wrong", "session": "cookie" });
    let mut evil = page.of("https://evil.example", "cross-site");
    evil.post("/api/auth/login", wrong.clone())
        .await
        .assert_problem(403, "origin_not_allowed");
    page.post("/api/auth/login", wrong)
        .await
        .assert_problem(401, "invalid_credentials");
    page.token().await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn signing_out_ends_the_session_of_the_cookie_and_removes_it(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    let (cookie, access) = (page.session().to_owned(), access_token(&page.token().await));
    let answer = page.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert_eq!(
        set_cookies(&answer),
        [format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0")]
    );
    assert!(!page.cookies.contains_key(SESSION));
    get_as(&server, "/api/auth/me", &access)
        .await
        .assert_problem(401, "invalid_token");
    page.post("/api/auth/logout", Value::Null)
        .await
        .assert_problem(401, "missing_token");
    // Again, as a second tab does that still has the cookie.
    page.cookies.insert(SESSION.to_owned(), cookie);
    page.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert!(!page.cookies.contains_key(SESSION));

    // With a bearer token of the session, the cookie goes as well; with one of another session, it stays.
    let access = access_token(&page.sign_in("ada").await.assert_status(200));
    let other = server.sign_in("ada").await;
    let answer = page.post_as("/api/auth/logout", Value::Null, &other.access_token).await;
    assert!(set_cookies(&answer.assert_status(204)).is_empty());
    other.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    page.token().await.assert_status(200);
    let answer = page
        .post_as("/api/auth/logout", Value::Null, &access)
        .await
        .assert_status(204);
    assert_eq!(set_cookies(&answer).len(), 1);
    assert!(!page.cookies.contains_key(SESSION));

    // An expired access token does not keep a page from signing out.
    let access = access_token(&page.sign_in("ada").await.assert_status(200));
    server.services.clock.advance(11 * MINUTE);
    get_as(&server, "/api/auth/me", &access)
        .await
        .assert_problem(401, "invalid_token");
    let cookie = page.session().to_owned();
    page.post_as("/api/auth/logout", Value::Null, &access)
        .await
        .assert_status(204);
    page.cookies.insert(SESSION.to_owned(), cookie);
    page.token().await.assert_problem(401, "login_required");
}

/// Everything that ends sessions ends the cookie's, and the tokens that came from it.
#[apply(on_both_databases!)]
async fn t_12_whatever_ends_the_session_ends_the_cookie_and_its_tokens(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let ended = async |page: &mut Page<'_>, access: &str, how: &str| {
        let answer = page.token().await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "login_required"),
            "{how}"
        );
        // Another tab may have signed in meanwhile: its cookie must not be removed.
        assert!(set_cookies(&answer).is_empty(), "{how}");
        let answer = get_as(&server, "/api/auth/me", access).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "invalid_token"),
            "{how}"
        );
    };
    let mut page = Page::signed_up(&server, "ada").await;
    let access = access_token(&page.token().await);
    page.post_as("/api/auth/logout-all", Value::Null, &access)
        .await
        .assert_status(204);
    ended(&mut page, &access, "sign-out everywhere, from here").await;

    let elsewhere = server.sign_in("ada").await;
    let access = access_token(&page.sign_in("ada").await);
    let sessions = elsewhere.get("/api/auth/sessions").await.json();
    let sid = claims(&access)["sid"].as_str().unwrap().to_owned();
    assert!(
        sessions
            .as_array()
            .unwrap()
            .iter()
            .any(|session| session["id"] == sid.as_str())
    );
    elsewhere
        .delete(&format!("/api/auth/sessions/{sid}"), Value::Null)
        .await
        .assert_status(204);
    ended(&mut page, &access, "the session was ended on another device").await;

    let access = access_token(&page.sign_in("ada").await);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    elsewhere
        .post("/api/auth/change-password", change)
        .await
        .assert_status(204);
    ended(&mut page, &access, "the password was changed on another device").await;

    // From this browser, a change of the password keeps this session.
    let mut bob = Page::signed_up(&server, "bob").await;
    let access = access_token(&bob.token().await);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    bob.post_as("/api/auth/change-password", change, &access)
        .await
        .assert_status(204);
    bob.token().await.assert_status(200);
    let id = serde_json::from_value(bob.token().await.json()["user"]["id"].clone()).unwrap();
    server.services.operator.set_disabled(id, true).await.unwrap();
    ended(&mut bob, &access, "the account was disabled").await;

    let mut eve = Page::signed_up(&server, "eve").await;
    let access = access_token(&eve.token().await);
    let delete = Request::delete("/api/auth/me")
        .header("authorization", format!("Bearer {access}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({ "password": PASSWORD }).to_string()));
    server.send(delete.unwrap()).await.assert_status(204);
    ended(&mut eve, &access, "the account was deleted").await;

    // On the hosted page in the same browser.
    let mut carol = Page::signed_up(&server, "carol").await;
    let access = access_token(&carol.token().await);
    let form = Request::post("/signout")
        .header("origin", ISSUER)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", carol.cookie_header())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::empty());
    server.send(form.unwrap()).await.assert_status(303);
    ended(&mut carol, &access, "sign-out on the hosted page").await;

    let mut dan = Page::signed_up(&server, "dan").await;
    let access = access_token(&dan.token().await);
    server.mails().await;
    server
        .post("/api/auth/recover", json!({ "email": "dan@example.com" }))
        .await
        .assert_status(202);
    let recovery = json!({ "token": server.mail().await.token(), "new_password": NEW_PASSWORD });
    server
        .post("/api/auth/recover/confirm", recovery)
        .await
        .assert_status(204);
    ended(&mut dan, &access, "the password was reset").await;
}

#[apply(on_both_databases!)]
async fn a_cookie_lasts_while_it_is_used_and_never_beyond_its_session(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    let clock = &server.services.clock;
    // Used within a day, it is not written again.
    clock.advance(20 * MINUTE);
    assert!(set_cookies(&page.token().await.assert_status(200)).is_empty());
    for _ in 0..4 {
        clock.advance(20 * DAY);
        let answer = page.token().await.assert_status(200);
        let cookies = set_cookies(&answer);
        assert!(
            cookies.len() == 1 && cookies[0].contains("Max-Age=7776000"),
            "{cookies:?}"
        );
        let sessions = get_as(&server, "/api/auth/sessions", &access_token(&answer))
            .await
            .json();
        assert_eq!(sessions[0]["last_seen_at"], json!(clock.now()));
    }
    // A token never outlives its session: 90 days after the sign-in.
    clock.advance(10 * DAY - 25 * MINUTE);
    let left = page.token().await.assert_status(200).json()["expires_in"]
        .as_i64()
        .unwrap();
    assert_eq!(left, 300);
    clock.advance(5 * MINUTE);
    page.token().await.assert_problem(401, "login_required");

    page.sign_in("ada").await.assert_status(200);
    clock.advance(30 * DAY + MINUTE);
    page.token().await.assert_problem(401, "login_required");
}

#[apply(on_both_databases!)]
async fn the_lifetime_of_cookie_tokens_is_a_setting_and_at_most_that_of_others(database: Database) {
    for (tokens, expected) in [
        ("cookie_access_ttl = \"1m\"", 60),
        ("cookie_access_ttl = \"1h\"\naccess_ttl = \"2m\"", 120),
        ("access_ttl = \"5m\"", 300),
    ] {
        let server = TestServer::start_with(database, &format!("{SETTINGS}[tokens]\n{tokens}\n")).await;
        let mut page = Page::signed_up(&server, "ada").await;
        let body = page.token().await.assert_status(200).json();
        assert_eq!(body["expires_in"], expected, "{tokens}");
        let claims = claims(body["access_token"].as_str().unwrap());
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            expected
        );
    }
}

#[apply(on_both_databases!)]
async fn r_65_cookie_tokens_are_limited_by_session_and_unknown_cookies_by_network(database: Database) {
    let limits = format!("{SETTINGS}[limits]\ncookie_tokens_per_session = \"3/1h\"\nrefresh_per_address = \"2/1h\"\n");
    let server = TestServer::start_with(database, &limits).await;
    let (mut ada, mut eve) = (
        Page::signed_up(&server, "ada").await,
        Page::signed_up(&server, "eve").await,
    );
    for _ in 0..3 {
        ada.token().await.assert_status(200);
    }
    let limited = ada.token().await.assert_problem(429, "rate_limited");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() > 0);
    eve.token().await.assert_status(200);
    // Without a session, a request costs nothing and counts nothing.
    let mut other = Page::of_app(&server);
    for _ in 0..5 {
        other.token().await.assert_problem(401, "login_required");
    }
    other
        .cookies
        .insert(SESSION.to_owned(), format!("csb_{}", "A".repeat(43)));
    for _ in 0..2 {
        other.token().await.assert_problem(401, "login_required");
    }
    other.token().await.assert_problem(429, "rate_limited");
    // On the same network, eve is not affected.
    eve.token().await.assert_status(200);
}

/// A scope that the account loses is missing from the next token; one that it gains comes with the next session.
#[apply(on_both_databases!)]
async fn cookie_tokens_have_the_scopes_that_the_account_still_owns(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    let id = serde_json::from_value(page.token().await.json()["user"]["id"].clone()).unwrap();
    let (both, write) = ("reports:read reports:write", "reports:write".parse().unwrap());
    server
        .services
        .operator
        .grant(id, &both.parse().unwrap())
        .await
        .unwrap();
    let scope = |answer: &Answer| {
        (
            answer.json()["scope"].clone(),
            claims(&access_token(answer))["scope"].clone(),
        )
    };
    assert_eq!(scope(&page.token().await), (Value::Null, Value::Null));
    assert_eq!(scope(&page.sign_in("ada").await), (json!(both), json!(both)));
    server.services.operator.ungrant(id, &write).await.unwrap();
    let left = json!("reports:read");
    assert_eq!(scope(&page.token().await), (left.clone(), left));
}

/// Tabs ask at the same time, and one may sign in while another asks.
#[apply(on_both_databases!)]
async fn t_25_two_tabs_share_the_session(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    server.services.clock.advance(2 * DAY);
    let tabs: Vec<_> = (0..20).map(|_| page.clone()).collect();
    let answers = join_all(tabs.into_iter().map(|mut tab| async move { tab.token().await })).await;
    let sids: Vec<_> = answers
        .into_iter()
        .map(|answer| claims(&access_token(&answer.assert_status(200)))["sid"].clone())
        .collect();
    assert!(sids.iter().all(|sid| *sid == sids[0]));
    let mut late = page.clone();
    page.sign_in("ada").await.assert_status(200);
    let answer = late.token().await.assert_problem(401, "login_required");
    assert!(set_cookies(&answer).is_empty(), "it would remove the new cookie");
    late.cookies = page.cookies.clone();
    late.token().await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn emailed_links_and_codes_sign_in_with_a_cookie(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    server.mails().await;
    let email = json!({ "email": "ada@example.com" });
    page.post("/api/auth/login/email", email.clone())
        .await
        .assert_status(202);
    let link = json!({ "token": server.mail().await.token(), "session": "cookie" });
    let mut evil = page.of("https://evil.example.com", "same-site");
    evil.post("/api/auth/login/email/confirm", link.clone())
        .await
        .assert_problem(403, "origin_not_allowed");
    let before = page.session().to_owned();
    let answer = page
        .post("/api/auth/login/email/confirm", link)
        .await
        .assert_status(200);
    assert!(answer.json()["refresh_token"].is_null() && page.session() != before);
    assert_eq!(claims(&access_token(&page.token().await))["amr"], json!(["otp"]));
}

#[apply(on_both_databases!)]
async fn a_confirmed_sign_up_is_signed_in_with_a_cookie(database: Database) {
    let settings = format!("email_verification = \"required\"\n{SETTINGS}");
    let server = TestServer::start_with(database, &settings).await;
    let mut page = Page::of_app(&server);
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    let asked = page.post("/api/auth/register", ada).await.assert_status(202);
    let token = server.mail().await.token();
    let confirm = json!({ "token": token, "handle": asked.json()["handle"], "session": "cookie" });
    let mut evil = page.of("https://evil.example", "cross-site");
    evil.post("/api/auth/verify-email/confirm", confirm.clone())
        .await
        .assert_problem(403, "origin_not_allowed");
    let answer = page
        .post("/api/auth/verify-email/confirm", confirm)
        .await
        .assert_status(200);
    assert_eq!(answer.json()["user"]["email_verified"], true);
    assert_eq!(set_cookies(&answer).len(), 2);
    page.token().await.assert_status(200);

    // A new password proves the mailbox alone, so no one is signed in (login CSRF).
    let mut other = Page::of_app(&server);
    let bob = json!({ "email": "bob@example.com", "password": PASSWORD });
    other.post("/api/auth/register", bob).await.assert_status(202);
    let confirm = json!({ "token": server.mail().await.token(), "new_password": NEW_PASSWORD, "session": "cookie" });
    let answer = other
        .post("/api/auth/verify-email/confirm", confirm)
        .await
        .assert_status(204);
    assert!(set_cookies(&answer).is_empty());
}

/// The device cookie that comes with the session is the one of the hosted pages.
#[apply(on_both_databases!)]
async fn a_browser_is_recognized_at_its_next_sign_in(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut page = Page::signed_up(&server, "ada").await;
    let token = server.mail().await.token();
    let confirm = json!({ "token": token, "password": PASSWORD });
    page.post("/api/auth/verify-email/confirm", confirm)
        .await
        .assert_status(204);
    page.post("/api/auth/logout", Value::Null).await.assert_status(204);
    // From the same network, without and with the cookie of the device.
    let mut other = Page::of_app(&server);
    other.sign_in("ada").await.assert_status(200);
    assert_eq!(server.mails().await.len(), 1, "a browser without the cookie is new");
    page.sign_in("ada").await.assert_status(200);
    other.sign_in("ada").await.assert_status(200);
    assert_eq!(server.mails().await.len(), 0);
}

/// Each request for a token is counted by its outcome.
#[apply(on_both_databases!)]
async fn requests_for_cookie_tokens_are_counted(database: Database) {
    let limits = format!("{SETTINGS}[limits]\ncookie_tokens_per_session = \"1/1h\"\n");
    let server = TestServer::start_with(database, &limits).await;
    let mut page = Page::signed_up(&server, "ada").await;
    page.token().await.assert_status(200);
    page.token().await.assert_problem(429, "rate_limited");
    Page::of_app(&server)
        .token()
        .await
        .assert_problem(401, "login_required");
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &server.services.registry.lock().unwrap()).unwrap();
    for outcome in ["success", "signed_out", "limited"] {
        let line = format!("countersign_cookie_tokens_total{{outcome=\"{outcome}\"}} 1");
        assert!(text.contains(&line), "{text}");
    }
}

/// In development, a page on another host name of this machine is of another site, and is told so.
#[apply(on_both_databases!)]
async fn loopback_pages_use_the_cookie_on_their_own_site(database: Database) {
    let server = TestServer::start_with(database, "issuer = \"http://localhost:8000\"\n").await;
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post("/api/auth/register", ada).await.assert_status(201);
    let mut page = Page::of_app(&server).of("http://localhost:5173", "same-site");
    page.sign_in("ada").await.assert_status(200);
    assert!(page.cookies.contains_key("countersign-8000"));
    page.token().await.assert_status(200);
    let mut other = page.of("http://127.0.0.1:5173", "cross-site");
    let refused = other.token().await.assert_problem(403, "origin_not_allowed");
    assert!(
        refused.json()["detail"].as_str().unwrap().contains("same site"),
        "{}",
        refused.text
    );
}
