//! Security requirements that apply to many endpoints, checked at each of them: attackers use the one that was
//! forgotten.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use countersign::settings::{Settings, SettingsFile, Sources};
use countersign_store::{query, sql};
use countersign_testkit::{
    Answer, Database, Launch, PASSWORD, Person, ScratchDatabase, TestServer, apply, on_both_databases,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
const NEW_PASSWORD: &str = "another umbrella for tests";

/// A separate limit for each kind of endpoint: the third request is rejected.
const LIMITED: &str = "[limits]\nlogin_per_account = \"2/1h\"\nlogin_per_address = \"2/1h\"\nregister_per_address = \"2/1h\"\n\
    refresh_per_address = \"2/1h\"\nchange_password_per_account = \"2/1h\"\nexport_per_account = \"2/1h\"\nchange_profile_per_account = \"2/1h\"\nemails_per_address = \"2/1h\"\n\
    codes_per_address = \"2/1h\"\n";

/// The same for the OpenID provider.
const LIMITED_PROVIDER: &str = "[limits]\nauthorize_per_address = \"2/1h\"\ntoken_per_client = \"2/1h\"\n\
    token_per_address = \"2/1h\"\nintrospect_per_client = \"2/1h\"\nclient_auth_per_address = \"2/1h\"\n\
    userinfo_per_grant = \"2/1h\"\ndevice_begin_per_address = \"2/1h\"\ndevice_codes_per_account = \"2/1h\"\n\
    device_codes_per_address = \"3/1h\"\ndevice_codes_per_network = \"3/1h\"\n\
    device_codes_in_all = \"9/1h\"\n";
/// The limits that the tests of their features exceed: they are spent by a browser's session, or nothing says that they are
/// exceeded.
const LIMITED_ELSEWHERE: [&str; 5] = [
    "sign_ins_per_account",
    "cookie_tokens_per_session",
    "handoffs_per_account",
    "emails_per_recipient_and_network",
    "emails_per_recipient",
];

/// A request from some IP address, with this access token.
struct Endpoint {
    method: &'static str,
    path: &'static str,
    body: Value,
    signed_in: bool,
}

impl Endpoint {
    fn new(method: &'static str, path: &'static str, body: Value) -> Self {
        Self {
            method,
            path,
            body,
            signed_in: false,
        }
    }

    fn signed_in(mut self) -> Self {
        self.signed_in = true;
        self
    }

    /// Sends the given body, which may differ from that in `self`.
    async fn send(&self, person: &Person<'_>, server: &TestServer, peer: &str, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header("content-type", "application/json");
        if self.signed_in {
            request = request.header("authorization", format!("Bearer {}", person.access_token));
        }
        let request = request.extension(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        let body = if self.body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_owned())
        };
        server.send(request.body(body).unwrap()).await
    }
}

/// A guess at each endpoint where secrets can be guessed.
fn guesses() -> Vec<Endpoint> {
    let ada = "ada@example.com";
    vec![
        Endpoint::new("POST", "/api/auth/login", json!({ "email": ada, "password": "wrong" })),
        Endpoint::new(
            "POST",
            "/api/auth/login",
            json!({ "email": "nobody@example.com", "password": "wrong" }),
        ),
        Endpoint::new(
            "POST",
            "/api/auth/register",
            json!({ "email": ada, "password": PASSWORD }),
        ),
        Endpoint::new(
            "POST",
            "/api/auth/refresh",
            json!({ "refresh_token": format!("csr_{}", "A".repeat(86)) }),
        ),
        Endpoint::new(
            "POST",
            "/api/auth/change-password",
            json!({ "current_password": "wrong", "new_password": NEW_PASSWORD }),
        )
        .signed_in(),
        Endpoint::new(
            "POST",
            "/api/auth/change-email",
            json!({ "email": "new@example.com", "password": "wrong" }),
        )
        .signed_in(),
        Endpoint::new("DELETE", "/api/auth/me", json!({ "password": "wrong" })).signed_in(),
        Endpoint::new("GET", "/api/auth/me/export", Value::Null).signed_in(),
        Endpoint::new("PATCH", "/api/auth/me", json!({ "name": "Ada" })).signed_in(),
        Endpoint::new("POST", "/api/auth/recover", json!({ "email": ada })),
        Endpoint::new("POST", "/api/auth/verify-email", json!({ "email": ada })),
        Endpoint::new("POST", "/api/auth/login/email", json!({ "email": ada })),
    ]
}

/// Signs up and verifies the email address.
async fn proven<'s>(server: &'s TestServer, name: &str) -> Person<'s> {
    let person = server.user(name).await;
    let token = server.mail().await.token();
    person
        .post("/api/auth/verify-email/confirm", json!({ "token": token }))
        .await
        .assert_status(204);
    person
}

/// The token of the only email with that link.
async fn mailed(server: &TestServer, path: &str) -> String {
    let mails = server.mails().await;
    let mail = mails.iter().rfind(|mail| mail.link().contains(path));
    mail.unwrap_or_else(|| panic!("no mail leads to {path}")).token()
}

#[apply(on_both_databases!)]
async fn r_65_every_limited_endpoint_sends_retry_after_and_hashes_nothing(database: Database) {
    let server = TestServer::start_with(database, LIMITED).await;
    let ada = server.user("ada").await;
    for (number, endpoint) in guesses().iter().enumerate() {
        let (peer, body) = (format!("203.0.{number}.7:1"), endpoint.body.to_string());
        for _ in 0..2 {
            let answer = endpoint.send(&ada, &server, &peer, &body).await;
            assert_ne!(
                answer.status, 429,
                "{} {}: {}",
                endpoint.method, endpoint.path, answer.text
            );
        }
        let before = hashed(&server);
        let limited = endpoint
            .send(&ada, &server, &peer, &body)
            .await
            .assert_problem(429, "rate_limited");
        assert!(
            limited.header("retry-after").parse::<u64>().unwrap() >= 1,
            "{}",
            endpoint.path
        );
        for header in ["ratelimit", "ratelimit-policy"] {
            assert!(!limited.header(header).is_empty(), "{}: {header}", endpoint.path);
        }
        assert_eq!(
            hashed(&server),
            before,
            "{} {} hashes for who is limited",
            endpoint.method,
            endpoint.path
        );
    }
}

#[test]
fn r_65_every_limit_is_in_a_table() {
    let reference = include_str!("../../../../docs/settings.md");
    let names: Vec<_> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `limits.")?.split('`').next())
        .filter(|name| *name != "enabled")
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let is_set = |toml: &str| toml.contains(&format!("\n{name} = "));
        assert!(
            is_set(LIMITED) || is_set(LIMITED_PROVIDER) || LIMITED_ELSEWHERE.contains(&name),
            "no test exceeds limits.{name} at every endpoint that it applies to"
        );
    }
}

/// A request at an endpoint of the provider: its limit, its method and path, its client or token, and its form.
struct ProviderRequest<'a> {
    limit: &'static str,
    path: String,
    authorization: Option<String>,
    form: Option<&'a [(&'a str, &'a str)]>,
}

impl ProviderRequest<'_> {
    fn request(&self, peer: &str) -> Request<Body> {
        let method = if self.form.is_some() { "POST" } else { "GET" };
        let mut request = Request::builder().method(method).uri(&*self.path);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let fields = self.form.map(|fields| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(fields).finish()
        });
        if fields.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let request = request.extension(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        request.body(Body::from(fields.unwrap_or_default())).unwrap()
    }
}

#[apply(on_both_databases!)]
async fn r_65_every_limited_endpoint_of_the_provider_sends_retry_after(database: Database) {
    let server = TestServer::start_with(database, LIMITED_PROVIDER).await;
    let _ada = server.user("ada").await;
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let grants = json!({ "grant_types": ["authorization_code", device], "token_endpoint_auth_method": "none" });
    let public = server.client_with("public", grants).await;
    let app = server.client("app").await;
    // A grant of its own, so that no request is counted by the limit of another.
    let access_token = {
        let code = app.authorize(&mut server.browser(), "ada").await;
        app.redeem(&code).await.assert_status(200).json()["access_token"].clone()
    };
    let basic = |id: &str, secret: &str| {
        use base64::Engine;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        Some(format!("Basic {pair}"))
    };
    let mut secrets = Vec::new();
    for client in ["one", "two", "three"] {
        secrets.push(server.client(client).await.secret.unwrap());
    }
    let refresh: &[(&str, &str)] = &[("grant_type", "refresh_token"), ("refresh_token", "x")];
    let of_public = [refresh, &[("client_id", "public")]].concat();
    let begin = [("client_id", "public"), ("scope", "openid")];
    let request = |limit, path: &str, authorization, form| ProviderRequest {
        limit,
        path: path.to_owned(),
        authorization,
        form,
    };
    let url = public.authorization_url(&[]);
    let bearer = Some(format!("Bearer {}", access_token.as_str().unwrap()));
    let wrong = || basic("app", "wrong");
    let requests = [
        request("authorize_per_address", &url, None, None),
        request(
            "token_per_client",
            "/oauth2/token",
            basic("one", &secrets[0]),
            Some(refresh),
        ),
        request(
            "token_per_client",
            "/oauth2/revoke",
            basic("two", &secrets[1]),
            Some(&[("token", "x")]),
        ),
        request("token_per_address", "/oauth2/token", None, Some(&of_public)),
        request(
            "token_per_address",
            "/oauth2/revoke",
            None,
            Some(&[("token", "x"), ("client_id", "public")]),
        ),
        request(
            "introspect_per_client",
            "/oauth2/introspect",
            basic("three", &secrets[2]),
            Some(&[("token", "x")]),
        ),
        request("client_auth_per_address", "/oauth2/token", wrong(), Some(refresh)),
        request(
            "client_auth_per_address",
            "/oauth2/revoke",
            wrong(),
            Some(&[("token", "x")]),
        ),
        request(
            "client_auth_per_address",
            "/oauth2/introspect",
            wrong(),
            Some(&[("token", "x")]),
        ),
        request(
            "client_auth_per_address",
            "/oauth2/device_authorization",
            wrong(),
            Some(&[]),
        ),
        request(
            "device_begin_per_address",
            "/oauth2/device_authorization",
            None,
            Some(&begin),
        ),
        request("userinfo_per_grant", "/oauth2/userinfo", bearer, None),
    ];
    for (number, request) in requests.iter().enumerate() {
        let (limit, path) = (request.limit, &request.path);
        let peer = format!("203.0.{number}.7:1");
        for _ in 0..2 {
            let answer = server.send(request.request(&peer)).await;
            assert_ne!(answer.status, 429, "{limit} {path}: {}", answer.text);
        }
        let answer = server.send(request.request(&peer)).await;
        assert_limited(&answer, limit, path);
        let is_page = request.limit == "authorize_per_address";
        let kind = if is_page {
            "text/html; charset=utf-8"
        } else {
            "application/json"
        };
        assert_eq!(answer.header("content-type"), kind, "{limit} {path}");
    }
    // Codes of devices: two wrong ones of an account, three of an IP address or a network of several, and nine in all.
    for (limit, users, tries) in [
        ("device_codes_per_account", &["bob"][..], 3),
        ("device_codes_per_address", &["carl", "dora"], 2),
        ("device_codes_per_network", &["faye", "gus"], 2),
        ("device_codes_in_all", &["eve"], 2),
    ] {
        let mut answers = Vec::new();
        let mut network = None;
        for (number, name) in (0u16..).zip(users) {
            server.user(name).await;
            let mut browser = server.browser();
            let address = match limit {
                "device_codes_per_network" => SocketAddr::from(([0x2001, 0xdb8, 1, number, 0, 0, 0, 7], 1)),
                _ => *network.get_or_insert(browser.address()),
            };
            browser.come_from(address);
            browser.sign_in(name).await;
            for _ in 0..tries {
                answers.push(browser.submit("/device", &[("user_code", "BBBB-BBBB")]).await);
            }
        }
        let refused = answers.iter().find(|answer| answer.status == 429);
        let refused = refused.unwrap_or_else(|| panic!("{limit}"));
        assert_limited(refused, limit, "/device");
    }
}

#[track_caller]
fn assert_limited(answer: &Answer, limit: &str, path: &str) {
    assert_eq!(answer.status, 429, "{limit} {path}: {}", answer.text);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!(seconds >= 1, "{limit} {path}");
    assert!(
        answer.header("ratelimit-policy").contains(limit) && !answer.header("ratelimit").is_empty(),
        "{limit} {path}: {:?}",
        answer.headers
    );
}

#[apply(on_both_databases!)]
async fn r_65_a_full_hashing_queue_sends_retry_after(database: Database) {
    // Hashes take long enough that concurrent requests really overlap.
    let toml = "[hashing]\nworkers = 1\nqueue = 1\n[passwords]\niterations = 10\n";
    let server = TestServer::start_with(database, toml).await;
    let ada = server.user("ada").await;
    let hashing = [
        "/api/auth/login",
        "/api/auth/register",
        "/api/auth/change-password",
        "/api/auth/change-email",
        "/api/auth/me",
    ];
    for endpoint in guesses()
        .iter()
        .filter(|endpoint| hashing.contains(&endpoint.path) && endpoint.method != "PATCH")
    {
        let asks = (0..12).map(|by| {
            let mut body = endpoint.body.clone();
            if endpoint.path == "/api/auth/register" {
                body["email"] = json!(format!("new{by}@example.com"));
            }
            let body = body.to_string();
            let (ada, server) = (&ada, &server);
            async move { endpoint.send(ada, server, "203.0.113.7:1", &body).await }
        });
        let answers = join_all(asks).await;
        let refused: Vec<_> = answers.into_iter().filter(|answer| answer.status == 503).collect();
        assert!(!refused.is_empty(), "{}: no request was refused", endpoint.path);
        for answer in refused {
            let answer = answer.assert_problem(503, "overloaded");
            assert!(
                answer.header("retry-after").parse::<u64>().unwrap() >= 1,
                "{}",
                endpoint.path
            );
        }
    }
}

#[apply(on_both_databases!)]
async fn a_71_other_methods_are_refused_and_allow_lists_the_right_ones(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let document = server.get("/openapi.json").await.assert_status(200).json();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        // Proxies use the method of the request that they protect.
        if path == "/api/auth/forward" {
            continue;
        }
        let mut known: Vec<_> = item
            .as_object()
            .unwrap()
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        if known.iter().any(|method| method == "GET") {
            known.push("HEAD".to_owned());
        }
        known.sort_unstable();
        let filled = path
            .replace("{id}", "00000000-0000-7000-8000-000000000000")
            .replace("{number}", "1");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"] {
            if known.iter().any(|known| known == method) {
                continue;
            }
            let request = Request::builder()
                .method(method)
                .uri(&filled)
                .header("authorization", format!("Bearer {}", ada.access_token));
            let answer = server.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            let is_named = |answer: &Answer| match path.as_str() {
                // RFC 6749 has no error of its own for this.
                "/oauth2/token"
                | "/oauth2/revoke"
                | "/oauth2/introspect"
                | "/oauth2/userinfo"
                | "/oauth2/device_authorization" => answer.json()["error"] == "invalid_request",
                _ => answer.code() == "method_not_allowed",
            };
            assert!(
                method == "HEAD" || is_named(&answer),
                "{method} {path}: {}",
                answer.text
            );
            let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, known, "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked > 120, "{asked}");
    for path in [
        "/",
        "/signin",
        "/signup",
        "/account",
        "/openapi.json",
        "/docs/",
        "/errors",
    ] {
        let request = Request::builder()
            .method(Method::TRACE)
            .uri(path)
            .header("cookie", "secret=1");
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "TRACE {path}");
        assert!(
            !answer.header("allow").is_empty() && !answer.text.contains("secret"),
            "TRACE {path}"
        );
    }
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_90_duplicate_members_are_refused_at_every_endpoint(database: Database) {
    let server = TestServer::start(database).await;
    let ada = proven(&server, "ada").await;
    let bob = server.user("bob").await;
    let verify = mailed(&server, "/verify?").await;
    let mut tokens = Vec::new();
    for (ask, leads_to) in [
        ("/api/auth/recover", "/recover/password"),
        ("/api/auth/login/email", "/signin/email"),
    ] {
        server
            .post(ask, json!({ "email": "ada@example.com" }))
            .await
            .assert_status(202);
        tokens.push(mailed(&server, leads_to).await);
    }
    bob.post("/api/auth/verify-email/confirm", json!({ "token": verify }))
        .await
        .assert_status(204);
    let eve = json!({ "email": "eve@example.com", "password": PASSWORD });
    let login = json!({ "email": "ada@example.com", "password": PASSWORD, "scope": "" });
    // Each is accepted unchanged, which the last request shows.
    for (endpoint, status) in [
        (Endpoint::new("POST", "/api/auth/register", eve), 201),
        (Endpoint::new("POST", "/api/auth/login", login), 200),
        (
            Endpoint::new("POST", "/api/auth/verify-email", json!({ "email": "ada@example.com" })),
            202,
        ),
        (
            Endpoint::new("POST", "/api/auth/recover", json!({ "email": "nobody@example.com" })),
            202,
        ),
        (
            Endpoint::new(
                "POST",
                "/api/auth/login/email",
                json!({ "email": "nobody@example.com" }),
            ),
            202,
        ),
        (
            Endpoint::new("POST", "/api/auth/login/email/confirm", json!({ "token": tokens[1] })),
            200,
        ),
        (
            Endpoint::new(
                "POST",
                "/api/auth/change-email",
                json!({ "email": "ada@example.org", "password": PASSWORD }),
            )
            .signed_in(),
            202,
        ),
        (
            Endpoint::new(
                "POST",
                "/api/auth/recover/confirm",
                json!({ "token": tokens[0], "new_password": NEW_PASSWORD }),
            ),
            204,
        ),
        (
            Endpoint::new(
                "POST",
                "/api/auth/refresh",
                json!({ "refresh_token": bob.refresh_token }),
            ),
            200,
        ),
    ] {
        named_twice(&server, &ada, &endpoint).await;
        let whole = endpoint.body.to_string();
        let answer = endpoint.send(&ada, &server, "203.0.113.7:1", &whole).await;
        assert_eq!(
            answer.status, status,
            "{} {}: {}",
            endpoint.method, endpoint.path, answer.text
        );
    }
    let eve = server.sign_in("eve").await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    for (endpoint, status) in [
        (
            Endpoint::new("PATCH", "/api/auth/me", json!({ "name": "Eve", "metadata": {} })).signed_in(),
            200,
        ),
        (
            Endpoint::new("POST", "/api/auth/change-password", change).signed_in(),
            204,
        ),
        (
            Endpoint::new("DELETE", "/api/auth/me", json!({ "password": NEW_PASSWORD })).signed_in(),
            204,
        ),
    ] {
        named_twice(&server, &eve, &endpoint).await;
        assert_eq!(
            endpoint
                .send(&eve, &server, "203.0.113.7:1", &endpoint.body.to_string())
                .await
                .status,
            status,
            "{}",
            endpoint.path
        );
    }
}

#[apply(on_both_databases!)]
async fn c_16_no_header_changes_the_host_of_an_emailed_link(database: Database) {
    let server = TestServer::start(database).await;
    let ada = proven(&server, "ada").await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let mut mails = 0;
    for endpoint in [
        Endpoint::new(
            "POST",
            "/api/auth/register",
            json!({ "email": "eve@example.com", "password": PASSWORD }),
        ),
        Endpoint::new("POST", "/api/auth/verify-email", json!({ "email": "eve@example.com" })),
        Endpoint::new("POST", "/api/auth/recover", json!({ "email": "ada@example.com" })),
        Endpoint::new("POST", "/api/auth/login/email", json!({ "email": "ada@example.com" })),
        Endpoint::new(
            "POST",
            "/api/auth/change-email",
            json!({ "email": "ada@example.org", "password": PASSWORD }),
        )
        .signed_in(),
        Endpoint::new(
            "POST",
            "/api/auth/login",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        ),
        Endpoint::new("POST", "/api/auth/change-password", change).signed_in(),
    ] {
        // The second form names the host in the request line.
        for uri in [
            endpoint.path.to_owned(),
            format!("https://evil.example{}", endpoint.path),
        ] {
            let mut request = Request::builder()
                .method(endpoint.method)
                .uri(&uri)
                .header("content-type", "application/json");
            for (name, value) in [
                ("host", "evil.example"),
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-proto", "gopher"),
                ("x-forwarded-server", "evil.example"),
                ("x-original-host", "evil.example"),
                ("x-forwarded-prefix", "//evil.example"),
                ("forwarded", "host=evil.example;proto=http"),
                ("referer", "https://evil.example/"),
                ("user-agent", "evil.example"),
            ] {
                request = request.header(name, value);
            }
            if endpoint.signed_in {
                request = request.header("authorization", format!("Bearer {}", ada.access_token));
            }
            server
                .send(request.body(Body::from(endpoint.body.to_string())).unwrap())
                .await;
            for mail in server.mails().await {
                assert!(
                    mail.link().starts_with("http://127.0.0.1:8000/"),
                    "{uri}: {}",
                    mail.link()
                );
                assert!(
                    !mail.text.contains("evil") && !mail.html.contains("evil"),
                    "{uri}: {}",
                    mail.text
                );
                mails += 1;
            }
        }
    }
    assert!(mails >= 7, "{mails} mails are too few");
}

#[apply(on_both_databases!)]
async fn f_6_one_of_many_concurrent_answers_succeeds_at_every_endpoint(database: Database) {
    let server = TestServer::start(database).await;
    let ada = proven(&server, "ada").await;
    let bob = server.user("bob").await;
    let verify = mailed(&server, "/verify?").await;
    let race = async |person: &Person<'_>, path: &str, answer: &dyn Fn(usize) -> Value| {
        // With a single writer, all of them check the proof before any of them can spend it.
        let (held, release) = (&Notify::new(), &Notify::new());
        let holding = server.services.db.transact(|_| {
            Box::pin(async move {
                held.notify_one();
                release.notified().await;
                Ok::<(), countersign_store::StoreError>(())
            })
        });
        let racing = async {
            held.notified().await;
            let racers = join_all((0..20).map(|by| person.post(path, answer(by))));
            let gathered = async {
                for _ in 0..100 {
                    if matches!(database, Database::Postgres) || server.services.db.pool_status().waiting >= 20 {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                release.notify_one();
            };
            tokio::join!(racers, gathered).0
        };
        let (held_to_the_end, answers) = tokio::join!(holding, racing);
        held_to_the_end.unwrap();
        let won: Vec<_> = (0..20).filter(|by| answers[*by].status.is_success()).collect();
        assert_eq!(
            won.len(),
            1,
            "{path}: {:?}",
            answers.iter().map(|answer| answer.status).collect::<Vec<_>>()
        );
        won[0]
    };
    race(&bob, "/api/auth/verify-email/confirm", &|_| json!({ "token": verify })).await;
    ada.post(
        "/api/auth/change-email",
        json!({ "email": "ada@example.org", "password": PASSWORD }),
    )
    .await
    .assert_status(202);
    let change = mailed(&server, "/change-email").await;
    race(&ada, "/api/auth/change-email/confirm", &|_| json!({ "token": change })).await;
    assert_eq!(ada.get("/api/auth/me").await.json()["email"], "ada@example.org");

    let invited = "carla@example.com".parse().unwrap();
    server.services.operator.invite(&invited).await.unwrap();
    let invitation = mailed(&server, "token=").await;
    server
        .post("/api/auth/recover", json!({ "email": "bob@example.com" }))
        .await
        .assert_status(202);
    let reset = mailed(&server, "/recover/password").await;
    // The winner's password is the only one that was set, and no other is accepted.
    let password = |by: usize| format!("umbrella number {by} for tests");
    for (email, token) in [("carla@example.com", invitation), ("bob@example.com", reset)] {
        let won = race(
            &bob,
            "/api/auth/recover/confirm",
            &|by| json!({ "token": token, "new_password": password(by) }),
        )
        .await;
        for by in [won, (won + 1) % 20, (won + 19) % 20] {
            let login = json!({ "email": email, "password": password(by) });
            assert_eq!(
                server.post("/api/auth/login", login).await.status == 200,
                by == won,
                "{email}: {by}, and {won} has won"
            );
        }
    }
}

#[apply(on_both_databases!)]
async fn a_17_an_invitation_is_random_expires_after_three_days_and_works_once(database: Database) {
    let server = TestServer::start(database).await;
    let invite = async |name: &str| {
        let email = format!("{name}@example.com").parse().unwrap();
        server
            .services
            .operator
            .invite(&email)
            .await
            .unwrap()
            .expect("it is not taken");
        server.mail().await
    };
    let accept = |token: &str| {
        server.post(
            "/api/auth/recover/confirm",
            json!({ "token": token, "new_password": NEW_PASSWORD }),
        )
    };
    let (early, late) = (invite("ada").await, invite("bob").await);
    for token in [early.token(), late.token()] {
        assert!(token.starts_with("csl_") && token.len() == 47, "{token}");
    }
    assert_ne!(early.token()[4..20], late.token()[4..20]);
    // No password is accepted before it is used.
    for password in ["", " ", PASSWORD, NEW_PASSWORD] {
        let login = json!({ "email": "ada@example.com", "password": password });
        server
            .post("/api/auth/login", login)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    let almost = Duration::from_secs(3 * 24 * 60 * 60 - 1);
    server.services.clock.advance(almost);
    accept(&early.token()).await.assert_status(204);
    accept(&early.token()).await.assert_problem(400, "invalid_code");
    server.services.clock.advance(Duration::from_secs(1));
    accept(&late.token()).await.assert_problem(400, "invalid_code");
    let login = json!({ "email": "bob@example.com", "password": NEW_PASSWORD });
    server
        .post("/api/auth/login", login)
        .await
        .assert_problem(401, "invalid_credentials");
}

#[apply(on_both_databases!)]
async fn a_33_a_sign_in_by_email_creates_a_session(database: Database) {
    let server = TestServer::start(database).await;
    let ada = proven(&server, "ada").await;
    let mut sids = vec![
        server
            .services
            .guard
            .verify(&ada.access_token)
            .await
            .unwrap()
            .session()
            .unwrap(),
    ];
    for _ in 0..2 {
        server
            .post("/api/auth/login/email", json!({ "email": "ada@example.com" }))
            .await
            .assert_status(202);
        let token = mailed(&server, "/signin/email").await;
        // A user who is already signed in also gets another session.
        let tokens = ada
            .post("/api/auth/login/email/confirm", json!({ "token": token }))
            .await
            .assert_status(200)
            .json();
        let sid = server
            .services
            .guard
            .verify(tokens["access_token"].as_str().unwrap())
            .await
            .unwrap()
            .session()
            .unwrap();
        assert!(!sids.contains(&sid));
        sids.push(sid);
    }
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    let tokens = ada.post("/api/auth/login", login).await.assert_status(200).json();
    let sid = server
        .services
        .guard
        .verify(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap()
        .session()
        .unwrap();
    assert!(!sids.contains(&sid));
}

#[apply(on_both_databases!)]
async fn x_35_a_link_to_a_former_email_address_is_invalid(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let verify = server.mail().await.token();
    let mut others = Vec::new();
    for (ask, leads_to) in [
        ("/api/auth/recover", "/recover/password"),
        ("/api/auth/login/email", "/signin/email"),
    ] {
        server
            .post(ask, json!({ "email": "ada@example.com" }))
            .await
            .assert_status(202);
        others.push(mailed(&server, leads_to).await);
    }
    ada.post(
        "/api/auth/change-email",
        json!({ "email": "new@example.org", "password": PASSWORD }),
    )
    .await
    .assert_status(202);
    let change = mailed(&server, "/change-email").await;
    ada.post("/api/auth/change-email/confirm", json!({ "token": change }))
        .await
        .assert_status(204);
    // The old mailbox contains three links, and none of them applies to this account any more.
    for answer in [
        ada.post("/api/auth/verify-email/confirm", json!({ "token": verify }))
            .await,
        server
            .post(
                "/api/auth/recover/confirm",
                json!({ "token": others[0], "new_password": NEW_PASSWORD }),
            )
            .await,
        server
            .post("/api/auth/login/email/confirm", json!({ "token": others[1] }))
            .await,
    ] {
        answer.assert_problem(400, "invalid_code");
    }
    let me = ada.get("/api/auth/me").await.assert_status(200).json();
    assert_eq!(
        (&me["email"], &me["email_verified"]),
        (&json!("new@example.org"), &json!(true))
    );
    let login = json!({ "email": "new@example.org", "password": PASSWORD });
    server.post("/api/auth/login", login).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_4_changes_require_the_current_password(database: Database) {
    let server = TestServer::start(database).await;
    let ada = proven(&server, "ada").await;
    let nothing = [
        None,
        Some(Value::Null),
        Some(json!("")),
        Some(json!(" ")),
        Some(json!([])),
        Some(json!({})),
        Some(json!(true)),
        Some(json!(PASSWORD.to_uppercase())),
        Some(json!(format!("{PASSWORD} "))),
        Some(json!([PASSWORD])),
    ];
    for current in nothing {
        for (method, path, name, mut body) in [
            (
                "POST",
                "/api/auth/change-password",
                "current_password",
                json!({ "new_password": NEW_PASSWORD }),
            ),
            (
                "POST",
                "/api/auth/change-email",
                "password",
                json!({ "email": "eve@example.org" }),
            ),
            ("DELETE", "/api/auth/me", "password", json!({})),
        ] {
            if let Some(current) = &current {
                body[name] = current.clone();
            }
            let answer = match method {
                "POST" => ada.post(path, body.clone()).await,
                _ => ada.delete(path, body.clone()).await,
            };
            assert!(
                [403, 422].contains(&answer.status.as_u16()),
                "{path} {body}: {} {}",
                answer.status,
                answer.text
            );
        }
    }
    assert_eq!(server.mails().await.len(), 0, "no email is sent");
    let login = |password: &str| {
        server.post(
            "/api/auth/login",
            json!({ "email": "ada@example.com", "password": password }),
        )
    };
    login(NEW_PASSWORD).await.assert_problem(401, "invalid_credentials");
    login(PASSWORD).await.assert_status(200);
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_8_a_new_password_beyond_the_maximum_is_refused_without_hashing(database: Database) {
    let toml = "[passwords]\nmax_length = 1024\n";
    let (long, longest) = ("\u{20ac}x".repeat(512) + "y", "\u{20ac}x".repeat(512));
    assert_eq!((long.chars().count(), longest.chars().count()), (1025, 1024));
    let server = TestServer::start_with(database, toml).await;
    let required = TestServer::start_with(database, &format!("email_verification = \"required\"\n{toml}")).await;
    let refused = |answer: Answer, field: &str| {
        let answer = answer.assert_problem(422, "password_too_long");
        assert_eq!(answer.json()["errors"][0]["field"], field);
    };
    let page = async |server: &TestServer, path: &str, fields: &[(&str, &str)], cookie: &str| {
        let fields = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        server
            .send(request.header("cookie", cookie).body(Body::from(fields)).unwrap())
            .await
    };
    let refused_page = |answer: Answer, path: &str| {
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        assert!(
            answer.text.contains("1024") || answer.text.contains("1,024"),
            "{path}: {}",
            answer.text
        );
        assert!(!answer.text.contains(&long), "{path} gives the password back");
    };
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    required
        .post("/api/auth/register", ada.clone())
        .await
        .assert_status(202);
    let waiting = required.mail().await.token();
    let person = server.user("ada").await;
    let verify = server.mail().await.token();
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    let recover = server.mail().await.token();
    let boss = "boss@example.com".parse().unwrap();
    server.services.operator.invite(&boss).await.unwrap();
    let invitation = server.mail().await.token();
    let signed_in = page(
        &server,
        "/signin",
        &[("email", "ada@example.com"), ("password", PASSWORD)],
        "",
    )
    .await
    .assert_status(303);
    let cookie = signed_in
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect::<Vec<_>>()
        .join("; ");

    let before = hashed(&server) + hashed(&required);
    let password = |name, other: (&'static str, &str)| vec![(other.0, other.1.to_owned()), (name, long.clone())];
    let mut forms = Vec::new();
    for server in [&server, &required] {
        let fields = password("password", ("email", "new@example.com"));
        forms.push((server, "/api/auth/register", "/signup", fields));
    }
    for token in [&recover, &invitation] {
        let fields = password("new_password", ("token", token));
        forms.push((&server, "/api/auth/recover/confirm", "/recover/password", fields));
    }
    for (server, token) in [(&server, &verify), (&required, &waiting)] {
        let fields = password("new_password", ("token", token));
        forms.push((server, "/api/auth/verify-email/confirm", "/verify", fields));
    }
    for (server, endpoint, path, fields) in forms {
        let body: Value = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        refused(server.post(endpoint, body).await, fields[1].0);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        refused_page(page(server, path, &fields, "").await, path);
    }
    assert_eq!(
        hashed(&server) + hashed(&required),
        before,
        "what is refused is not hashed"
    );
    // The current password may be checked here, and nothing else.
    refused(
        person
            .post(
                "/api/auth/change-password",
                json!({ "current_password": PASSWORD, "new_password": long }),
            )
            .await,
        "new_password",
    );
    refused_page(
        page(
            &server,
            "/account/password",
            &[("current_password", PASSWORD), ("new_password", &long)],
            &cookie,
        )
        .await,
        "/account/password",
    );
    assert_eq!(hashed(&server) + hashed(&required), before + 1);
    // Passwords are not truncated: one with a character less is different and is used in full.
    server
        .post(
            "/api/auth/register",
            json!({ "email": "new@example.com", "password": longest }),
        )
        .await
        .assert_status(201);
    server
        .post(
            "/api/auth/login",
            json!({ "email": "new@example.com", "password": longest }),
        )
        .await
        .assert_status(200);
    let before = hashed(&server);
    server
        .post(
            "/api/auth/login",
            json!({ "email": "new@example.com", "password": long }),
        )
        .await
        .assert_problem(401, "invalid_credentials");
    assert_eq!(
        hashed(&server),
        before,
        "none that is too long is right anywhere, and none is hashed"
    );
    let shorter = longest.strip_suffix('x').unwrap();
    server
        .post(
            "/api/auth/login",
            json!({ "email": "new@example.com", "password": shorter }),
        )
        .await
        .assert_problem(401, "invalid_credentials");
}

#[apply(on_both_databases!)]
async fn c_77_setting_a_password_on_the_command_line_ends_every_session(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    let bob = json!({ "email": "bob@example.com", "password": PASSWORD });
    let mut tokens = Vec::new();
    for account in [&ada, &bob] {
        client
            .post("/api/auth/register", account)
            .await
            .unwrap()
            .assert_status(201);
    }
    for account in [&ada, &ada, &bob] {
        tokens.push(
            client
                .post("/api/auth/login", account)
                .await
                .unwrap()
                .assert_status(200)
                .json(),
        );
    }
    let mut command = Command::new(BINARY);
    command
        .args(["users", "set-password", "ada@example.com", "--password-stdin"])
        .env_clear()
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url)
        .env("COUNTERSIGN_KEYS_DIR", scratch.folder().join("keys"))
        .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
        .current_dir(scratch.folder())
        .stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{NEW_PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
    let me = async |tokens: &Value| {
        let answer = client
            .get_as("/api/auth/me", tokens["access_token"].as_str().unwrap())
            .await;
        answer.unwrap().status.as_u16()
    };
    for tokens in &tokens[..2] {
        // The running server learns about it by itself.
        let mut looks = 0;
        while me(tokens).await != 401 {
            looks += 1;
            assert!(looks < 200, "the session lives on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let spent = json!({ "refresh_token": tokens["refresh_token"] });
        client
            .post("/api/auth/refresh", &spent)
            .await
            .unwrap()
            .assert_problem(401, "invalid_refresh_token");
    }
    assert_eq!(me(&tokens[2]).await, 200, "only the sessions of this account");
    client
        .post("/api/auth/login", &ada)
        .await
        .unwrap()
        .assert_problem(401, "invalid_credentials");
    let ada = json!({ "email": "ada@example.com", "password": NEW_PASSWORD });
    client.post("/api/auth/login", &ada).await.unwrap().assert_status(200);
    assert!(server.terminate().success());
}

#[apply(on_both_databases!)]
async fn a_101_ended_data_is_removed_when_due_and_active_data_stays(database: Database) {
    let server = TestServer::start(database).await;
    let ada = proven(&server, "ada").await;
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    server.mail().await;
    ada.refresh(&ada.refresh_token).await.assert_status(200);
    let sweep = async |days: u64| {
        server.services.clock.advance(Duration::from_secs(days * 24 * 60 * 60));
        while server.services.sessions.sweep_once().await.unwrap() > 0 {}
        server.services.mail.sweep().await.unwrap();
        let mut rows = [0_i64; 4];
        for (at, table) in [
            sql!("SELECT count(*) FROM sessions"),
            sql!("SELECT count(*) FROM outbox"),
            sql!("SELECT count(*) FROM email_challenges"),
            sql!("SELECT count(*) FROM accounts"),
        ]
        .into_iter()
        .enumerate()
        {
            rows[at] = query(table).one(&server.services.db).await.unwrap();
        }
        rows
    };
    let before = sweep(0).await;
    assert_eq!((before[0], before[3]), (1, 1), "{before:?}");
    assert!(before[1] >= 2 && before[2] >= 1, "{before:?}");
    assert_eq!(sweep(6).await, before, "not before it is due");
    let week = sweep(2).await;
    assert_eq!(week[1], 0, "mails are remembered for a week: {week:?}");
    assert_eq!((week[0], week[2]), (before[0], before[2]), "the rest stays");
    // Proofs are removed thirty days after they ended; the session once it can no longer be refreshed.
    assert_eq!(sweep(30).await[1..], [0, 0, 1]);
    assert_eq!(sweep(60).await, [0, 0, 0, 1], "the account is there");
    server.sign_in("ada").await;
    assert_eq!(sweep(29).await[0], 1, "a session in use");
}

/// A document with each member duplicated: with the same name, with an equivalent name, and at either end.
async fn named_twice(server: &TestServer, person: &Person<'_>, endpoint: &Endpoint) {
    let whole = endpoint.body.to_string();
    for (name, value) in endpoint.body.as_object().unwrap() {
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        for again in [name, &escaped] {
            for other in [value.clone(), Value::Null] {
                for body in [
                    format!("{},\"{again}\":{other}}}", whole.strip_suffix('}').unwrap()),
                    format!("{{\"{again}\":{other},{}", whole.strip_prefix('{').unwrap()),
                ] {
                    let answer = endpoint.send(person, server, "203.0.113.7:1", &body).await;
                    assert_eq!(answer.status, 422, "{} {body}: {}", endpoint.path, answer.text);
                }
            }
        }
    }
}

/// The number of hashes computed so far.
fn hashed(server: &TestServer) -> u64 {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &server.services.registry.lock().unwrap()).unwrap();
    let counts = text
        .lines()
        .filter(|line| line.starts_with("countersign_hashing_computed_total{"));
    counts
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

#[test]
fn r_63_hashes_cost_what_owasp_asks_for_and_no_setting_makes_them_cheaper() {
    let load = |toml: &str| {
        let file = SettingsFile {
            path: "countersign.toml".into(),
            text: Ok(format!("issuer = \"http://127.0.0.1:8000\"\n{toml}")),
        };
        Settings::load(&Sources {
            file: Some(file),
            ..Sources::default()
        })
    };
    let chosen = load("")
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
        .settings
        .passwords;
    assert_eq!(
        (chosen.memory_kib, chosen.iterations, chosen.parallelism),
        (19_456, 2, 1)
    );
    for (memory, iterations) in [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)] {
        let with = |memory: u32, iterations: u32| {
            load(&format!(
                "[passwords]\nmemory_kib = {memory}\niterations = {iterations}\n"
            ))
            .is_ok()
        };
        assert!(with(memory, iterations), "{memory} {iterations}");
        assert!(!with(memory - 1, iterations), "{memory} {iterations}");
        assert!(!with(memory, iterations - 1), "{memory} {iterations}");
    }
}
