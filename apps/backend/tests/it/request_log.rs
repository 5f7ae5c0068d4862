//! The log line of each request on a real server.

use countersign_testkit::{Database, Launch, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

#[apply(on_both_databases!)]
async fn a_line_has_the_outcome_and_the_account_of_its_request(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_LOG__LEVEL", "info,countersign::request=debug");
    let server = launch.start().await;
    let client = server.client();
    let ada = |password: &str| json!({ "email": "ada@example.com", "password": password });
    let right = ada("an umbrella for the log");
    let account = client
        .post("/api/auth/register", &right)
        .await
        .unwrap()
        .assert_status(201)
        .json();
    client
        .post("/api/auth/login", &ada("wrong"))
        .await
        .unwrap()
        .assert_status(401);
    let tokens = client
        .post("/api/auth/login", &right)
        .await
        .unwrap()
        .assert_status(200)
        .json();
    let access = tokens["access_token"].as_str().unwrap();
    client
        .get_as("/api/auth/me?secret=1", access)
        .await
        .unwrap()
        .assert_status(200);
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    client
        .post("/api/auth/refresh", &refresh)
        .await
        .unwrap()
        .assert_status(200);
    client.get_as("/api/auth/me", "").await.unwrap().assert_status(401);
    client.get_as("/nowhere", "").await.unwrap().assert_status(404);
    // Forms of the pages are handled in a task of their own.
    let form = "email=ada%40example.com&password=an+umbrella+for+the+log";
    let cookie = format!("countersign-form-8000={}", "A".repeat(43));
    let signed_in = client
        .submit("/signin", &cookie, form)
        .await
        .unwrap()
        .assert_status(303);
    let cookies = signed_in.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    let session = cookies.find(|cookie| cookie.starts_with("countersign-8000=")).unwrap();
    for (path, status) in [
        ("/api/auth/token", 200),
        ("/api/auth/logout", 204),
        ("/api/auth/token", 401),
    ] {
        client.submit(path, session, "").await.unwrap().assert_status(status);
    }
    assert!(server.terminate().success());

    let lines = launch.log();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines
        .filter(|line| line["target"] == "countersign::request" && line["route"] != "/healthz")
        .collect();
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            let message = line["message"].as_str().unwrap();
            let (what, duration) = message.strip_suffix(" ms").unwrap().rsplit_once(' ').unwrap();
            assert_eq!(duration, format!("{:.3}", line["duration_ms"].as_f64().unwrap()));
            assert_eq!(line["client_ip"], "127.0.0.1");
            let whose = match line.get("account") {
                Some(id) if *id == account["id"] => "ada",
                Some(id) => id.as_str().unwrap(),
                None => "-",
            };
            format!("{what} {whose} {}", line["code"].as_str().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "POST /api/auth/register 201 ada -",
            "POST /api/auth/login 401 ada invalid_credentials",
            "POST /api/auth/login 200 ada -",
            "GET /api/auth/me 200 ada -",
            "POST /api/auth/refresh 200 ada -",
            "GET /api/auth/me 401 - missing_token",
            "GET unmatched 404 - not_found",
            "POST /signin 303 ada -",
            "POST /api/auth/token 200 ada -",
            "POST /api/auth/logout 204 ada -",
            "POST /api/auth/token 401 - login_required",
        ]
    );
}
