//! Web applications behind a proxy, for people: a browser signs in at the issuer and comes back to the host of the
//! application, where a cookie of its own stands for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::request::Builder;
use countersign::core::ids::AccountId;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.example.com";
const APP: &str = "https://app.example.com";
const OTHER: &str = "https://other.example.com";
const SETTINGS: &str = "issuer = \"https://auth.example.com\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n\
     app_origins = [\"https://app.example.com\", \"https://other.example.com\"]\n";
const FORWARD: &str = "/api/auth/forward?redirect=1";
const SESSION: &str = "__Host-countersign";
const APP_SESSION: &str = "__Host-countersign-app";
const STATE: &str = "__Host-countersign-app-state";

/// A browser that opens pages, through a trusted proxy where they are an application's.
struct Browser<'s> {
    server: &'s TestServer,
    /// Its cookies by origin.
    jars: BTreeMap<String, BTreeMap<String, String>>,
}

impl<'s> Browser<'s> {
    fn new(server: &'s TestServer) -> Self {
        let jars = BTreeMap::new();
        Self { server, jars }
    }

    /// A browser with a new account, signed in to the pages.
    async fn signed_in(server: &'s TestServer, name: &str) -> Self {
        let mut browser = Self::new(server);
        let fields = format!("email={name}%40example.com&password={}", PASSWORD.replace(' ', "+"));
        let form = Request::post("/signup")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        let answer = browser.send(ISSUER, form, fields).await.assert_status(303);
        assert!(answer.header("location").starts_with('/'), "{}", answer.text);
        assert!(browser.cookie(ISSUER, SESSION).is_some());
        browser
    }

    /// Opens a page without following redirects.
    async fn open(&mut self, url: &str) -> Answer {
        self.open_as(url, |request| request).await
    }

    async fn open_as(&mut self, url: &str, with: impl FnOnce(Builder) -> Builder) -> Answer {
        let (origin, path) = split(url);
        let request = if origin == ISSUER {
            Request::get(path)
        } else if path.starts_with("/.countersign/") {
            proxied(path, &origin)
        } else {
            proxied(FORWARD, &origin)
                .header("x-forwarded-uri", path)
                .header("x-forwarded-method", "GET")
        };
        self.send(&origin, with(opening(request)), String::new()).await
    }

    /// Follows redirects. Returns every URL, and the last answer.
    async fn follow(&mut self, url: &str) -> (Vec<String>, Answer) {
        let mut seen = vec![url.to_owned()];
        loop {
            let at = seen.last().unwrap().clone();
            let answer = self.open(&at).await;
            let location = answer.header("location").to_owned();
            if location.is_empty() {
                return (seen, answer);
            }
            assert!(seen.len() < 10, "{seen:?}");
            let (origin, _) = split(&at);
            seen.push(match location.starts_with('/') {
                true => format!("{origin}{location}"),
                false => location,
            });
        }
    }

    async fn send(&mut self, origin: &str, request: Builder, body: String) -> Answer {
        let jar = self.jars.entry(origin.to_owned()).or_default();
        let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match cookies.is_empty() {
            true => request,
            false => request.header("cookie", cookies.join("; ")),
        };
        let answer = self.server.send(request.body(Body::from(body)).unwrap()).await;
        for (name, value) in cookies_of(&answer) {
            match value.is_empty() {
                true => jar.remove(&name),
                false => jar.insert(name, value),
            };
        }
        answer
    }

    fn cookie(&self, origin: &str, name: &str) -> Option<String> {
        self.jars.get(origin)?.get(name).cloned()
    }
}

/// Splits a URL into origin and path.
fn split(url: &str) -> (String, &str) {
    let path = url[8..].find('/').map_or(url.len(), |at| at + 8);
    (url[..path].to_owned(), &url[path..])
}

/// The headers of a browser that opens a page because its user followed a link.
fn opening(request: Builder) -> Builder {
    request
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-site", "cross-site")
}

/// A request of a trusted proxy.
fn proxied(path: &str, origin: &str) -> Builder {
    let (scheme, host) = origin.split_once("://").unwrap();
    Request::get(path)
        .extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 40_000))))
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-forwarded-proto", scheme)
        .header("x-forwarded-host", host)
}

/// A proxy's question about a request.
fn asked(method: &str, url: &str) -> Builder {
    let (origin, path) = split(url);
    proxied(FORWARD, &origin)
        .header("x-forwarded-uri", path)
        .header("x-forwarded-method", method)
}

fn cookies_of(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.headers.get_all("set-cookie").iter();
    let pairs = lines.map(|line| {
        line.to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .split_once('=')
            .unwrap()
    });
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[track_caller]
fn headers(answer: &Answer) -> [String; 4] {
    ["x-auth-user", "x-auth-email", "x-auth-scope", "cookie"].map(|name| {
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name}: {values:?}");
        values[0].to_str().unwrap().to_owned()
    })
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(headers(answer)[..3], ["", "", ""]);
    assert_eq!(answer.header("location"), "");
    assert_eq!(answer.headers.get("set-cookie"), None);
}

/// The parameter of a URL.
fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name);
    found
        .next()
        .unwrap_or_else(|| panic!("{url} has no {name}"))
        .1
        .into_owned()
}

#[apply(on_both_databases!)]
async fn t_27_a_browser_signs_in_comes_back_and_signs_out_everywhere(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let wanted = "https://app.example.com/orders/7?x=1&y=%2F";
    // Without a session, the way ends at the sign-in page, which leads back.
    let mut stranger = Browser::new(&server);
    let (urls, page) = stranger.follow(wanted).await;
    assert_eq!(page.status, 200);
    let [_, begun, last] = &urls[..] else {
        panic!("{urls:?}")
    };
    assert!(
        begun.starts_with("https://auth.example.com/signin/continue?"),
        "{begun}"
    );
    assert!(last.starts_with("https://auth.example.com/signin?return_to="), "{last}");
    assert_eq!(parameter(last, "return_to"), wanted);
    // With a session, it leads back by itself, with a code that is used up.
    let mut ada = Browser::signed_in(&server, "ada").await;
    let (urls, page) = ada.follow(wanted).await;
    assert_eq!(urls.len(), 4, "{urls:?}");
    assert!(urls[2].starts_with("https://app.example.com/.countersign/callback?code=csx_"));
    assert_eq!(urls[3], wanted);
    assert_eq!(page.status, 200);
    let [id, email, scope, cookie] = headers(&page);
    assert_eq!(
        (email.as_str(), scope.as_str(), cookie.as_str()),
        ("ada@example.com", "", "")
    );
    // Nothing of the way is repeated, and other applications have cookies of their own.
    let (urls, _) = ada.follow("https://app.example.com/").await;
    assert_eq!(urls.len(), 1);
    let (urls, page) = ada.follow("https://other.example.com/").await;
    assert_eq!((urls.len(), headers(&page)[0].as_str()), (4, id.as_str()));
    assert_ne!(ada.cookie(APP, APP_SESSION), ada.cookie(OTHER, APP_SESSION));
    let entered = server.services.audit.list(&filter()).await.unwrap();
    let mut details: Vec<_> = entered.iter().filter_map(|entry| entry.detail.clone()).collect();
    details.sort();
    assert_eq!(details, [APP, OTHER]);
    // Signing out of one ends the session everywhere.
    let out = ada
        .open_as("https://app.example.com/.countersign/signout", |request| {
            let mut request = request;
            request
                .headers_mut()
                .unwrap()
                .insert("sec-fetch-site", "same-origin".parse().unwrap());
            request
        })
        .await
        .assert_status(303);
    assert_eq!(out.header("location"), "https://app.example.com/");
    assert_eq!(out.header("clear-site-data"), "\"cache\"");
    assert_eq!(ada.cookie(APP, APP_SESSION), None);
    for url in [wanted, "https://other.example.com/", "https://auth.example.com/account"] {
        let (urls, _) = ada.follow(url).await;
        assert!(
            urls.last().unwrap().starts_with("https://auth.example.com/signin"),
            "{urls:?}"
        );
    }
}

fn filter() -> countersign::features::operations::audit::Filter {
    countersign::features::operations::audit::Filter {
        account: None,
        kind: Some(countersign::features::operations::audit::EventKind::ApplicationEntered),
        since: countersign::core::clock::Timestamp(0),
        until: countersign::core::clock::Timestamp(i64::MAX),
        limit: 10,
    }
}

#[apply(on_both_databases!)]
async fn t_27_on_the_issuers_own_host_the_cookie_of_the_pages_suffices(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let question = |path: &str| opening(asked("GET", &format!("{ISSUER}{path}")));
    let answer = Browser::new(&server)
        .send(ISSUER, question("/orders/7?x=1"), String::new())
        .await;
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.header("location"),
        "https://auth.example.com/signin?return_to=%2Forders%2F7%3Fx%3D1"
    );
    assert_eq!(cookies_of(&answer), []);
    let mut ada = Browser::signed_in(&server, "ada").await;
    let answer = ada
        .send(ISSUER, question("/orders/7"), String::new())
        .await
        .assert_status(200);
    // The application gets none of the pages' cookies.
    assert_eq!(headers(&answer)[1..], ["ada@example.com", "", ""]);
    let request = asked("POST", "https://auth.example.com/.countersign/signout");
    let request = request.header("sec-fetch-site", "same-origin");
    let out = ada
        .send(ISSUER, at(request, "/.countersign/signout"), String::new())
        .await;
    assert_eq!(
        (out.status.as_u16(), out.header("location")),
        (303, "https://auth.example.com/")
    );
    assert_eq!(ada.cookie(ISSUER, SESSION), None);
    let answer = ada.send(ISSUER, question("/"), String::new()).await;
    assert_eq!(answer.status, 302);
}

/// The same request at another path.
fn at(request: Builder, path: &str) -> Builder {
    request.uri(path)
}

#[apply(on_both_databases!)]
async fn t_27_nothing_changes_without_redirect(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    ada.follow("https://app.example.com/").await;
    for query in [
        "",
        "?redirect",
        "?redirect=",
        "?redirect=0",
        "?redirect=true",
        "?denied=1",
        "?scope=redirect=1",
    ] {
        for url in ["https://app.example.com/", "https://auth.example.com/"] {
            let request = at(opening(asked("GET", url)), &format!("/api/auth/forward{query}"));
            let answer = ada.send(&split(url).0, request, String::new()).await;
            let answer = answer.assert_problem(401, "missing_token");
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer realm=\"https://auth.example.com\""
            );
            assert_eq!(answer.headers.get("cookie"), None);
            assert_eq!(answer.header("location"), "");
        }
    }
}

#[apply(on_both_databases!)]
async fn t_27_a_program_gets_401_and_a_token_is_judged_as_before(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let eve = server.user("eve").await;
    let token = format!("Bearer {}", eve.access_token);
    let ask = async |method: &str, lines: &[(&str, &str)]| {
        let mut request = asked(method, "https://app.example.com/orders");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let html = ("accept", "text/html");
    let programs: &[(&str, &[(&str, &str)])] = &[
        ("GET", &[]),
        ("GET", &[("accept", "*/*")]),
        ("GET", &[("accept", "application/json")]),
        ("POST", &[html]),
        ("PUT", &[html]),
        ("OPTIONS", &[html]),
        ("get", &[html]),
        ("GET", &[html, ("sec-fetch-mode", "cors")]),
        (
            "GET",
            &[html, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        ),
        (
            "GET",
            &[html, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        ),
        (
            "GET",
            &[html, ("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "navigate")],
        ),
        ("GET", &[html, ("sec-fetch-mode", "websocket")]),
        ("GET", &[html, ("x-requested-with", "XMLHttpRequest")]),
    ];
    for (method, lines) in programs {
        let answer = ask(method, lines).await;
        assert_refused(&answer, 401);
        let answer = answer.assert_problem(401, "missing_token");
        assert!(!answer.header("www-authenticate").is_empty(), "{method} {lines:?}");
    }
    // A browser, old or new.
    for lines in [
        &[html][..],
        &[("accept", "application/xhtml+xml, TEXT/HTML;q=0.9")],
        &[html, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
    ] {
        assert_eq!(ask("GET", lines).await.status, 302, "{lines:?}");
        assert_eq!(ask("HEAD", lines).await.status, 302, "{lines:?}");
    }
    // A token is judged alone, and a bad one is no reason to sign in.
    let answer = ask("POST", &[("authorization", &token), ("cookie", "theme=dark")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(headers(&answer)[1..], ["eve@example.com", "", "theme=dark"]);
    let mut ada = Browser::signed_in(&server, "ada").await;
    ada.follow("https://app.example.com/").await;
    for (authorization, status) in [("Bearer a.b.c", 401), ("Bearer", 401), ("Basic YTpi", 200)] {
        let request = opening(asked("GET", "https://app.example.com/")).header("authorization", authorization);
        let answer = ada.send(APP, request, String::new()).await;
        assert_eq!(answer.status.as_u16(), status, "{authorization}");
        if status == 401 {
            assert_refused(&answer, 401);
            answer.assert_problem(401, "invalid_token");
        }
    }
}

/// What a client, or a proxy that is not ours, may say of a request: none of it leads a browser elsewhere.
#[apply(on_both_databases!)]
async fn t_28_no_redirect_leads_to_a_place_that_is_not_ours(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let ask = async |peer: [u8; 4], lines: &[(&str, &str)]| {
        let mut request = opening(Request::get(FORWARD)).extension(ConnectInfo(SocketAddr::from((peer, 1))));
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let (proxy, stranger) = ([10, 0, 0, 1], [192, 0, 2, 1]);
    let (proto, host) = (("x-forwarded-proto", "https"), ("x-forwarded-host", "app.example.com"));
    let (uri, method) = (("x-forwarded-uri", "/orders"), ("x-forwarded-method", "GET"));
    assert_eq!(ask(proxy, &[proto, host, uri, method]).await.status, 302);
    let hosts = [
        "evil.example",
        "app.example.com.evil.example",
        "evil.example/app.example.com",
        "evil.example#app.example.com",
        "app.example.com@evil.example",
        "evil.example\\app.example.com",
        "app.example.com:8443",
        "app.example.com:443",
        "APP.example.com",
        "app.example.com.",
        "app.example.com, evil.example",
        "xn--pp-via.example.com",
        "example.com",
        "sub.app.example.com",
        "[::1]",
        "127.0.0.1",
        "localhost:3000",
        " ",
        "",
    ];
    for evil in hosts {
        let answer = ask(proxy, &[proto, ("x-forwarded-host", evil), uri, method]).await;
        assert_refused(&answer, 401);
    }
    let mut refused: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![host, uri, method],
        vec![proto, uri, method],
        vec![proto, host, method],
        vec![proto, host, uri],
        vec![proto, proto, host, uri, method],
        vec![proto, host, host, uri, method],
        vec![proto, host, uri, uri, method],
        vec![proto, host, uri, method, method],
        vec![proto, host, uri, ("x-forwarded-method", "GE T")],
        vec![
            ("x-original-url", "https://app.example.com/orders"),
            ("host", "app.example.com"),
        ],
        vec![("forwarded", "proto=https;host=app.example.com"), uri, method],
    ];
    for scheme in ["http", "HTTPS", "javascript", "https:", "", "ftp", "https,http", "data"] {
        refused.push(vec![("x-forwarded-proto", scheme), host, uri, method]);
    }
    for path in [
        "",
        "*",
        "orders",
        "https://evil.example/",
        "@evil.example/",
        ".evil.example/",
        ":443@evil.example/",
    ] {
        refused.push(vec![proto, host, ("x-forwarded-uri", path), method]);
    }
    for lines in refused {
        let answer = ask(proxy, &lines).await;
        assert_refused(&answer, 401);
    }
    // Anyone else's word does not count at all.
    assert_refused(&ask(stranger, &[proto, host, uri, method]).await, 401);
    // What is left leads to the application, or to its start if the URL could be read in two ways.
    let long = format!("/{}", "a".repeat(3000));
    for (path, expected) in [
        ("//evil.example/", "https://app.example.com//evil.example/"),
        ("/\\evil.example/", "https://app.example.com/"),
        ("/../../evil.example", "https://app.example.com/evil.example"),
        ("/%2e%2e//evil.example", "https://app.example.com//evil.example"),
        ("/@evil.example/", "https://app.example.com/@evil.example/"),
        (
            "/?return_to=https://evil.example/",
            "https://app.example.com/?return_to=https://evil.example/",
        ),
        ("/?a#b", "https://app.example.com/?a#b"),
        ("/a b", "https://app.example.com/"),
        ("/\t", "https://app.example.com/"),
        (&long, "https://app.example.com/"),
    ] {
        let answer = ask(proxy, &[proto, host, ("x-forwarded-uri", path), method]).await;
        assert_eq!(answer.status, 302, "{path}");
        let location = answer.header("location");
        assert!(
            location.starts_with("https://auth.example.com/signin/continue?to="),
            "{location}"
        );
        assert_eq!(parameter(location, "to"), expected);
    }
}

/// `/signin/continue` is a link that anyone can write.
#[apply(on_both_databases!)]
async fn t_28_no_link_hands_a_browser_off_to_another_place(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    let begun = ada.open("https://app.example.com/").await;
    let state = parameter(begun.header("location"), "state");
    let good = format!("to=https%3A%2F%2Fapp.example.com%2F&state={state}");
    let answer = ada.open(&format!("{ISSUER}/signin/continue?{good}")).await;
    assert_eq!(answer.status, 303);
    let mut bad = vec![
        String::new(),
        format!("state={state}"),
        "to=https%3A%2F%2Fapp.example.com%2F".to_owned(),
        format!("{good}&to=https%3A%2F%2Fevil.example%2F"),
        format!("{good}&state={state}"),
        format!("to=https%3A%2F%2Fapp.example.com%2F&state={state}A"),
        format!("to=https%3A%2F%2Fapp.example.com%2F&state={}", &state[1..]),
        "to=https%3A%2F%2Fapp.example.com%2F&state=".to_owned(),
    ];
    for to in [
        "https://evil.example/",
        "//evil.example/",
        "/account",
        "javascript:alert(1)",
        "https://app.example.com@evil.example/",
        "https://app.example.com.evil.example/",
        "http://app.example.com/",
        "https://auth.example.com/account",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com:8443/",
        "https:evil.example",
        "",
    ] {
        let to: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
        bad.push(format!("to={to}&state={state}"));
    }
    for query in bad {
        let answer = ada.open(&format!("{ISSUER}/signin/continue?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.header("location"), "", "{query}");
        // A page, because a person looks at it.
        assert!(answer.header("content-type").starts_with("text/html"));
    }
}

#[apply(on_both_databases!)]
async fn t_13_t_29_a_code_works_once_soon_and_in_the_browser_and_place_it_is_for(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let interrupted = "https://auth.example.com/signin/interrupted";
    let mut ada = Browser::signed_in(&server, "ada").await;
    let code_for = async |browser: &mut Browser<'_>, url: &str| {
        let begun = browser.open(url).await.header("location").to_owned();
        browser.open(&begun).await.header("location").to_owned()
    };
    // The code of Eve, in another person's browser: with and without a state of its own.
    let mut eve = Browser::signed_in(&server, "eve").await;
    for with_state in [false, true] {
        let callback = code_for(&mut eve, "https://app.example.com/").await;
        let mut victim = Browser::new(&server);
        if with_state {
            victim.open("https://app.example.com/").await;
            assert!(victim.cookie(APP, STATE).is_some());
        }
        let answer = victim.open(&callback).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, interrupted));
        assert_eq!(victim.cookie(APP, APP_SESSION), None);
        // The code is used up: it does not work any more even where it should have.
        let answer = eve.open(&callback).await;
        assert_eq!(answer.header("location"), interrupted);
        assert_eq!(eve.cookie(APP, APP_SESSION), None);
    }
    let (_, page) = Browser::new(&server).follow(interrupted).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("cookies in your browser"), "{}", page.text);
    // At another application, although this browser has a state there, too.
    ada.open("https://other.example.com/").await;
    let callback = code_for(&mut ada, "https://app.example.com/").await;
    let elsewhere = callback.replace(APP, OTHER);
    assert_eq!(ada.open(&elsewhere).await.header("location"), interrupted);
    assert_eq!(ada.cookie(OTHER, APP_SESSION), None);
    // The same, with the state of the other application in the link.
    let begun = ada
        .open("https://other.example.com/")
        .await
        .header("location")
        .to_owned();
    let forged = format!(
        "{ISSUER}/signin/continue?to=https%3A%2F%2Fapp.example.com%2F&state={}",
        parameter(&begun, "state")
    );
    let callback = ada.open(&forged).await.header("location").to_owned();
    assert!(callback.starts_with(APP), "{callback}");
    let elsewhere = callback.replace(APP, OTHER);
    assert_eq!(ada.open(&elsewhere).await.header("location"), interrupted);
    assert_eq!(ada.cookie(OTHER, APP_SESSION), None);
    // A minute later.
    let callback = code_for(&mut ada, "https://app.example.com/").await;
    server.services.clock.advance(Duration::from_secs(60));
    assert_eq!(ada.open(&callback).await.header("location"), interrupted);
    // Codes that are not used are removed.
    assert_eq!(server.services.forward.sweep_once().await.unwrap(), 0);
    code_for(&mut ada, "https://app.example.com/").await;
    server.services.clock.advance(Duration::from_secs(61));
    assert_eq!(server.services.forward.sweep_once().await.unwrap(), 1);
    // After the session has ended.
    let callback = code_for(&mut eve, "https://app.example.com/").await;
    let me = server.sign_in("eve").await.get("/api/auth/me").await.json();
    let account = AccountId(me["id"].as_str().unwrap().parse().unwrap());
    server.services.operator.set_disabled(account, true).await.unwrap();
    assert_eq!(eve.open(&callback).await.header("location"), interrupted);
    // Twice: the second time, the browser is already signed in.
    let callback = code_for(&mut ada, "https://app.example.com/orders").await;
    assert_eq!(
        ada.open(&callback).await.header("location"),
        "https://app.example.com/orders"
    );
    let cookie = ada.cookie(APP, APP_SESSION);
    assert_eq!(ada.open(&callback).await.header("location"), "https://app.example.com/");
    assert_eq!(ada.cookie(APP, APP_SESSION), cookie);
    // A thief with the code and without the cookie, and one who guesses.
    let mut thief = Browser::new(&server);
    for code in [
        "",
        "csx_",
        "a",
        "csb_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &callback,
        "%00",
        "csx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let code: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
        for query in [
            format!("?code={code}"),
            format!("?code={code}&code={code}"),
            String::new(),
        ] {
            let answer = thief.open(&format!("{APP}/.countersign/callback{query}")).await;
            assert_eq!(answer.header("location"), interrupted, "{query}");
        }
    }
    assert_eq!(thief.cookie(APP, APP_SESSION), None);
    // Directly, without a proxy, or through one that says otherwise.
    for origin in ["https://evil.example", "http://app.example.com"] {
        let request = proxied("/.countersign/callback?code=a", origin);
        server
            .send(request.body(Body::empty()).unwrap())
            .await
            .assert_problem(404, "not_found");
    }
    server
        .get("/.countersign/callback?code=a")
        .await
        .assert_problem(404, "not_found");
    server
        .get("/.countersign/signout")
        .await
        .assert_problem(404, "not_found");
}

#[apply(on_both_databases!)]
async fn t_29_tabs_that_begin_together_all_end_well(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    let mut begun = Vec::new();
    for tab in ["1", "2", "3"] {
        let answer = ada.open(&format!("{APP}/{tab}")).await;
        begun.push(answer.header("location").to_owned());
    }
    for (tab, begun) in ["1", "2", "3"].iter().zip(begun) {
        let (urls, page) = ada.follow(&begun).await;
        assert_eq!(urls.last().unwrap(), &format!("{APP}/{tab}"));
        assert_eq!(page.status, 200);
    }
}

/// A cookie is good for one place.
#[apply(on_both_databases!)]
async fn t_30_a_cookie_of_one_place_is_worth_nothing_at_another(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    ada.follow("https://app.example.com/").await;
    let (own, app) = (
        ada.cookie(ISSUER, SESSION).unwrap(),
        ada.cookie(APP, APP_SESSION).unwrap(),
    );
    let state = ada.cookie(APP, STATE).unwrap();
    let forward = async |origin: &str, cookie: &str| {
        let request = asked("GET", &format!("{origin}/"))
            .header("accept", "application/json")
            .header("cookie", cookie);
        server.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(forward(APP, &format!("{APP_SESSION}={app}")).await.status, 200);
    assert_eq!(forward(ISSUER, &format!("{SESSION}={own}")).await.status, 200);
    for (origin, cookie) in [
        // Of another application, of the pages, and of the application at the pages.
        (OTHER, format!("{APP_SESSION}={app}")),
        (OTHER, format!("{SESSION}={app}")),
        (APP, format!("{SESSION}={own}")),
        (APP, format!("{APP_SESSION}={own}")),
        (APP, format!("{SESSION}={app}")),
        (ISSUER, format!("{SESSION}={app}")),
        (ISSUER, format!("{APP_SESSION}={app}")),
        (ISSUER, format!("{APP_SESSION}={own}")),
        // Another name, as a sibling subdomain could plant it.
        (APP, format!("countersign-app={app}")),
        (APP, format!("{APP_SESSION}-443={app}")),
        (APP, format!("__host-countersign-app={app}")),
        // Two: one of them was planted.
        (APP, format!("{APP_SESSION}={app}; {APP_SESSION}={app}")),
        (APP, format!("{APP_SESSION}=x; {APP_SESSION}={app}")),
        // Another secret.
        (APP, format!("{APP_SESSION}={state}")),
        (APP, format!("{APP_SESSION}={}", app.to_uppercase())),
        (APP, format!("{APP_SESSION}={app}=")),
        (APP, format!("{APP_SESSION}=\"{app}\"")),
        (APP, format!("{APP_SESSION}=")),
    ] {
        assert_refused(&forward(origin, &cookie).await, 401);
    }
    // Neither pages nor API take the cookie of an application.
    for (path, cookie) in [
        ("/account", format!("{SESSION}={app}")),
        ("/account", format!("{APP_SESSION}={app}")),
    ] {
        let request = Request::get(path).header("cookie", cookie);
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with("/signin"), "{path}");
    }
    // An access token is for a page of the cookie's own origin, whose proxy passes the request on.
    for (origin, cookie, status) in [
        (Some(APP), format!("{APP_SESSION}={app}"), 200),
        (Some(OTHER), format!("{APP_SESSION}={app}"), 401),
        (Some(ISSUER), format!("{APP_SESSION}={app}"), 401),
        (Some(ISSUER), format!("{SESSION}={app}"), 401),
        (Some(APP), format!("{SESSION}={app}"), 401),
        (Some(APP), format!("{APP_SESSION}={own}"), 401),
        (Some("https://evil.example"), format!("{APP_SESSION}={app}"), 403),
        (None, format!("{APP_SESSION}={app}"), 403),
    ] {
        let mut request = Request::post("/api/auth/token").header("cookie", &cookie);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{origin:?} {cookie}: {}", answer.text);
        if status == 200 {
            assert_eq!(answer.json()["user"]["email"], "ada@example.com");
            assert_eq!(answer.json()["refresh_token"], Value::Null);
        }
    }
    // Of two sessions, the one of the pages counts.
    let eve = Browser::signed_in(&server, "eve")
        .await
        .cookie(ISSUER, SESSION)
        .unwrap();
    let request = Request::post("/api/auth/token")
        .header("origin", APP)
        .header("cookie", format!("{APP_SESSION}={app}; {SESSION}={eve}"));
    let answer = server
        .send(request.body(Body::empty()).unwrap())
        .await
        .assert_status(200);
    assert_eq!(answer.json()["user"]["email"], "eve@example.com");
    let request = Request::get("/api/auth/me").header("authorization", format!("Bearer {app}"));
    server
        .send(request.body(Body::empty()).unwrap())
        .await
        .assert_problem(401, "invalid_token");
}

/// SameSite=Lax lets other pages of the same site send the cookie along.
#[apply(on_both_databases!)]
async fn t_12_a_cookie_does_not_act_for_pages_of_another_origin(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    ada.follow("https://app.example.com/").await;
    let site = |value| ("sec-fetch-site", value);
    let origin = |value| ("origin", value);
    /// A method, the headers about its origin, and the status of the response.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);
    let cases: &[Case<'_>] = &[
        ("GET", &[], 200),
        ("OPTIONS", &[], 200),
        ("GET", &[site("same-origin"), site("cross-site")], 403),
        ("HEAD", &[site("cross-site")], 200),
        ("GET", &[site("same-site")], 200),
        ("GET", &[site("none")], 200),
        ("GET", &[site("same-origin"), origin("null")], 200),
        ("POST", &[site("same-origin"), origin(APP)], 200),
        ("POST", &[site("none")], 200),
        ("DELETE", &[site("same-origin")], 200),
        ("POST", &[origin(APP)], 200),
        ("GET", &[origin(APP)], 200),
        ("POST", &[], 403),
        ("POST", &[site("same-site"), origin(OTHER)], 403),
        ("POST", &[site("cross-site"), origin("https://evil.example")], 403),
        ("POST", &[site("same-site"), origin(APP)], 403),
        ("POST", &[site("same-origin"), site("cross-site")], 403),
        ("POST", &[origin(OTHER)], 403),
        ("POST", &[origin("null")], 403),
        ("POST", &[origin(APP), origin(OTHER)], 403),
        ("POST", &[origin("https://app.example.com.evil.example")], 403),
        ("PUT", &[site("same-site")], 403),
        ("BREW", &[site("cross-site")], 403),
        // Scripts, and WebSockets, which no CORS protects.
        ("GET", &[origin(OTHER)], 403),
        (
            "GET",
            &[site("same-site"), origin(OTHER), ("upgrade", "websocket")],
            403,
        ),
        ("OPTIONS", &[site("same-site"), origin(OTHER)], 403),
    ];
    for (method, lines, status) in cases {
        let mut request = asked(method, "https://app.example.com/orders");
        for (name, value) in *lines {
            request = request.header(*name, *value);
        }
        let answer = ada.send(APP, request, String::new()).await;
        assert_eq!(answer.status.as_u16(), *status, "{method} {lines:?}: {}", answer.text);
        if *status == 403 {
            assert_refused(&answer, 403);
            answer.assert_problem(403, "origin_not_allowed");
        }
    }
}

#[apply(on_both_databases!)]
async fn t_13_a_link_on_another_site_signs_no_user_out(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    ada.follow("https://app.example.com/").await;
    let requests: &[&[(&str, &str)]] = &[
        &[],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors")],
        &[("sec-fetch-site", "same-origin"), ("sec-purpose", "prefetch")],
        &[("sec-fetch-site", "same-origin"), ("purpose", "prefetch")],
        &[("origin", OTHER)],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
    ];
    for lines in requests {
        for method in ["GET", "POST"] {
            let mut request = proxied("/.countersign/signout", APP).method(method);
            for (name, value) in *lines {
                request = request.header(*name, *value);
            }
            let answer = ada.send(APP, request, String::new()).await;
            assert_eq!(answer.status, 303);
            // The page there asks first.
            let page = "https://auth.example.com/signout?return_to=https%3A%2F%2Fapp.example.com%2F";
            assert_eq!(answer.header("location"), page, "{method} {lines:?}");
            assert_eq!(cookies_of(&answer), []);
        }
    }
    assert_eq!(ada.open("https://app.example.com/").await.status, 200);
    let request = proxied("/.countersign/signout", APP)
        .method("POST")
        .header("origin", APP);
    let answer = ada.send(APP, request, String::new()).await;
    assert_eq!(answer.header("location"), "https://app.example.com/");
    assert_eq!(ada.open("https://app.example.com/").await.status, 302);
}

#[apply(on_both_databases!)]
async fn t_27_scopes_lifetimes_and_other_cookies(database: Database) {
    let server = TestServer::start_with(
        database,
        &format!("{SETTINGS}[tokens]\nrefresh_idle_ttl = \"2d\"\nrefresh_absolute_ttl = \"5d\"\naccess_ttl = \"1h\"\n"),
    )
    .await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    let (_, page) = ada.follow("https://app.example.com/").await;
    page.assert_status(200);
    // A scope that the user lacks is not mended by signing in.
    let request = opening(asked("GET", "https://app.example.com/"));
    let request = at(request, "/api/auth/forward?redirect=1&scope=reports:read");
    let answer = ada.send(APP, request, String::new()).await;
    assert_refused(&answer, 403);
    answer.assert_problem(403, "insufficient_scope");
    // A scope that the account loses is lost at the next request, and one that it gains with the next session.
    let me = server.sign_in("ada").await.get("/api/auth/me").await.json();
    let (account, scopes) = (
        AccountId(me["id"].as_str().unwrap().parse().unwrap()),
        "reports:read".parse().unwrap(),
    );
    server.services.operator.grant(account, &scopes).await.unwrap();
    let mut later = Browser::new(&server);
    let form = Request::post("/signin")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    let fields = format!("email=ada%40example.com&password={}", PASSWORD.replace(' ', "+"));
    later.send(ISSUER, form, fields).await.assert_status(303);
    let (_, page) = later.follow("https://app.example.com/").await;
    assert_eq!(headers(&page)[2], "reports:read");
    server.services.operator.ungrant(account, &scopes).await.unwrap();
    assert_eq!(headers(&later.open("https://app.example.com/").await)[2], "");
    // The application gets all cookies but ours.
    let app = ada.cookie(APP, APP_SESSION).unwrap();
    let request = asked("GET", "https://app.example.com/")
        .header("cookie", "a=b; x")
        .header(
            "cookie",
            format!("{APP_SESSION}={app}; {STATE}=x; {SESSION}=y; countersign-8000=z; c=\"d\""),
        );
    let answer = server
        .send(request.body(Body::empty()).unwrap())
        .await
        .assert_status(200);
    assert_eq!(headers(&answer)[3], "a=b; x; c=\"d\"");
    // A browser keeps the cookie as long as the session may last; the server ends it when it is not used.
    let begun = ada
        .open("https://other.example.com/")
        .await
        .header("location")
        .to_owned();
    let callback = ada.open(&begun).await.header("location").to_owned();
    let answer = ada.open(&callback).await;
    let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=432000"),
        "{cookie}"
    );
    assert!(cookie.starts_with("__Host-countersign-app=csb_"));
    for day in 1..=4 {
        server.services.clock.advance(Duration::from_secs(24 * 60 * 60));
        let used = ada.open("https://app.example.com/").await;
        assert_eq!(used.status, 200, "day {day}");
        if day == 2 {
            let unused = ada.open("https://other.example.com/").await;
            assert_eq!(unused.status, 302, "two days, to the millisecond");
        }
    }
    assert_eq!(
        ada.open("https://other.example.com/").await.status,
        302,
        "unused for two days"
    );
    server.services.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(ada.open("https://app.example.com/").await.status, 302, "five days old");
}

/// nginx asks a second time to send a browser away; it may have signed in meanwhile.
#[apply(on_both_databases!)]
async fn t_27_a_proxy_that_has_refused_already_never_gets_an_empty_page(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    let denied = |request: Builder| at(request, "/api/auth/forward?redirect=1&denied=1");
    let answer = ada
        .send(
            APP,
            denied(opening(asked("GET", "https://app.example.com/a"))),
            String::new(),
        )
        .await;
    assert_eq!(answer.status, 302);
    ada.follow("https://app.example.com/").await;
    let answer = ada
        .send(
            APP,
            denied(opening(asked("GET", "https://app.example.com/a"))),
            String::new(),
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (302, "https://app.example.com/a")
    );
    let post = asked("POST", "https://app.example.com/a").header("origin", APP);
    let answer = ada.send(APP, denied(post), String::new()).await;
    answer.assert_problem(503, "unavailable");
}

#[apply(on_both_databases!)]
async fn t_27_ways_to_applications_are_limited_and_outlive_no_database(database: Database) {
    let limits = "[limits]\nhandoffs_per_account = \"2/1m\"\n";
    let server = TestServer::start_with(database, &format!("{SETTINGS}{limits}")).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    let begun = ada.open("https://app.example.com/").await.header("location").to_owned();
    for _ in 0..2 {
        ada.open(&begun).await.assert_status(303);
    }
    let answer = ada.open(&begun).await.assert_status(429);
    assert!(!answer.header("retry-after").is_empty());
    assert!(answer.header("content-type").starts_with("text/html"));
    // Others are not affected.
    let mut eve = Browser::signed_in(&server, "eve").await;
    let (_, page) = eve.follow("https://app.example.com/").await;
    page.assert_status(200);
    query(sql!("ALTER TABLE sessions RENAME TO elsewhere"))
        .execute(&server.services.db)
        .await
        .unwrap();
    let answer = eve.open("https://app.example.com/").await;
    assert!(answer.status.is_server_error(), "{}", answer.status);
    assert_eq!(headers(&answer)[..3], ["", "", ""]);
}

#[apply(on_both_databases!)]
async fn t_27_whatever_ends_sessions_ends_those_of_applications(database: Database) {
    let server = TestServer::start_with(database, SETTINGS).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    let person = server.sign_in("ada").await;
    let enter = async |browser: &mut Browser<'_>| browser.follow("https://app.example.com/").await.1.assert_status(200);
    enter(&mut ada).await;
    let sessions = person.get("/api/auth/sessions").await.json();
    let of_browser = sessions
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == json!(false))
        .unwrap();
    let id = of_browser["id"].as_str().unwrap();
    person
        .delete(&format!("/api/auth/sessions/{id}"), Value::Null)
        .await
        .assert_status(204);
    assert_eq!(ada.open("https://app.example.com/").await.status, 302);
}

/// The lines of a metric with its outcome, and their values.
fn outcomes(server: &TestServer, metric: &str) -> Vec<(String, String)> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &server.services.registry.lock().unwrap()).unwrap();
    let start = format!("countersign_{metric}_total{{outcome=\"");
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(&start)?.split_once("\"} "));
    let mut found: Vec<_> = lines
        .map(|(outcome, value)| (outcome.to_owned(), value.to_owned()))
        .collect();
    found.sort();
    found
}

/// What a browser and an operator see of a hand-off beside the page that it leads to.
#[apply(on_both_databases!)]
async fn t_29_a_hand_off_leaks_no_code_extends_the_session_and_is_counted(database: Database) {
    let limits = "[limits]\nhandoffs_per_account = \"2/1m\"\n";
    let server = TestServer::start_with(database, &format!("{SETTINGS}{limits}")).await;
    let mut ada = Browser::signed_in(&server, "ada").await;
    let begun = ada.open("https://app.example.com/").await;
    // The state is a secret: it is not shown where headers are logged.
    assert!(begun.headers.get("set-cookie").unwrap().is_sensitive());
    let begun = begun.header("location").to_owned();
    let continued = ada.open(&begun).await.assert_status(303);
    assert_eq!(cookies_of(&continued), [], "nothing to extend");
    let completed = ada.open(continued.header("location")).await.assert_status(303);
    for answer in [&continued, &completed] {
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // On the way through the issuer, a session in use is extended there.
    server.services.clock.advance(Duration::from_secs(5 * 24 * 60 * 60));
    let continued = ada.open(&begun).await.assert_status(303);
    assert_eq!(cookies_of(&continued).len(), 1, "{continued:?}");
    assert_eq!(cookies_of(&continued)[0].0, SESSION);
    ada.open(&begun).await.assert_status(303);
    ada.open(&begun).await.assert_status(429);
    ada.open("https://app.example.com/.countersign/callback?code=csx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .await;
    let counted: Vec<_> = outcomes(&server, "handoffs");
    let of = |outcome: &str| {
        counted
            .iter()
            .find(|(found, _)| found == outcome)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(
        (of("success"), of("limited"), of("invalid")),
        (Some("1"), Some("1"), Some("1")),
        "{counted:?}"
    );
}

/// The start page of an application is where a browser goes when there is nothing else.
#[apply(on_both_databases!)]
async fn t_27_an_application_has_a_start_page(database: Database) {
    let settings = "issuer = \"https://auth.example.com\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n[[applications]]\nname = \"Orders\"\n\
         origins = [\"https://app.example.com\"]\nstart = \"https://app.example.com/start\"\n";
    let server = TestServer::start_with(database, settings).await;
    let start = "https://app.example.com/start";
    let mut ada = Browser::signed_in(&server, "ada").await;
    // A URL that is too long to return to.
    let long = format!("{APP}/{}", "a".repeat(3000));
    let begun = ada.open(&long).await;
    assert_eq!(parameter(begun.header("location"), "to"), start);
    // A callback that is opened again.
    let callback = ada.open(begun.header("location")).await.header("location").to_owned();
    for _ in 0..2 {
        assert_eq!(ada.open(&callback).await.assert_status(303).header("location"), start);
    }
    // Signing out, at once or after a question.
    let asked = ada.open(&format!("{APP}/.countersign/signout")).await;
    assert_eq!(parameter(asked.header("location"), "return_to"), start);
    let request = proxied("/.countersign/signout", APP)
        .method("POST")
        .header("origin", APP);
    let answer = ada.send(APP, request, String::new()).await;
    assert_eq!(answer.header("location"), start);
}
