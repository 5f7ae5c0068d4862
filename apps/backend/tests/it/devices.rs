//! How an account recognizes a device: a browser by its cookie, any other client by its network and its name together.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

const NEW_PASSWORD: &str = "another umbrella for tests";
const HOME: &str = "198.51.100.7:1";
const ELSEWHERE: &str = "203.0.113.7:1";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";

#[apply(on_both_databases!)]
async fn a_15_a_client_is_recognized_by_network_and_user_agent_together(database: Database) {
    let server = TestServer::start(database).await;
    proven(&server, "ada").await;
    sign_in(&server, (HOME, FIREFOX)).await.assert_status(200);
    assert_eq!(subjects(&server).await, [""; 0], "a first sign-in is no news");
    sign_in(&server, (HOME, FIREFOX)).await.assert_status(200);
    sign_in(&server, ("198.51.100.7:2", &FIREFOX.replace("130.0", "131.0")))
        .await
        .assert_status(200);
    assert_eq!(
        subjects(&server).await,
        [""; 0],
        "a known device, also after an update, is no news"
    );
    sign_in(&server, (ELSEWHERE, FIREFOX)).await.assert_status(200);
    assert_eq!(subjects(&server).await.len(), 1, "the same name in another network");
    server.services.clock.advance(std::time::Duration::from_secs(3600));
    sign_in(&server, (HOME, CHROME)).await.assert_status(200);
    assert_eq!(subjects(&server).await.len(), 1, "another name in the same network");
    server.services.clock.advance(std::time::Duration::from_secs(3600));
    for (from, name) in [(HOME, FIREFOX), (ELSEWHERE, FIREFOX), (HOME, CHROME)] {
        sign_in(&server, (from, name)).await.assert_status(200);
    }
    assert_eq!(subjects(&server).await, [""; 0], "each of them is known now");
}

/// A session that an operator creates is not reported to the owner as a sign-in from a new device.
#[apply(on_both_databases!)]
async fn a_token_of_an_operator_is_no_sign_in_from_a_new_device(database: Database) {
    let server = TestServer::start(database).await;
    proven(&server, "ada").await;
    let signed_in = sign_in(&server, (HOME, FIREFOX)).await.assert_status(200);
    let access_token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
    let verified = server.services.guard.verify(&access_token).await.unwrap();
    let id = countersign::core::ids::AccountId(verified.require_user().unwrap().id);
    assert_eq!(subjects(&server).await, [""; 0]);
    let (scopes, ttl) = ("".parse().unwrap(), std::time::Duration::from_secs(60));
    let issued = server.services.operator.issue_token(id, &scopes, ttl).await;
    assert!(issued.unwrap().is_some());
    assert_eq!(subjects(&server).await, [""; 0]);
}

#[apply(on_both_databases!)]
async fn a_15_a_client_without_an_ip_address_is_never_recognized(database: Database) {
    let server = TestServer::start_with(database, "trusted_proxies = [\"10.0.0.0/8\"]").await;
    proven(&server, "ada").await;
    let mut lanes = Lanes::of(&server);
    behind_a_proxy(&server, "unknown").await.assert_status(200);
    assert_eq!(subjects(&server).await, [""; 0], "a first sign-in is no news");
    // A client whose IP address is unreadable is never recognized.
    for written in ["unknown", "\"", "2001:db8::x"] {
        server.services.clock.advance(std::time::Duration::from_secs(3600));
        behind_a_proxy(&server, written).await.assert_status(200);
        assert_eq!(subjects(&server).await.len(), 1, "{written}");
    }
    assert_eq!(lanes.moved(), [0, 4], "all of them wait with the strangers");
}

#[apply(on_both_databases!)]
async fn a_15_a_browser_is_recognized_by_its_cookie_on_any_network(database: Database) {
    let server = TestServer::start(database).await;
    proven(&server, "ada").await;
    let mut browser = Browser::new(&server, HOME);
    browser.sign_in("ada", PASSWORD).await.assert_status(303);
    let cookie = browser.cookie("countersign-device").expect("the browser is given one");
    assert!(cookie.starts_with("csd_") && cookie.len() == 47, "{cookie}");
    assert_eq!(subjects(&server).await, [""; 0], "a first sign-in is no news");
    browser.post("/signout", &[]).await;
    browser.from = ELSEWHERE;
    browser.sign_in("ada", PASSWORD).await.assert_status(303);
    assert_eq!(
        browser.cookie("countersign-device"),
        Some(cookie),
        "it survives signing out"
    );
    assert_eq!(subjects(&server).await, [""; 0], "the same browser in another network");
    // A thief with only the password has no such cookie, and nothing that they send replaces it.
    for planted in [None, Some("csd_".to_owned() + &"A".repeat(43)), Some("x".to_owned())] {
        let mut thief = Browser::new(&server, HOME);
        thief
            .cookies
            .extend(planted.map(|value| ("countersign-device-8000".to_owned(), value)));
        thief.sign_in("ada", PASSWORD).await.assert_status(303);
        assert_eq!(
            subjects(&server).await.len(),
            1,
            "the same name in the same network, without the cookie"
        );
        server.services.clock.advance(std::time::Duration::from_secs(3600));
    }
}

#[apply(on_both_databases!)]
async fn f_20_known_clients_have_their_own_queue(database: Database) {
    let server = TestServer::start(database).await;
    proven(&server, "ada").await;
    let mut browser = Browser::new(&server, HOME);
    let mut lanes = Lanes::of(&server);
    browser.sign_in("ada", PASSWORD).await.assert_status(303);
    assert_eq!(lanes.moved(), [0, 1], "the first time");
    // From the same network, with any program, and whether or not the password is right.
    sign_in(&server, (HOME, CHROME)).await.assert_status(200);
    sign_in_as(&server, "ada", "wrong", (HOME, CHROME))
        .await
        .assert_status(401);
    assert_eq!(lanes.moved(), [2, 0], "from a network that signed in");
    // In another network, the browser is recognized by its cookie and others are not; it is not known to any other
    // account.
    browser.post("/signout", &[]).await;
    browser.from = ELSEWHERE;
    lanes.moved();
    browser.sign_in("ada", "wrong").await;
    assert_eq!(lanes.moved(), [1, 0], "with the cookie");
    browser.sign_in("nobody", "wrong").await;
    sign_in_as(&server, "ada", "wrong", (ELSEWHERE, FIREFOX))
        .await
        .assert_status(401);
    sign_in_as(&server, "nobody", "wrong", (HOME, FIREFOX))
        .await
        .assert_status(401);
    assert_eq!(lanes.moved(), [0, 3], "strangers");
}

#[apply(on_both_databases!)]
async fn a_cookie_of_one_account_is_nothing_to_another_and_is_stored_as_a_hash(database: Database) {
    let server = TestServer::start(database).await;
    proven(&server, "ada").await;
    proven(&server, "bob").await;
    sign_in_as(&server, "bob", PASSWORD, (ELSEWHERE, FIREFOX))
        .await
        .assert_status(200);
    let mut browser = Browser::new(&server, HOME);
    browser.sign_in("ada", PASSWORD).await.assert_status(303);
    browser.post("/signout", &[]).await;
    browser.sign_in("bob", PASSWORD).await.assert_status(303);
    let told = server.mails().await;
    assert_eq!(
        told.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(),
        ["bob@example.com"]
    );
    // The database does not reveal that two accounts share a browser.
    let hashes: Vec<Vec<u8>> = query(sql!("SELECT hash FROM known_devices"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert_eq!(hashes.len(), 3);
    assert!(hashes.iter().enumerate().all(|(at, hash)| !hashes[..at].contains(hash)));
}

#[apply(on_both_databases!)]
async fn a_64_the_device_list_shows_only_our_own_names(database: Database) {
    let server = TestServer::start(database).await;
    proven(&server, "ada").await;
    for sent in [
        "Your account is locked, call 555-0100",
        "see https://evil.example/ now",
        CHROME,
        "curl/8.5.0",
    ] {
        sign_in(&server, (ELSEWHERE, sent)).await.assert_status(200);
    }
    let mut browser = Browser::new(&server, HOME);
    browser.sign_in("ada", PASSWORD).await.assert_status(303);
    let page = browser
        .send(Request::get("/account"), String::new())
        .await
        .assert_status(200)
        .text;
    for sent in ["locked", "555", "evil", "Mozilla", "8.5.0"] {
        assert!(!page.contains(sent), "{sent}");
    }
    for name in ["Unknown device", "Chrome on Windows", "curl", "Firefox on Linux"] {
        assert!(page.contains(name), "{name}");
    }
}

#[apply(on_both_databases!)]
async fn signing_out_everywhere_and_a_new_password_forget_devices(database: Database) {
    let server = TestServer::start(database).await;
    proven(&server, "ada").await;
    let mut thief = Browser::new(&server, ELSEWHERE);
    thief.sign_in("ada", PASSWORD).await.assert_status(303);
    let mut owner = Browser::new(&server, HOME);
    owner.sign_in("ada", PASSWORD).await.assert_status(303);
    assert_eq!(subjects(&server).await.len(), 1);
    server.services.clock.advance(std::time::Duration::from_secs(3600));

    let passwords = [("current_password", PASSWORD), ("new_password", NEW_PASSWORD)];
    owner.post("/account/password", &passwords).await;
    assert_eq!(subjects(&server).await.len(), 1, "the change itself");
    owner.post("/signout", &[]).await;
    owner.sign_in("ada", NEW_PASSWORD).await.assert_status(303);
    assert_eq!(subjects(&server).await, [""; 0], "the browser that changed it is known");
    thief.sign_in("ada", NEW_PASSWORD).await.assert_status(303);
    assert_eq!(subjects(&server).await.len(), 1, "no other is");
    server.services.clock.advance(std::time::Duration::from_secs(3600));

    owner.post("/account/sessions", &[]).await;
    owner.sign_in("ada", NEW_PASSWORD).await.assert_status(303);
    assert_eq!(subjects(&server).await.len(), 1, "signed out everywhere, known nowhere");
    server.services.clock.advance(std::time::Duration::from_secs(3600));

    owner.post("/recover", &[("email", "ada@example.com")]).await;
    let token = server.mail().await.token();
    owner
        .post("/recover/password", &[("token", &token), ("new_password", PASSWORD)])
        .await
        .assert_status(303);
    assert_eq!(subjects(&server).await.len(), 1, "the change itself");
    owner.sign_in("ada", PASSWORD).await.assert_status(303);
    assert_eq!(
        subjects(&server).await,
        [""; 0],
        "a user who reads the mailbox needs no notice"
    );
    thief.sign_in("ada", PASSWORD).await.assert_status(303);
    assert_eq!(subjects(&server).await.len(), 1);

    let rows = || async {
        let rows: i64 = query(sql!("SELECT COUNT(*) FROM known_devices"))
            .one(&server.services.db)
            .await
            .unwrap();
        rows
    };
    assert!(rows().await > 0);
    owner
        .post("/account/delete", &[("delete_password", PASSWORD)])
        .await
        .assert_status(303);
    assert_eq!(rows().await, 0, "they go with the account");
}

/// The subjects of the emails since the last call.
async fn subjects(server: &TestServer) -> Vec<String> {
    let mails = server.mails().await;
    mails.into_iter().map(|mail| mail.subject).collect()
}

/// Signs up and verifies the email address without signing in.
async fn proven(server: &TestServer, name: &str) {
    let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
    server.post("/api/auth/register", body).await.assert_status(201);
    let token = server.mail().await.token();
    let answer = json!({ "token": token, "password": PASSWORD });
    server
        .post("/api/auth/verify-email/confirm", answer)
        .await
        .assert_status(204);
}

async fn sign_in(server: &TestServer, place: (&str, &str)) -> Answer {
    sign_in_as(server, "ada", PASSWORD, place).await
}

async fn sign_in_as(server: &TestServer, name: &str, password: &str, (from, user_agent): (&str, &str)) -> Answer {
    let body = json!({ "email": format!("{name}@example.com"), "password": password });
    let request = Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .header("user-agent", user_agent)
        .extension(ConnectInfo(from.parse::<SocketAddr>().unwrap()))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

/// Signs in as ada through a trusted proxy that reports this client IP address.
async fn behind_a_proxy(server: &TestServer, address: &str) -> Answer {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let request = Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .header("user-agent", FIREFOX)
        .header("x-forwarded-for", address)
        .extension(ConnectInfo("10.0.0.1:1".parse::<SocketAddr>().unwrap()))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

/// The number of passwords hashed since the last call: for known devices, and for others.
pub(super) struct Lanes<'s> {
    server: &'s TestServer,
    before: [u64; 2],
}

impl<'s> Lanes<'s> {
    pub(super) fn of(server: &'s TestServer) -> Self {
        let mut lanes = Self { server, before: [0; 2] };
        lanes.moved();
        lanes
    }

    pub(super) fn moved(&mut self) -> [u64; 2] {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.server.services.registry.lock().unwrap()).unwrap();
        let now = ["known", "others"].map(|lane| {
            let name = format!("countersign_hashing_requests_total{{lane=\"{lane}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&name));
            line.map_or(0, |count| count.parse::<u64>().unwrap())
        });
        let before = std::mem::replace(&mut self.before, now);
        [now[0] - before[0], now[1] - before[1]]
    }
}

/// A browser that keeps its cookies, in some network.
pub(super) struct Browser<'s> {
    server: &'s TestServer,
    pub(super) from: &'static str,
    cookies: Vec<(String, String)>,
}

impl<'s> Browser<'s> {
    pub(super) fn new(server: &'s TestServer, from: &'static str) -> Self {
        Self {
            server,
            from,
            cookies: Vec::new(),
        }
    }

    fn cookie(&self, name: &str) -> Option<String> {
        let found = self.cookies.iter().find(|(known, _)| known.starts_with(name));
        found.map(|(_, value)| value.clone())
    }

    pub(super) async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let email = format!("{name}@example.com");
        self.post("/signin", &[("email", &email), ("password", password)]).await
    }

    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        if self.cookie("countersign-form").is_none() {
            self.send(Request::get("/signin"), String::new()).await;
        }
        let token = self.cookie("countersign-form").unwrap();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("form_token", &token);
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "http://127.0.0.1:8000")
            .header("sec-fetch-site", "same-origin");
        self.send(request, form.finish()).await
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: String) -> Answer {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header("cookie", pairs.join("; "))
            .header("user-agent", FIREFOX)
            .header("accept", "text/html")
            .extension(ConnectInfo(self.from.parse::<SocketAddr>().unwrap()))
            .body(Body::from(body));
        let answer = self.server.send(request.unwrap()).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !rest.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }
}
