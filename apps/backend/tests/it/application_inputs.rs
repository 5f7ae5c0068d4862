//! What attackers, other applications in the same browser and careless programs send to the endpoints of applications.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{HeaderValue, Request};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.example.com";
const APP: &str = "https://app.example.com";
const SETTINGS: &str = "issuer = \"https://auth.example.com\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n\
     app_origins = [\"https://app.example.com\", \"https://shop.example.com\"]\n";
const SESSION: &str = "__Host-countersign";
const DEVICE: &str = "__Host-countersign-device";

/// The request of a page of the application.
fn of_page(path: &str) -> Builder {
    Request::post(path)
        .header("origin", APP)
        .header("sec-fetch-site", "same-site")
}

async fn send(server: &TestServer, request: Builder, body: impl Into<Body>) -> Answer {
    server.send(request.body(body.into()).unwrap()).await
}

async fn post(server: &TestServer, path: &str, cookies: &str, body: &Value) -> Answer {
    let request = of_page(path)
        .header("cookie", cookies)
        .header("content-type", "application/json");
    send(server, request, body.to_string()).await
}

/// Returns the value of a cookie that a response sets.
fn cookie(answer: &Answer, name: &str) -> String {
    let lines = answer.headers.get_all("set-cookie").iter();
    let mut pairs = lines.filter_map(|line| line.to_str().unwrap().split(';').next().unwrap().split_once('='));
    let found = pairs.find(|(found, _)| *found == name);
    found.unwrap_or_else(|| panic!("no {name}: {answer:?}")).1.to_owned()
}

/// A new account that is signed in with a cookie. Returns its value.
async fn signed_in(server: &TestServer, name: &str) -> String {
    let email = format!("{name}@example.com");
    let account = json!({ "email": email, "password": PASSWORD });
    server.post("/api/auth/register", account).await.assert_status(201);
    let credentials = json!({ "email": email, "password": PASSWORD, "session": "cookie" });
    let answer = post(server, "/api/auth/login", "", &credentials).await;
    cookie(&answer.assert_status(200), SESSION)
}

#[track_caller]
fn assert_gives_nothing(answer: &Answer, told: &str) {
    assert!(!answer.text.contains("eyJ"), "{told}: {}", answer.text);
    assert_eq!(answer.headers.get("set-cookie"), None, "{told}");
}

/// Other applications of the domain set cookies of any bytes, which a browser sends in the same header.
#[apply(on_both_databases!)]
async fn t_24_other_cookies_neither_hide_nor_replace_the_session(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let (own, other) = (signed_in(&server, "ada").await, signed_in(&server, "eve").await);
    let pair = format!("{SESSION}={own}");
    let planted = format!("{SESSION}={other}");
    let many: Vec<_> = (0..100).map(|n| format!("cookie{n}=value")).collect();
    let beside = |before: &[u8], after: &[u8]| vec![[before, pair.as_bytes(), after].concat()];
    let found: Vec<Vec<Vec<u8>>> = vec![
        // UTF-8, as `document.cookie = 'city=München'` writes it, and Latin-1 of old servers.
        beside("city=München; ".as_bytes(), b""),
        beside(b"", "; emoji=😀; city=東京".as_bytes()),
        beside(b"caf\xe9=1; ", b"; \xff=\xfe"),
        vec!["city=Zürich".as_bytes().to_vec(), pair.clone().into_bytes()],
        vec![pair.clone().into_bytes(), b"\xff".to_vec()],
        beside(b"", b"; a=\"b; c=\"d"),
        beside(b"a=\"; ", b"; b=\""),
        beside(b";;; ", b";;;"),
        beside(b"\t", b"\t"),
        beside(b"a;b=;=c;=;", b";"),
        beside(b"$Version=1; ", b"; $Path=/; $Domain=auth.example.com"),
        beside(format!("{}; ", many.join("; ")).as_bytes(), b""),
        beside(b"json={\"a\":1}; pct=%00%0d%0a; ", b"; eq===="),
        beside(format!("a={planted}; ").as_bytes(), b""),
        beside(
            format!("x{planted}; ").as_bytes(),
            format!("; {SESSION}2={other}").as_bytes(),
        ),
        beside(format!("a={SESSION}; ").as_bytes(), b""),
    ];
    let refused: Vec<Vec<Vec<u8>>> = vec![
        // Two of one name, in lines that differ in their bytes.
        vec![pair.clone().into_bytes(), [planted.as_bytes(), b"; a=\xff"].concat()],
        vec![
            [b"a=\xff; ".as_slice(), planted.as_bytes()].concat(),
            pair.clone().into_bytes(),
        ],
        beside(b"", format!("; a=\u{e9}; {planted}").as_bytes()),
        beside(b"", format!("; {SESSION}=").as_bytes()),
        beside(b"", format!("; {planted}").as_bytes()),
        beside(format!("{SESSION}=\u{e9}; ").as_bytes(), b""),
        // A value that is not one.
        beside(b"", "é".as_bytes()),
        beside(b"", b"\xff"),
        beside(b"", b","),
        beside(b"", b" x"),
        beside(b"a=", b""),
        beside(b"a=\"; b=", b"\""),
        vec![format!("{SESSION}={}", own.replace("csb_", "csb%5F")).into_bytes()],
        vec![format!("{SESSION}= {own} x").into_bytes()],
        vec![format!("{SESSION}:{own}").into_bytes()],
        vec![format!("{SESSION}\u{a0}={own}").into_bytes()],
        vec![[SESSION.as_bytes(), b"\xa0=", own.as_bytes()].concat()],
        vec![format!("{SESSION}==={own}").into_bytes()],
    ];
    let lines_of = |mut request: Builder, lines: &[Vec<u8>]| {
        for line in lines {
            request = request.header("cookie", HeaderValue::from_bytes(line).unwrap());
        }
        request
    };
    for (is_found, lines) in found
        .iter()
        .map(|lines| (true, lines))
        .chain(refused.iter().map(|lines| (false, lines)))
    {
        let told: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        let told = format!("{told:?}");
        let answer = send(&server, lines_of(of_page("/api/auth/token"), lines), "").await;
        if is_found {
            assert_eq!(answer.status, 200, "{told}: {}", answer.text);
            assert_eq!(answer.json()["user"]["email"], "ada@example.com", "{told}");
        } else {
            let answer = answer.assert_problem(401, "login_required");
            assert_gives_nothing(&answer, &told);
        }
        // The pages and forward-auth read the same cookie.
        let page = send(&server, lines_of(Request::get("/account"), lines), "").await;
        assert_eq!(page.status == 200, is_found, "{told}: {}", page.status);
        assert!(!page.text.contains("eve@example.com"), "{told}");
        let asked = lines_of(asked("GET", ISSUER, "/"), lines);
        let answer = send(&server, asked, "").await;
        let expected = if is_found { (200, "ada@example.com") } else { (401, "") };
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-auth-email")),
            expected,
            "{told}"
        );
        let passed = answer.headers.get("cookie").unwrap().as_bytes();
        assert!(!is_found || !contains(passed, own.as_bytes()), "{told}");
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A trusted proxy's question about a request to an origin.
fn asked(method: &str, origin: &str, path: &str) -> Builder {
    let (scheme, host) = origin.split_once("://").unwrap();
    Request::get("/api/auth/forward?redirect=1")
        .extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 40_000))))
        .header("x-forwarded-proto", scheme)
        .header("x-forwarded-host", host)
        .header("x-forwarded-uri", path)
        .header("x-forwarded-method", method)
}

/// `POST /api/auth/token` has no fields. What is sent to it anyway was meant for something else.
#[apply(on_both_databases!)]
async fn a_90_a_request_for_a_token_has_no_fields(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let session = format!("{SESSION}={}", signed_in(&server, "ada").await);
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(2_000_000));
    let cases: Vec<(&str, &str, u16, &str)> = vec![
        ("", "", 200, ""),
        (json, "", 200, ""),
        (form, "", 200, ""),
        ("text/plain", "", 200, ""),
        (json, "{}", 200, ""),
        (json, " { } ", 200, ""),
        (json, "null", 200, ""),
        (json, "{\"scope\":\"admin\"}", 422, "unknown_field"),
        (json, "{\"user\":\"eve@example.com\"}", 422, "unknown_field"),
        (json, "{\"session\":\"cookie\"}", 422, "unknown_field"),
        (json, "{\"refresh_token\":\"csr_x\"}", 422, "unknown_field"),
        (
            json,
            "{\"email\":\"eve@example.com\",\"password\":\"a\"}",
            422,
            "validation_failed",
        ),
        (json, "{\"__proto__\":{}}", 422, "unknown_field"),
        (json, "{\"a\":1,\"a\":1}", 422, "unknown_field"),
        (json, "[]", 422, "validation_failed"),
        (json, "\"x\"", 422, "validation_failed"),
        (json, "1", 422, "validation_failed"),
        (json, "{", 400, "malformed_body"),
        (json, "{}{}", 400, "malformed_body"),
        (json, "\u{feff}{}", 400, "malformed_body"),
        (form, "scope=admin", 422, "unknown_field"),
        (form, "{}", 422, "unknown_field"),
        ("text/plain", "{}", 415, "unsupported_media_type"),
        ("", "x", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=x", "--x--\r\n", 200, ""),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"scope\"\r\n\r\nadmin\r\n--x--\r\n",
            422,
            "unknown_field",
        ),
        (json, &large, 413, "body_too_large"),
    ];
    for (kind, body, status, code) in cases {
        let mut request = of_page("/api/auth/token").header("cookie", &session);
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let answer = send(&server, request, body.to_owned()).await;
        let told = format!("{kind} {}", &body[..body.len().min(60)]);
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{told}: {}",
            answer.text
        );
        if status != 200 {
            assert_gives_nothing(&answer, &told);
        }
    }
    // A page of another origin learns nothing from the body either: it is refused before the body is read.
    let request = Request::post("/api/auth/token")
        .header("origin", "https://evil.example")
        .header("cookie", &session)
        .header("content-type", "text/plain");
    let answer = send(&server, request, "{").await;
    answer.assert_problem(403, "origin_not_allowed");
}

type Headers = &'static [(&'static str, &'static str)];

/// A page of another origin may lead a browser to an application, and nothing else: it can neither load a page's data as an
/// image or a script, nor send its forms.
#[apply(on_both_databases!)]
async fn t_12_a_page_of_another_origin_loads_nothing_from_an_application(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let session = format!("{SESSION}={}", signed_in(&server, "ada").await);
    let cases: &[(&str, Headers, u16)] = &[
        (
            "GET",
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")],
            200,
        ),
        (
            "GET",
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            200,
        ),
        (
            "HEAD",
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            200,
        ),
        (
            "GET",
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors")],
            200,
        ),
        (
            "GET",
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],
            200,
        ),
        (
            "GET",
            &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            200,
        ),
        (
            "GET",
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
            403,
        ),
        (
            "GET",
            &[
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", "script"),
            ],
            403,
        ),
        (
            "GET",
            &[
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", "image"),
            ],
            403,
        ),
        (
            "GET",
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", "style"),
            ],
            403,
        ),
        (
            "HEAD",
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
            403,
        ),
        (
            "GET",
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
            403,
        ),
        (
            "GET",
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "websocket")],
            403,
        ),
        (
            "GET",
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "NAVIGATE")],
            403,
        ),
        (
            "GET",
            &[
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-mode", "no-cors"),
            ],
            403,
        ),
        (
            "GET",
            &[("sec-fetch-site", "invented"), ("sec-fetch-mode", "no-cors")],
            403,
        ),
        (
            "POST",
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")],
            403,
        ),
    ];
    for (method, lines, status) in cases {
        let mut request = asked(method, ISSUER, "/orders.js").header("cookie", &session);
        for (name, value) in *lines {
            request = request.header(*name, *value);
        }
        let answer = send(&server, request, "").await;
        assert_eq!(answer.status.as_u16(), *status, "{method} {lines:?}: {}", answer.text);
        let user = answer.header("x-auth-email");
        assert_eq!(
            user,
            if *status == 200 { "ada@example.com" } else { "" },
            "{method} {lines:?}"
        );
    }
}

/// A sign-up with a cookie creates the account and its session at once, for pages of applications only.
#[apply(on_both_databases!)]
async fn a_67_t_23_a_sign_up_opens_a_session_in_the_browser_that_asks_for_it(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let account = |name: &str| json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "session": "cookie", "name": "Ada L." });
    let answer = post(&server, "/api/auth/register", "", &account("ada"))
        .await
        .assert_status(201);
    let body = answer.json();
    assert_eq!(
        (&body["user"]["email"], &body["user"]["name"]),
        (&json!("ada@example.com"), &json!("Ada L."))
    );
    assert_eq!(
        (&body["expires_in"], &body["refresh_token"]),
        (&json!(600), &Value::Null)
    );
    let session = format!("{SESSION}={}", cookie(&answer, SESSION));
    assert!(!cookie(&answer, DEVICE).is_empty());
    let answer = post(&server, "/api/auth/token", &session, &json!({}))
        .await
        .assert_status(200);
    assert_eq!(answer.json()["user"], body["user"]);
    // The browser's previous session ends.
    let answer = post(&server, "/api/auth/register", &session, &account("bob"))
        .await
        .assert_status(201);
    assert_eq!(answer.json()["user"]["email"], "bob@example.com");
    post(&server, "/api/auth/token", &session, &json!({}))
        .await
        .assert_problem(401, "login_required");
    let bob = format!("{SESSION}={}", cookie(&answer, SESSION));
    // An email address that is taken opens nothing, whatever the password, and leaves the session as it is.
    let answer = post(&server, "/api/auth/register", &bob, &account("ada"))
        .await
        .assert_problem(409, "email_taken");
    assert_gives_nothing(&answer, "taken");
    post(&server, "/api/auth/token", &bob, &json!({}))
        .await
        .assert_status(200);
    // Pages of other origins create no account.
    for (origin, site) in [
        ("https://evil.example", "cross-site"),
        ("https://evil.example.com", "same-site"),
        ("null", "cross-site"),
        (APP, "cross-site"),
    ] {
        let request = Request::post("/api/auth/register")
            .header("origin", origin)
            .header("sec-fetch-site", site)
            .header("content-type", "application/json");
        let answer = send(&server, request, account("eve").to_string()).await;
        assert_gives_nothing(&answer.assert_problem(403, "origin_not_allowed"), origin);
    }
    server
        .post("/api/auth/register", account("eve"))
        .await
        .assert_problem(403, "origin_not_allowed");
    let plain = json!({ "email": "eve@example.com", "password": PASSWORD });
    server.post("/api/auth/register", plain).await.assert_status(201);
    // There are no tokens to ask for: a session without a cookie begins with a sign-in.
    for session in ["token", "both", ""] {
        let body = json!({ "email": "dan@example.com", "password": PASSWORD, "session": session });
        let answer = post(&server, "/api/auth/register", "", &body)
            .await
            .assert_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["field"], "session");
    }
}

/// Where the email address must be verified first, no session is opened, and the response is the same for all.
#[apply(on_both_databases!)]
async fn a_sign_up_that_waits_for_its_email_opens_no_session(database: Database) {
    let server = TestServer::start_with(database, &format!("email_verification = \"required\"\n{SETTINGS}")).await;
    let account = json!({ "email": "ada@example.com", "password": PASSWORD, "session": "cookie" });
    for _ in 0..2 {
        let answer = post(&server, "/api/auth/register", "", &account)
            .await
            .assert_status(202);
        assert_gives_nothing(&answer, "required");
        assert!(answer.json()["handle"].is_string());
    }
}

/// After a change of the password, the browser that made it is known, as it is on the pages.
#[apply(on_both_databases!)]
async fn a_15_a_browser_that_changes_the_password_stays_known(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let account = json!({ "email": "ada@example.com", "password": PASSWORD, "session": "cookie" });
    let answer = post(&server, "/api/auth/register", "", &account)
        .await
        .assert_status(201);
    let (session, device) = (cookie(&answer, SESSION), cookie(&answer, DEVICE));
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();
    let confirm = json!({ "token": server.mail().await.token(), "password": PASSWORD });
    server
        .post("/api/auth/verify-email/confirm", confirm)
        .await
        .assert_status(204);
    let new = "another umbrella for tests";
    let change = json!({ "current_password": PASSWORD, "new_password": new });
    let request = of_page("/api/auth/change-password")
        .header("cookie", format!("{SESSION}={session}; {DEVICE}={device}"))
        .header("authorization", format!("Bearer {access}"))
        .header("content-type", "application/json");
    let answer = send(&server, request, change.to_string()).await.assert_status(204);
    assert_eq!(cookie(&answer, DEVICE), device);
    assert_eq!(server.mails().await.len(), 1, "the password was changed");
    let credentials = json!({ "email": "ada@example.com", "password": new, "session": "cookie" });
    post(&server, "/api/auth/login", &format!("{DEVICE}={device}"), &credentials)
        .await
        .assert_status(200);
    assert_eq!(server.mails().await.len(), 0, "the browser is known");
    // A page of another origin does not choose the device.
    let other = format!("{DEVICE}=csd_{}", "A".repeat(43));
    let answer = post(&server, "/api/auth/login", &other, &credentials)
        .await
        .assert_status(200);
    assert_eq!(server.mails().await.len(), 1, "another browser is new");
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();
    let back = json!({ "current_password": new, "new_password": PASSWORD });
    let request = Request::post("/api/auth/change-password")
        .header("origin", "https://evil.example.com")
        .header("sec-fetch-site", "same-site")
        .header(
            "cookie",
            format!("{SESSION}={}; {DEVICE}={device}", cookie(&answer, SESSION)),
        )
        .header("authorization", format!("Bearer {access}"))
        .header("content-type", "application/json");
    let answer = send(&server, request, back.to_string()).await.assert_status(204);
    assert_gives_nothing(&answer, "another origin");
}

/// Origins and methods that no page of an application has, at every endpoint that reads or sets the cookie.
#[apply(on_both_databases!)]
async fn x_44_no_endpoint_of_the_cookie_answers_another_origin(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let session = format!("{SESSION}={}", signed_in(&server, "ada").await);
    let origins: [&[u8]; 16] = [
        b"https://evil.example",
        b"https://app.example.com\xff",
        b"https://app.example.com\t",
        b"https://app.example.com%00",
        b"https://app.example.com:0",
        b"https://app.example.com:0443",
        b"https://app.example.com?",
        b"https://app.example.com#",
        b"https:\\\\app.example.com",
        b"https://app.example.com,https://shop.example.com",
        "https://\u{430}pp.example.com".as_bytes(),
        "https://app。example.com".as_bytes(),
        b"https://xn--pp-6kc.example.com",
        b"wss://app.example.com",
        b"https://auth.example.com:443",
        b"HTTPS://AUTH.EXAMPLE.COM",
    ];
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "session": "cookie" }).to_string();
    let asking: [(&str, &str); 4] = [
        ("/api/auth/token", ""),
        ("/api/auth/logout", ""),
        ("/api/auth/login", &body),
        ("/api/auth/register", &body),
    ];
    for origin in origins {
        let told = String::from_utf8_lossy(origin);
        for (path, body) in asking {
            for site in ["same-site", "same-origin"] {
                let mut request = Request::post(path)
                    .header("origin", HeaderValue::from_bytes(origin).unwrap())
                    .header("sec-fetch-site", site)
                    .header("cookie", &session);
                if !body.is_empty() {
                    request = request.header("content-type", "application/json");
                }
                let answer = send(&server, request, body.to_owned()).await;
                let answer = answer.assert_problem(403, "origin_not_allowed");
                assert_gives_nothing(&answer, &told);
                assert_eq!(answer.headers.get("access-control-allow-origin"), None, "{told} {path}");
            }
        }
        let preflight = Request::options("/api/auth/token")
            .header("origin", HeaderValue::from_bytes(origin).unwrap())
            .header("access-control-request-method", "POST");
        let answer = send(&server, preflight, "").await;
        assert_eq!(answer.status, 403, "{told}");
        assert_eq!(answer.headers.get("access-control-allow-credentials"), None, "{told}");
    }
    // The session is still there.
    post(&server, "/api/auth/token", &session, &json!({}))
        .await
        .assert_status(200);
}
