//! SECURITY.md's requirements for all endpoints, and attacks that succeeded against other systems.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use countersign_store::{query, sql};
use countersign_testkit::{
    Answer, Database, Launch, PASSWORD, Person, ScratchDatabase, TestServer, apply, on_both_databases,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// Public routes, and their responses to an empty request.
const PUBLIC: [(&str, u16); 23] = [
    ("GET /.well-known/jwks.json", 200),
    ("GET /.well-known/oauth-authorization-server", 200),
    ("GET /.well-known/openid-configuration", 200),
    ("GET /healthz", 200),
    ("GET /readyz", 200),
    ("GET /oauth2/status-lists/{number}", 200),
    // These take the tokens of clients, which have another audience.
    ("GET /oauth2/userinfo", 401),
    ("POST /oauth2/userinfo", 401),
    ("POST /oauth2/device_authorization", 415),
    ("POST /api/auth/login", 415),
    ("POST /api/auth/login/email", 415),
    ("POST /api/auth/login/email/confirm", 415),
    ("POST /api/auth/logout", 401),
    ("POST /api/auth/recover", 415),
    ("POST /api/auth/recover/confirm", 415),
    ("POST /api/auth/refresh", 415),
    ("POST /api/auth/register", 415),
    ("POST /api/auth/token", 403),
    ("POST /api/auth/verify-email", 415),
    ("POST /api/auth/verify-email/confirm", 415),
    ("POST /oauth2/introspect", 415),
    ("POST /oauth2/revoke", 415),
    ("POST /oauth2/token", 415),
];

#[apply(on_both_databases!)]
async fn a41_every_route_requires_the_documented_authentication(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let of_ada = session_of(&ada).await;
    let of_nobody = ada.with(&json!({ "access_token": "a.b.c" }));
    for (method, path) in routes(&server).await {
        let name = format!("{method} {path}");
        let filled = path.replace("{id}", &of_ada).replace("{number}", "1");
        let send = async |person: Option<&Person<'_>>| {
            let mut request = Request::builder().method(&method).uri(&filled);
            if let Some(person) = person {
                request = request.header("authorization", format!("Bearer {}", person.access_token));
            }
            server.send(request.body(Body::empty()).unwrap()).await
        };
        let expected = PUBLIC
            .iter()
            .find(|(public, _)| *public == name)
            .map(|(_, status)| *status);
        if let Some(status) = expected {
            send(None).await.assert_status(status);
            continue;
        }
        send(None).await.assert_status(401);
        send(Some(&of_nobody)).await.assert_problem(401, "invalid_token");
        // Another user's token only gives access to that user's own resources.
        if path.contains("{id}") {
            send(Some(&eve)).await.assert_problem(404, "not_found");
        }
    }
    ada.get("/api/auth/me").await.assert_status(200);
    assert_eq!(session_of(&ada).await, of_ada, "eve ended the session of ada");
    for path in ["/api/auth/me", "/api/auth/me/export", "/api/auth/sessions"] {
        assert!(
            !eve.get(path).await.assert_status(200).text.contains("ada@"),
            "{path} shows ada to eve"
        );
    }
}

#[apply(on_both_databases!)]
async fn a68_a69_a80_a82_a100_every_response_has_a_type_and_is_not_cached(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    server.mails().await;
    let routes = routes(&server).await;
    // Rejected requests.
    for (method, path) in &routes {
        let filled = path
            .replace("{id}", "00000000-0000-7000-8000-000000000000")
            .replace("{number}", "1");
        for token in ["", ada.access_token.as_str()] {
            let request = Request::builder()
                .method(method)
                .uri(&filled)
                .header("authorization", format!("Bearer {token}"));
            // These requests must not end the session that sends them.
            if method != Method::GET && !token.is_empty() {
                continue;
            }
            judge(
                &format!("{method} {path}"),
                &server.send(request.body(Body::empty()).unwrap()).await,
            );
        }
    }
    // At least one successful request of each route.
    let seen = Visit::everywhere(&server).await;
    for (route, answer) in &seen {
        assert!(answer.status.is_success(), "{route}: {} {}", answer.status, answer.text);
        judge(route, answer);
    }
    for (method, path) in routes {
        let route = format!("{method} {path}");
        assert!(
            seen.iter().any(|(seen, _)| *seen == route),
            "{route} was not seen to succeed"
        );
    }
    // Nothing for operators or developers is reachable here.
    for path in [
        "/metrics",
        "/seen/0",
        "/dev/tokens",
        "/debug",
        "/debug/pprof",
        "/actuator",
        "/server-status",
        "/.env",
        "/.git/config",
    ] {
        let answer = ada.get(path).await;
        judge(path, &answer);
        answer.assert_problem(404, "not_found");
    }
    // A cache that goes by file extension finds nothing to store.
    for path in [
        "/api/auth/me/x.css",
        "/api/auth/me;x.css",
        "/api/auth/me%2Fx.css",
        "/api/auth/me%00.css",
        "/api/auth/sessions/x.js",
    ] {
        let answer = ada.get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(!answer.text.contains("ada@"), "{path}");
    }
}

#[apply(on_both_databases!)]
async fn a81_a_token_is_read_only_from_its_header(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    for name in ["access_token", "token", "authorization"] {
        server
            .get(&format!("/api/auth/me?{name}={}", ada.access_token))
            .await
            .assert_status(401);
        let cookie = Request::get("/api/auth/me").header("cookie", format!("{name}={}", ada.access_token));
        server
            .send(cookie.body(Body::empty()).unwrap())
            .await
            .assert_status(401);
    }
    server
        .post_form("/api/auth/logout-all", &format!("access_token={}", ada.access_token))
        .await
        .assert_status(401);
    let query = format!("/api/auth/refresh?refresh_token={}", ada.refresh_token);
    server
        .post(&query, json!({}))
        .await
        .assert_problem(422, "validation_failed");
    let query = format!(
        "/api/auth/login?username={}&password={}",
        "ada%40example.com",
        PASSWORD.replace(' ', "+")
    );
    server
        .post(&query, json!({}))
        .await
        .assert_problem(422, "validation_failed");
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a10_passwords_do_not_expire(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    server.services.clock.advance(Duration::from_secs(400 * 86_400));
    server.sign_in("ada").await.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a13_a_new_installation_has_no_account(database: Database) {
    let server = TestServer::start(database).await;
    let accounts: i64 = query(sql!("SELECT count(*) FROM accounts"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(accounts, 0);
    for name in ["admin", "root", "countersign", "ada", "test"] {
        for password in ["admin", "password", "countersign", PASSWORD] {
            let guess = json!({ "email": format!("{name}@example.com"), "password": password });
            server
                .post("/api/auth/login", guess)
                .await
                .assert_problem(401, "invalid_credentials");
        }
    }
}

#[apply(on_both_databases!)]
async fn a18_there_are_no_hints_or_secret_questions(database: Database) {
    let server = TestServer::start(database).await;
    let document = server.get("/openapi.json").await.json();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let names = schemas
        .values()
        .filter_map(|schema| schema["properties"].as_object())
        .flat_map(serde_json::Map::keys);
    let names: Vec<_> = names.collect();
    assert!(names.len() > 20, "the document names {} properties", names.len());
    // RFC 7009 §2.1: what kind of token a client presents.
    for name in names.into_iter().filter(|name| *name != "token_type_hint") {
        assert!(
            !["hint", "question", "answer"].iter().any(|word| name.contains(word)),
            "{name}"
        );
    }
}

#[apply(on_both_databases!)]
async fn a33_each_sign_in_creates_a_session(database: Database) {
    let server = TestServer::start(database).await;
    let (first, second) = (server.user("ada").await, server.sign_in("ada").await);
    let sid = async |person: &Person<'_>| {
        server
            .services
            .guard
            .verify(&person.access_token)
            .await
            .unwrap()
            .session()
            .unwrap()
    };
    assert_ne!(sid(&first).await, sid(&second).await);
    assert_ne!(first.refresh_token, second.refresh_token);
    // Refreshing keeps it.
    let next = first.with(&first.refresh(&first.refresh_token).await.assert_status(200).json());
    assert_eq!(sid(&first).await, sid(&next).await);
}

#[apply(on_both_databases!)]
async fn c23_concurrent_sign_ups_do_not_exceed_the_limit(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nregister_per_address = \"5/1h\"").await;
    let answers = join_all((0..30).map(|number| {
        server.post(
            "/api/auth/register",
            json!({ "email": format!("a{number}@example.com"), "password": PASSWORD }),
        )
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 25);
}

#[apply(on_both_databases!)]
async fn c27_a_very_long_scope_costs_nothing(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let began = Instant::now();
    let many = "a ".repeat(30_000);
    for scope in ["x".repeat(1 << 20), " ".repeat(60_000), many, "a".repeat(60_000)] {
        let login = json!({ "email": "ada@example.com", "password": "wrong", "scope": scope });
        let answer = server.post("/api/auth/login", login).await;
        assert!(answer.status.is_client_error(), "{}", answer.text);
        let asked = format!("/api/auth/forward?scope={}", scope[..60_000].replace(' ', "+"));
        let answer = ada.get(&asked).await;
        assert!(
            answer.status.is_client_error() || answer.status == 200,
            "{}",
            answer.text
        );
    }
    // At most four hashes of moderate cost are computed here; quadratic behavior would take minutes.
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "it took {:?}",
        began.elapsed()
    );
}

#[apply(on_both_databases!)]
async fn c42_c47_x43_no_header_bypasses_authentication_or_causes_an_error(database: Database) {
    let toml = "trusted_proxies = [\"192.0.2.0/24\"]\n[limits]\nlogin_per_account = \"100000/1m\"\nlogin_per_address = \"100000/1m\"";
    let server = TestServer::start_with(database, toml).await;
    let ada = server.user("ada").await;
    let values: [&[u8]; 22] = [
        b"",
        b" ",
        b"\xff\xfe",
        b"a",
        b"null",
        b"true",
        b"127.0.0.1",
        b"::1",
        b"unknown",
        b"[",
        b"1.2.3.4.5",
        b"for=",
        b"for=\"[::1",
        b"for=1.2.3.4;for=5.6.7.8",
        b",,,,",
        b";;;;",
        b"/healthz",
        b"/.well-known/jwks.json#",
        b"kube-probe/1.30",
        b"ELB-HealthChecker/2.0",
        b"admin@example.com",
        b"../../../../etc/passwd",
    ];
    let names = [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-uri",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
        "x-forwarded-method",
        "x-http-method-override",
        "x-auth-email",
        "x-auth-user-id",
        "x-auth-scopes",
        "remote-user",
        "cookie",
        "user-agent",
        "accept",
        "accept-language",
        "range",
        "if-none-match",
        "prefer",
        "traceparent",
        "tracestate",
        "x-request-id",
        "origin",
        "host",
        "te",
        "expect",
    ];
    let login = |password: &str| Body::from(json!({ "email": "ada@example.com", "password": password }).to_string());
    let mut asked = 0;
    for name in names {
        for value in values {
            let with = |method: Method, path: &str| {
                Request::builder()
                    .method(method)
                    .uri(path)
                    .header(name, value)
                    .header("content-type", "application/json")
            };
            for path in [
                "/api/auth/me",
                "/api/auth/forward",
                "/api/auth/forward/a/b",
                "/api/auth/sessions",
            ] {
                let answer = server.send(with(Method::GET, path).body(Body::empty()).unwrap()).await;
                assert_eq!(answer.status, 401, "{name}: {value:?} at {path}: {}", answer.text);
                assert_eq!(answer.header("x-auth-email"), "", "{name}: {value:?} at {path}");
                asked += 1;
            }
        }
        // Hashing is slow, so only a few of them.
        for value in [values[2], values[12], values[14]] {
            let request = Request::post("/api/auth/login")
                .header(name, value)
                .header("content-type", "application/json");
            let answer = server.send(request.body(login("wrong")).unwrap()).await;
            assert!(
                [400, 401, 429].contains(&answer.status.as_u16()),
                "{name}: {value:?}: {}",
                answer.text
            );
        }
    }
    for value in values.iter().chain(
        [
            &b"Bearer"[..],
            b"Bearer ",
            b"Bearer  a",
            b"Basic Og==",
            b"Bearer a b",
            b"bearer\ta",
        ]
        .iter(),
    ) {
        for path in [
            "/api/auth/me",
            "/api/auth/forward",
            "/api/auth/sessions",
            "/api/auth/me/export",
        ] {
            let request = Request::get(path)
                .header("authorization", *value)
                .body(Body::empty())
                .unwrap();
            let answer = server.send(request).await;
            assert!(
                [400, 401].contains(&answer.status.as_u16()),
                "{value:?} at {path}: {}",
                answer.text
            );
        }
    }
    assert!(asked > 2_000);
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn c79_a_new_password_does_not_enable_a_disabled_account(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let id = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    server.services.operator.set_disabled(id, true).await.unwrap();
    let account = countersign::features::identity::accounts::find(&server.services.db, id)
        .await
        .unwrap()
        .unwrap();
    server
        .services
        .operator
        .set_password(&account, "another long umbrella".to_owned().into())
        .await
        .unwrap();
    for password in [PASSWORD, "another long umbrella"] {
        let login = json!({ "email": "ada@example.com", "password": password });
        server
            .post("/api/auth/login", login)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[apply(on_both_databases!)]
async fn r67_all_guesses_at_an_account_share_one_count(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let spellings = [
        "ada@example.com",
        "ADA@example.com",
        " Ada@Example.COM ",
        "ada@EXAMPLE.com",
    ];
    let stranger = async |spelling: &str, password: &str| {
        server
            .post("/api/auth/login", json!({ "email": spelling, "password": password }))
            .await
    };
    for number in 0..100 {
        match number % 5 {
            0 | 1 => drop(stranger(spellings[number % 4], "wrong").await.assert_status(401)),
            2 => {
                let form = format!(
                    "username={}&password=wrong",
                    spellings[number % 4].trim().replace('@', "%40")
                );
                server.post_form("/api/auth/login", &form).await.assert_status(401);
            }
            3 => {
                let change = json!({ "current_password": "wrong", "new_password": "another long umbrella" });
                ada.post("/api/auth/change-password", change)
                    .await
                    .assert_problem(403, "invalid_credentials");
            }
            _ => drop(
                ada.delete("/api/auth/me", json!({ "password": "wrong" }))
                    .await
                    .assert_problem(403, "invalid_credentials"),
            ),
        }
    }
    // The limit of one hundred is reached: from a network that is new to the account, not even the right password is
    // tried.
    for spelling in spellings {
        stranger(spelling, PASSWORD)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    let owner = Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .extension(ConnectInfo::<SocketAddr>("198.51.100.1:5000".parse().unwrap()))
        .body(Body::from(
            json!({ "email": "ada@example.com", "password": PASSWORD }).to_string(),
        ));
    server.send(owner.unwrap()).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn x34_no_blank_token_matches_anything(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    for path in ["/api/auth/refresh", "/api/auth/logout"] {
        for blank in [
            json!(""),
            json!(" "),
            json!("\u{0}"),
            json!("csr_"),
            json!(null),
            json!([]),
            json!(0),
            json!(false),
            json!({}),
        ] {
            let answer = server.post(path, json!({ "refresh_token": blank })).await;
            assert!(
                [401, 422].contains(&answer.status.as_u16()),
                "{path} {blank}: {}",
                answer.text
            );
        }
        server.post_form(path, "refresh_token=").await.assert_status(401);
    }
    ada.get("/api/auth/me").await.assert_status(200);
    ada.refresh(&ada.refresh_token).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn c20_spent_refresh_tokens_stay_spent_after_a_restart(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_TOKENS__REFRESH_REPLAY_WINDOW", "0s");
    let server = launch.start().await;
    let client = server.client();
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    client
        .send((Method::POST, "/api/auth/register"), Some(&ada), "")
        .await
        .unwrap()
        .assert_status(201);
    let tokens = client
        .send((Method::POST, "/api/auth/login"), Some(&ada), "")
        .await
        .unwrap()
        .assert_status(200)
        .json();
    let spent = json!({ "refresh_token": tokens["refresh_token"] });
    let next = client
        .send((Method::POST, "/api/auth/refresh"), Some(&spent), "")
        .await
        .unwrap()
        .assert_status(200)
        .json();
    server.kill();

    let server = launch.start().await;
    let client = server.client();
    client
        .send((Method::POST, "/api/auth/refresh"), Some(&spent), "")
        .await
        .unwrap()
        .assert_status(401);
    let successor = json!({ "refresh_token": next["refresh_token"] });
    client
        .send((Method::POST, "/api/auth/refresh"), Some(&successor), "")
        .await
        .unwrap()
        .assert_status(401);
    client
        .get_as("/api/auth/me", next["access_token"].as_str().unwrap())
        .await
        .unwrap()
        .assert_status(401);
}

/// C-80: whatever is done with a password, the database files never contain it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c80_database_files_contain_no_password() {
    let server = TestServer::start(Database::Sqlite).await;
    let canary = "canary umbrella of ada";
    let ada = json!({ "email": "ada@example.com", "password": canary });
    server.post("/api/auth/register", ada.clone()).await.assert_status(201);
    server.post("/api/auth/login", ada).await.assert_status(200);
    let wrong = json!({ "email": "ada@example.com", "password": "canary umbrella of eve" });
    server.post("/api/auth/login", wrong).await.assert_status(401);
    let swapped = json!({ "email": "canary umbrella of ida", "password": "ada@example.com" });
    server.post("/api/auth/login", swapped).await.assert_status(401);
    let mut files = 0;
    for entry in std::fs::read_dir(server.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(15).any(|window| window == b"canary umbrella");
            assert!(!found, "a password stands in {}", path.display());
            files += 1;
        }
    }
    assert!(files >= 2, "the database and its log");
}

/// Every documented route and every response: of a declared content type, no redirect elsewhere, not cached, and
/// without information about the software.
fn judge(route: &str, answer: &Answer) {
    assert!(
        !answer.status.is_redirection(),
        "{route} leads to {}",
        answer.header("location")
    );
    let is_public = ["GET /.well-known/", "GET /oauth2/status-lists/"]
        .iter()
        .any(|public| route.starts_with(public));
    if !is_public {
        assert_eq!(answer.header("cache-control"), "no-store", "{route}");
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{route}");
    for tells in ["server", "x-powered-by", "via", "x-debug-token"] {
        assert_eq!(answer.header(tells), "", "{route}");
    }
    let kind = answer.header("content-type");
    if answer.text.is_empty() {
        return assert_eq!(kind, "", "{route}");
    }
    let known = match (answer.status.is_success(), route) {
        (false, "GET /oauth2/userinfo" | "POST /oauth2/userinfo") => "application/json",
        (false, "POST /oauth2/introspect" | "POST /oauth2/revoke" | "POST /oauth2/token") => "application/json",
        (false, "POST /oauth2/device_authorization") => "application/json",
        (false, _) => "application/problem+json",
        (_, "GET /.well-known/jwks.json") => "application/jwk-set+json",
        (_, "GET /oauth2/status-lists/{number}") => "application/statuslist+jwt",
        (_, "GET /healthz" | "GET /readyz") => "text/plain; charset=utf-8",
        _ => "application/json",
    };
    assert_eq!(kind, known, "{route}");
    assert!(
        !answer.text.contains(env!("CARGO_PKG_VERSION")),
        "{route} tells the version"
    );
}

/// A user who sends a successful request to every route.
struct Visit<'s> {
    server: &'s TestServer,
    seen: Vec<(String, Answer)>,
}

impl<'s> Visit<'s> {
    async fn everywhere(server: &'s TestServer) -> Vec<(String, Answer)> {
        let mut visit = Self {
            server,
            seen: Vec::new(),
        };
        visit.of_the_public().await;
        visit.of_an_account().await;
        visit.of_a_client().await;
        visit.seen
    }

    async fn of_the_public(&mut self) {
        let public = [
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
            "/healthz",
            "/readyz",
        ];
        for path in public {
            self.ask("GET", path, Value::Null, "").await;
        }
        let list = self.server.get("/oauth2/status-lists/1").await;
        self.seen.push(("GET /oauth2/status-lists/{number}".to_owned(), list));
    }

    async fn of_a_client(&mut self) {
        self.server.api("https://api.example.com", &["read"]).await;
        let metadata = json!({ "grant_types": ["client_credentials"], "redirect_uris": [], "scope": "read" });
        let client = self.server.client_with("visitor", metadata).await;
        let answer = client.client_credentials(&[]).await;
        let token = answer.json()["access_token"].as_str().unwrap_or_default().to_owned();
        self.seen.push(("POST /oauth2/token".to_owned(), answer));
        for path in ["/oauth2/introspect", "/oauth2/revoke"] {
            let answer = client.post(path, &[("token", &token)]).await;
            self.seen.push((format!("POST {path}"), answer));
        }
    }

    async fn of_an_account(&mut self) {
        let (email, other, second) = ("eve@example.com", "eva@example.com", "another long umbrella");
        self.ask(
            "POST",
            "/api/auth/register",
            json!({ "email": email, "password": PASSWORD }),
            "",
        )
        .await;
        // Discards the email of the sign-up; the next one replaces it.
        self.server.mails().await;
        self.ask("POST", "/api/auth/verify-email", json!({ "email": email }), "")
            .await;
        let token = self.mailed().await;
        let confirmation = json!({ "token": token, "password": PASSWORD });
        self.ask("POST", "/api/auth/verify-email/confirm", confirmation, "")
            .await;
        let access = self.sign_in(email, PASSWORD).await;
        for (method, answer) in crate::userinfo::answers(self.server, &access).await {
            self.seen.push((format!("{method} /oauth2/userinfo"), answer));
        }
        let grants = [("grant_types", json!(["urn:ietf:params:oauth:grant-type:device_code"]))];
        crate::grants::register_with(&self.server.services, "tv", &grants).await;
        let path = "/oauth2/device_authorization";
        let codes = self.server.post_form(path, "client_id=tv&scope=openid").await;
        self.seen.push((format!("POST {path}"), codes.assert_status(200)));
        for path in [
            "/api/auth/me",
            "/api/auth/me/export",
            "/api/auth/sessions",
            "/api/auth/forward",
        ] {
            self.ask("GET", path, Value::Null, &access).await;
        }
        self.ask("PATCH", "/api/auth/me", json!({ "name": "Eve" }), &access)
            .await;
        self.ask(
            "POST",
            "/api/auth/change-email",
            json!({ "email": other, "password": PASSWORD }),
            &access,
        )
        .await;
        let token = self.mailed().await;
        self.ask(
            "POST",
            "/api/auth/change-email/confirm",
            json!({ "token": token }),
            &access,
        )
        .await;
        let access = self.sign_in(other, PASSWORD).await;
        let change = json!({ "current_password": PASSWORD, "new_password": second });
        self.ask("POST", "/api/auth/change-password", change, &access).await;
        self.ask("POST", "/api/auth/recover", json!({ "email": other }), "")
            .await;
        let token = self.mailed().await;
        let recovery = json!({ "token": token, "new_password": PASSWORD });
        self.ask("POST", "/api/auth/recover/confirm", recovery, "").await;
        self.ask("POST", "/api/auth/login/email", json!({ "email": other }), "")
            .await;
        let token = self.mailed().await;
        let signed_in = self
            .ask("POST", "/api/auth/login/email/confirm", json!({ "token": token }), "")
            .await;
        let spent = json!({ "refresh_token": signed_in.json()["refresh_token"] });
        let refreshed = self.ask("POST", "/api/auth/refresh", spent, "").await.json();
        let ended = refreshed["access_token"].as_str().unwrap().to_owned();
        let sessions = self.ask("GET", "/api/auth/sessions", Value::Null, &ended).await.json();
        let id = sessions[0]["id"].as_str().unwrap();
        let request =
            Request::delete(format!("/api/auth/sessions/{id}")).header("authorization", format!("Bearer {ended}"));
        let answer = self.server.send(request.body(Body::empty()).unwrap()).await;
        self.seen.push(("DELETE /api/auth/sessions/{id}".to_owned(), answer));
        self.of_a_browser(other, PASSWORD).await;
        for (method, path, body) in [
            ("POST", "/api/auth/logout", Value::Null),
            ("POST", "/api/auth/logout-all", Value::Null),
            ("DELETE", "/api/auth/me", json!({ "password": PASSWORD })),
        ] {
            let access = self.sign_in(other, PASSWORD).await;
            self.ask(method, path, body, &access).await;
        }
    }

    async fn sign_in(&mut self, email: &str, password: &str) -> String {
        let answer = self
            .ask(
                "POST",
                "/api/auth/login",
                json!({ "email": email, "password": password }),
                "",
            )
            .await;
        answer.json()["access_token"].as_str().unwrap_or_default().to_owned()
    }

    async fn of_a_browser(&mut self, email: &str, password: &str) {
        let page = |path| Request::post(path).header("origin", "http://127.0.0.1:8000");
        let body = json!({ "email": email, "password": password, "session": "cookie" });
        let sign_in = page("/api/auth/login").header("content-type", "application/json");
        let signed_in = self
            .server
            .send(sign_in.body(Body::from(body.to_string())).unwrap())
            .await;
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
        let token = page("/api/auth/token").header("cookie", cookie);
        let answer = self.server.send(token.body(Body::empty()).unwrap()).await;
        self.seen.push(("POST /api/auth/token".to_owned(), answer));
    }

    /// The token of the latest email.
    async fn mailed(&self) -> String {
        let mails = self.server.mails().await;
        let newest = mails.iter().rfind(|mail| mail.link().contains("?token="));
        newest.expect("a mail with a token came").token()
    }

    async fn ask(&mut self, method: &str, path: &str, body: Value, bearer: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !bearer.is_empty() {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let bytes = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        let answer = self.server.send(request.body(bytes).unwrap()).await;
        self.seen.push((format!("{method} {path}"), answer.clone()));
        answer
    }
}

pub async fn routes(server: &TestServer) -> Vec<(Method, String)> {
    let document = server.get("/openapi.json").await.assert_status(200).json();
    let paths = document["paths"].as_object().unwrap();
    let routes = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    routes.collect()
}

async fn session_of(person: &Person<'_>) -> String {
    let sessions = person.get("/api/auth/sessions").await.assert_status(200).json();
    sessions[0]["id"].as_str().unwrap().to_owned()
}
