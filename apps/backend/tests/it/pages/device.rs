//! The page for devices, and their codes (RFC 8628).

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign::features::identity::accounts;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use super::{Browser, NEW_PASSWORD, encoded, form};
use crate::grants::execute;

/// Public clients for devices, and one with another grant. None of them needs an RSA key.
const CLIENTS: &str = r#"
[[clients]]
client_id = "tv"
client_name = "Television"
"client_name#de" = "Fernseher"
public = true
id_token_signed_response_alg = "ES256"
grant_types = ["device_code", "refresh_token"]

[[clients]]
client_id = "trusted"
client_name = "Our own"
public = true
id_token_signed_response_alg = "ES256"
trusted = true
grant_types = ["device_code"]

[[clients]]
client_id = "other"
client_name = "Another"
public = true
id_token_signed_response_alg = "ES256"
grant_types = ["device_code"]

[[clients]]
client_id = "narrow"
client_name = "Narrow"
public = true
id_token_signed_response_alg = "ES256"
scope = "openid"
grant_types = ["device_code"]

[[clients]]
client_id = "bank"
client_name = "Bank"
public = true
id_token_signed_response_alg = "ES256"
default_max_age = 300
grant_types = ["device_code"]

[[clients]]
client_id = "web"
client_name = "Web"
public = true
id_token_signed_response_alg = "ES256"
redirect_uris = ["https://web.example.com/callback"]
"#;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn start(database: Database) -> TestServer {
    start_with(database, "").await
}

async fn start_with(database: Database, settings: &str) -> TestServer {
    TestServer::start_with(database, &format!("{settings}{CLIENTS}")).await
}

/// The codes of a device.
struct Device {
    device_code: String,
    user_code: String,
}

/// The address of a connection from this machine.
fn from_here() -> ConnectInfo<SocketAddr> {
    ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)))
}

async fn begin(server: &TestServer, client: &str) -> Device {
    let fields = [("client_id", client), ("scope", "openid email offline_access")];
    begin_with(server, &fields).await
}

async fn begin_with(server: &TestServer, fields: &[(&str, &str)]) -> Device {
    let request = form("/oauth2/device_authorization").extension(from_here());
    let answer = server
        .send(request.body(encoded(fields).into()).unwrap())
        .await
        .assert_status(200);
    let body = answer.json();
    Device {
        device_code: body["device_code"].as_str().unwrap().to_owned(),
        user_code: body["user_code"].as_str().unwrap().to_owned(),
    }
}

async fn poll(server: &TestServer, device: &Device, client: &str) -> Answer {
    let fields = [
        ("grant_type", GRANT),
        ("client_id", client),
        ("device_code", &device.device_code),
    ];
    server.post_form("/oauth2/token", &encoded(&fields)).await
}

async fn error(server: &TestServer, device: &Device, client: &str) -> String {
    let answer = poll(server, device, client).await.assert_status(400);
    answer.json()["error"].as_str().unwrap().to_owned()
}

/// Enters a code and returns the page of the request.
async fn claim(browser: &mut Browser<'_>, user_code: &str) -> Answer {
    browser.post("/device", &[("user_code", user_code)]).await
}

/// Enters a code and allows the request.
async fn allow(browser: &mut Browser<'_>, device: &Device) {
    let page = claim(browser, &device.user_code).await.assert_status(303);
    let page = page.header("location").to_owned();
    let done = agree(browser, &page).await.assert_status(303);
    assert_eq!(done.header("location"), "/done/device-allowed");
}

/// Opens the page of a request and presses *Allow*.
async fn agree(browser: &mut Browser<'_>, page: &str) -> Answer {
    let shown = shown(&browser.get(page).await.assert_status(200));
    allow_shown(browser, page, &shown).await
}

/// Presses *Allow* on a page that was loaded before.
async fn allow_shown(browser: &mut Browser<'_>, page: &str, shown: &str) -> Answer {
    browser.post(page, &[("decision", "allow"), ("shown", shown)]).await
}

/// Returns what identifies the contents of the page of a request.
fn shown(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("name=\"shown\" value=\"").unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

#[apply(on_both_databases!)]
async fn a_device_gets_tokens_once_its_user_has_allowed_it(database: Database) {
    let server = start(database).await;
    let fields = [("client_id", "tv"), ("scope", "openid email offline_access")];
    let request = form("/oauth2/device_authorization").header("user-agent", "curl/8.5.0");
    let request = request.extension(from_here());
    let answer = server
        .send(request.body(encoded(&fields).into()).unwrap())
        .await
        .assert_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let codes = answer.json();
    let user_code = codes["user_code"].as_str().unwrap();
    assert_eq!(codes["verification_uri"], "http://127.0.0.1:8000/device");
    assert_eq!(
        codes["verification_uri_complete"],
        format!("http://127.0.0.1:8000/device?user_code={user_code}")
    );
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(600), &json!(5)));
    let device = Device {
        device_code: codes["device_code"].as_str().unwrap().to_owned(),
        user_code: user_code.to_owned(),
    };
    assert_eq!(error(&server, &device, "tv").await, "authorization_pending");

    // A browser that is not signed in is asked to sign in, and comes back.
    let mut ada = Browser::new(&server);
    let to_sign_in = ada
        .get(&format!("/device?user_code={user_code}"))
        .await
        .assert_status(303);
    assert_eq!(
        to_sign_in.header("location"),
        format!("/signin?return_to=/device?user_code={user_code}")
    );
    let mut ada = Browser::sign_up(&server, "ada").await;
    // Case, spaces and dashes do not matter.
    let typed = user_code.to_lowercase().replace('-', " ");
    let page = claim(&mut ada, &typed).await.assert_status(303);
    let address = page.header("location").to_owned();
    let page = ada.get(&address).await.assert_status(200);
    for shown in ["Television", "ada@example.com", "curl", "127.0.0.1", "email"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(!page.text.contains(user_code));
    // The window is over, so that the next poll is in time.
    server.services.clock.advance(Duration::from_secs(5));
    assert_eq!(error(&server, &device, "tv").await, "authorization_pending");
    let done = agree(&mut ada, &address).await;
    let done = ada.follow(done).await;
    assert!(done.text.contains("Your device is connected"));
    // There is nothing to continue with here.
    assert!(
        done.text.contains("href=\"/account\">Your account</a>"),
        "{}",
        done.text
    );

    let tokens = poll(&server, &device, "tv").await.assert_status(200).json();
    for token in ["access_token", "refresh_token", "id_token"] {
        assert!(tokens[token].is_string(), "{token}: {tokens}");
    }
    let account = ada.get("/account").await;
    assert!(account.text.contains("ada@example.com"));
    // The code is spent, and its page is gone.
    assert_eq!(error(&server, &device, "tv").await, "invalid_grant");
    ada.get(&address).await.assert_status(422);
    ada.post(&address, &[("decision", "allow")]).await.assert_status(422);
    // The grant does not end with the browser's session: people allow devices on borrowed computers.
    ada.post("/signout", &[]).await.assert_status(303);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "tv"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    server
        .post_form("/oauth2/token", &encoded(&refresh))
        .await
        .assert_status(200);
}

#[apply(on_both_databases!)]
async fn o_41_c_28_c_61_a_code_is_for_one_client_one_account_and_one_browser(database: Database) {
    let server = start(database).await;
    let device = begin(&server, "tv").await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut bob = Browser::sign_up(&server, "bob").await;
    // The complete address fills the field in, and nothing else.
    let complete = format!("/device?user_code={}", device.user_code);
    for _ in 0..2 {
        let page = bob.get(&complete).await.assert_status(200);
        assert!(page.text.contains(&format!("value=\"{}\"", device.user_code)));
        assert!(page.text.contains("Check that your device shows this code"));
        assert!(!page.text.contains("Television"));
    }
    let page = claim(&mut ada, &device.user_code).await.assert_status(303);
    let address = page.header("location").to_owned();
    // For another account, and in another browser of the same account, the code is unknown, as is its page.
    let mut elsewhere = Browser::new(&server);
    elsewhere
        .post("/signin", &[("email", "ada@example.com"), ("password", PASSWORD)])
        .await
        .assert_status(303);
    let unknown = claim(&mut bob, "BBBB-BBBB").await.assert_status(422);
    for browser in [&mut bob, &mut elsewhere] {
        let refused = claim(browser, &device.user_code).await.assert_status(422);
        assert!(refused.text.contains("This code is incorrect or has expired"));
        let page = browser.get(&address).await.assert_status(422);
        assert!(!page.text.contains("Television"));
        browser
            .post(&address, &[("decision", "allow")])
            .await
            .assert_status(422);
    }
    assert!(unknown.text.contains("This code is incorrect or has expired"));
    // The user who claimed it may enter it again.
    claim(&mut ada, &device.user_code).await.assert_status(303);
    assert_eq!(error(&server, &device, "tv").await, "authorization_pending");
    // A form of another site decides nothing.
    let foreign = form(&address).header("sec-fetch-site", "cross-site");
    ada.send(foreign, encoded(&[("decision", "allow")]))
        .await
        .assert_status(403);
    // Without a decision, the page asks again.
    ada.post(&address, &[]).await.assert_status(200);
    agree(&mut ada, &address).await.assert_status(303);
    // Another client cannot use the device's code, and spends nothing.
    assert_eq!(error(&server, &device, "other").await, "invalid_grant");
    let polls = (0..50).map(|_| poll(&server, &device, "tv"));
    let answers = futures_util::future::join_all(polls).await;
    let granted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(granted, 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 || answer.json()["error"] == "invalid_grant")
    );
}

#[apply(on_both_databases!)]
async fn o_42_c_22_parallel_guesses_do_not_exceed_the_limits(database: Database) {
    let server = start_with(database, "[limits]\n").await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    ada.form_token().await;
    let guess = async |mut browser: Browser<'_>, number: usize, from: String| {
        let letters = b"BCDFGHJKLMNPQRSTVWXZ";
        let code: String = (0..8)
            .map(|at| char::from(letters[(number >> (at * 2)) % 20]))
            .collect();
        let request = form("/device")
            .header("sec-fetch-site", "same-origin")
            .extension(ConnectInfo(from.parse::<SocketAddr>().unwrap()));
        browser.send(request, encoded(&[("user_code", &code)])).await
    };
    // Ten guesses of one account, whatever the network.
    let guesses = (0..100).map(|number| guess(ada.clone(), number, format!("198.51.100.{number}:1")));
    let answers = futures_util::future::join_all(guesses).await;
    let judged = answers.iter().filter(|answer| answer.status == 422).count();
    assert_eq!(judged, 10);
    assert!(
        answers
            .iter()
            .all(|answer| [422, 429].contains(&answer.status.as_u16()))
    );
    // The limit holds for the right code, too.
    let device = begin(&server, "tv").await;
    claim(&mut ada, &device.user_code).await.assert_status(429);
    // A right code uses nothing up and resets nothing.
    let mut bob = Browser::sign_up(&server, "bob").await;
    for number in 0..9 {
        guess(bob.clone(), number, format!("203.0.113.{number}:1"))
            .await
            .assert_status(422);
    }
    for _ in 0..3 {
        claim(&mut bob, &device.user_code).await.assert_status(303);
    }
    guess(bob.clone(), 100, "203.0.113.100:1".to_owned())
        .await
        .assert_status(422);
    guess(bob.clone(), 101, "203.0.113.101:1".to_owned())
        .await
        .assert_status(429);
    // Twenty of one network, whatever the account.
    let mut judged = 0;
    for name in ["eve", "mallory", "trudy"] {
        let browser = Browser::sign_up(&server, name).await;
        for number in 0..10 {
            let answer = guess(browser.clone(), number, "192.0.2.7:1".to_owned()).await;
            judged += usize::from(answer.status == 422);
        }
    }
    assert_eq!(judged, 20);
}

/// The limit for everyone would stop all users from connecting devices, so no network gets more than a tenth of it.
#[apply(on_both_databases!)]
async fn o_42_c_22_one_network_cannot_use_up_the_guesses_of_everyone(database: Database) {
    let limits = "[limits]\ndevice_codes_per_account = \"1000/10m\"\ndevice_codes_per_network = \"10/10m\"\n\
        device_codes_in_all = \"30/10m\"\n";
    let server = start_with(database, limits).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    ada.form_token().await;
    let enter = async |code: &str, from: String| {
        let from: SocketAddr = from.parse().unwrap();
        let request = form("/device")
            .header("sec-fetch-site", "same-origin")
            .extension(ConnectInfo(from));
        ada.clone().send(request, encoded(&[("user_code", code)])).await
    };
    // From as many prefixes of one /48 as there are guesses.
    let guesses = (0..60).map(|number| enter("BBBB-BBBB", format!("[2001:db8:1:{number:x}::7]:1")));
    let answers = futures_util::future::join_all(guesses).await;
    let judged = answers.iter().filter(|answer| answer.status == 422).count();
    assert_eq!(judged, 10);
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert!(
        refused.header("ratelimit-policy").contains("device_codes_per_network"),
        "{:?}",
        refused.headers
    );
    // Users elsewhere do not notice, and may even err.
    let device = begin(&server, "tv").await;
    for from in ["[2001:db8:2::7]:1", "192.0.2.1:1"] {
        enter("BBBB-BBBB", from.to_owned()).await.assert_status(422);
        enter(&device.user_code, from.to_owned()).await.assert_status(303);
    }
    // Within the network, only the right code of a user who is unlucky with the neighbors has to wait.
    enter(&device.user_code, "[2001:db8:1:ffff::7]:1".to_owned())
        .await
        .assert_status(429);
}

#[apply(on_both_databases!)]
async fn o_43_the_user_is_always_asked_and_may_be_disabled_meanwhile(database: Database) {
    let server = start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    // Also for a client that needs no consent in a browser.
    let device = begin(&server, "trusted").await;
    let page = claim(&mut ada, &device.user_code).await;
    let page = ada.follow(page).await;
    for shown in [
        "Our own",
        "127.0.0.1",
        "<time",
        "email",
        "Only continue if you started this yourself",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!(error(&server, &device, "trusted").await, "authorization_pending");
    // If the user is disabled or deleted, or changes the password after allowing it, the device gets nothing.
    for spoil in ["disable", "delete", "password"] {
        let name = format!("user-{spoil}");
        let mut user = Browser::sign_up(&server, &name).await;
        let device = begin(&server, "tv").await;
        allow(&mut user, &device).await;
        match spoil {
            "disable" => {
                let email = format!("{name}@example.com").parse().unwrap();
                let account = accounts::find_by_email(&server.services.db, &email)
                    .await
                    .unwrap()
                    .unwrap();
                server.services.operator.set_disabled(account.id, true).await.unwrap();
            }
            "delete" => {
                let fields = [("delete_password", PASSWORD)];
                user.post("/account/delete", &fields).await.assert_status(303);
            }
            _ => {
                let fields = [("current_password", PASSWORD), ("new_password", NEW_PASSWORD)];
                user.post("/account/password", &fields).await.assert_status(303);
            }
        }
        // With its user, the code is gone.
        let expected = if spoil == "delete" {
            "invalid_grant"
        } else {
            "access_denied"
        };
        assert_eq!(error(&server, &device, "tv").await, expected, "{spoil}");
    }
    // A user who cancels gives nothing.
    let mut carl = Browser::sign_up(&server, "carl").await;
    let device = begin(&server, "tv").await;
    let page = claim(&mut carl, &device.user_code).await.header("location").to_owned();
    carl.post(&page, &[("decision", "cancel")]).await.assert_status(303);
    assert_eq!(error(&server, &device, "tv").await, "access_denied");
}

#[apply(on_both_databases!)]
async fn o_58_a_device_that_polls_too_fast_or_too_long_is_told_so(database: Database) {
    let server = start(database).await;
    let clock = &server.services.clock;
    let device = begin(&server, "tv").await;
    let seconds = |seconds| clock.advance(Duration::from_secs(seconds));
    assert_eq!(error(&server, &device, "tv").await, "authorization_pending");
    assert_eq!(error(&server, &device, "tv").await, "slow_down");
    // RFC 8628 §3.5: five seconds longer from now on.
    seconds(6);
    assert_eq!(error(&server, &device, "tv").await, "slow_down");
    seconds(15);
    assert_eq!(error(&server, &device, "tv").await, "authorization_pending");
    seconds(600);
    assert_eq!(error(&server, &device, "tv").await, "expired_token");
    let mut ada = Browser::sign_up(&server, "ada").await;
    claim(&mut ada, &device.user_code).await.assert_status(422);
    // Swept an hour later, it is unknown.
    seconds(3601);
    server.services.device_authorization.sweep_once().await.unwrap();
    assert_eq!(error(&server, &device, "tv").await, "invalid_grant");
}

/// Devices that poll as they should do not use up the limit of their network. Whatever else comes with a device code does.
#[apply(on_both_databases!)]
async fn o_42_polls_in_time_do_not_count_against_the_limits_of_the_token_endpoint(database: Database) {
    let limits = "[limits]\ntoken_per_address = \"4/1h\"\ntoken_per_client = \"4/1h\"\n";
    let server = start_with(database, limits).await;
    let device = json!({ "redirect_uris": [], "grant_types": [GRANT] });
    let confidential = server.client_with("confidential", device).await;
    let secret = confidential.secret.as_deref().unwrap();
    let poll_from_here = async |client: &str, device_code: &str| {
        let mut fields = vec![
            ("grant_type", GRANT),
            ("client_id", client),
            ("device_code", device_code),
        ];
        if client == "confidential" {
            fields.push(("client_secret", secret));
        }
        let request = form("/oauth2/token").extension(from_here());
        let answer = server.send(request.body(encoded(&fields).into()).unwrap()).await;
        answer.json()["error"].as_str().unwrap().to_owned()
    };
    for client in ["tv", "confidential"] {
        let mut devices = Vec::new();
        for _ in 0..6 {
            let mut fields = vec![("client_id", client), ("scope", "openid")];
            if client == "confidential" {
                fields.push(("client_secret", secret));
            }
            devices.push(begin_with(&server, &fields).await);
        }
        for _ in 0..3 {
            for device in &devices {
                let error = poll_from_here(client, &device.device_code).await;
                assert_eq!(error, "authorization_pending", "{client}");
            }
            server.services.clock.advance(Duration::from_secs(5));
        }
        // A poll that is too early counts, and so does a code that is unknown or another client's.
        let [early, spared, ..] = &devices[..] else { panic!() };
        let foreign = begin(&server, "other").await;
        assert_eq!(
            poll_from_here(client, &early.device_code).await,
            "authorization_pending"
        );
        assert_eq!(
            poll_from_here(client, &early.device_code).await,
            "slow_down",
            "{client}"
        );
        for code in [&foreign.device_code, &format!("csv_{}", "A".repeat(43)), "csv_"] {
            assert_eq!(poll_from_here(client, code).await, "invalid_grant", "{client}: {code}");
        }
        for code in [&foreign.device_code, &early.device_code] {
            assert_eq!(
                poll_from_here(client, code).await,
                "temporarily_unavailable",
                "{client}"
            );
        }
        // The limit is used up, and stops no other device.
        assert_eq!(
            poll_from_here(client, &spared.device_code).await,
            "authorization_pending"
        );
        // A poll over the limit has not extended the interval again: it is ten seconds.
        server.services.clock.advance(Duration::from_secs(10));
        assert_eq!(
            poll_from_here(client, &early.device_code).await,
            "authorization_pending"
        );
        // Once it is decided, it counts.
        let mut user = Browser::sign_up(&server, &format!("user-{client}")).await;
        allow(&mut user, early).await;
        assert_eq!(
            poll_from_here(client, &early.device_code).await,
            "temporarily_unavailable"
        );
    }
}

#[apply(on_both_databases!)]
async fn requests_of_devices_that_are_not_valid_are_refused(database: Database) {
    let server = start(database).await;
    let ask = async |fields: &[(&str, &str)]| {
        let answer = server.post_form("/oauth2/device_authorization", &encoded(fields)).await;
        let error: Value = answer.json()["error"].clone();
        (answer.status.as_u16(), error.as_str().unwrap_or_default().to_owned())
    };
    let refused = |status, error: &str| (status, error.to_owned());
    assert_eq!(ask(&[("scope", "openid")]).await, refused(401, "invalid_client"));
    assert_eq!(ask(&[("client_id", "nobody")]).await, refused(401, "invalid_client"));
    let web = [("client_id", "web"), ("scope", "openid")];
    assert_eq!(ask(&web).await, refused(400, "unauthorized_client"));
    let unknown = [("client_id", "tv"), ("scope", "no-such-scope")];
    assert_eq!(ask(&unknown).await, refused(400, "invalid_scope"));
    let twice = [("client_id", "tv"), ("scope", "openid"), ("scope", "email")];
    assert_eq!(ask(&twice).await, refused(400, "invalid_request"));
    let resource = [
        ("client_id", "tv"),
        ("scope", "openid"),
        ("resource", "https://api.example.com"),
    ];
    assert_eq!(ask(&resource).await, refused(400, "invalid_target"));
    // A code that is none, and one of another kind.
    for code in ["", "x", "csr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let device = Device {
            device_code: code.to_owned(),
            user_code: String::new(),
        };
        let wanted = if code.is_empty() {
            "invalid_request"
        } else {
            "invalid_grant"
        };
        assert_eq!(error(&server, &device, "tv").await, wanted, "{code:?}");
    }
}

#[apply(on_both_databases!)]
async fn o_28_c_46_a_device_gets_no_scope_beyond_the_registration_of_its_client(database: Database) {
    let server = start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let device = begin(&server, "narrow").await;
    allow(&mut ada, &device).await;
    let tokens = poll(&server, &device, "narrow").await.assert_status(200).json();
    assert_eq!(tokens["scope"], "openid");
    let fields = [("client_id", "narrow"), ("scope", "email")];
    let answer = server
        .post_form("/oauth2/device_authorization", &encoded(&fields))
        .await;
    assert_eq!(answer.assert_status(400).json()["error"], "invalid_scope");
}

/// A request that no token answers leaves the code as it is.
#[apply(on_both_databases!)]
async fn o_41_a_wrong_resource_spends_no_code(database: Database) {
    let server = start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let device = begin(&server, "tv").await;
    allow(&mut ada, &device).await;
    let fields = [
        ("grant_type", GRANT),
        ("client_id", "tv"),
        ("device_code", &device.device_code),
        ("resource", "https://api.example.com"),
    ];
    let answer = server.post_form("/oauth2/token", &encoded(&fields)).await;
    assert_eq!(answer.assert_status(400).json()["error"], "invalid_target");
    poll(&server, &device, "tv").await.assert_status(200);
}

const ORDERS: &str = "https://api.example.com";
const MAPS: &str = "https://maps.example.com";

/// An API with a scope for everyone, and one that operators grant; and another API.
async fn register_apis(server: &TestServer) {
    let words = json!({ "en": "See your orders", "de": "Deine Bestellungen sehen" });
    let scopes = json!([
        { "name": "orders:read", "grant": "open", "words": words },
        { "name": "orders:all", "grant": "owned", "words": { "en": "See everyone’s orders" } },
    ]);
    server
        .api_with(json!({ "identifier": ORDERS, "name": "Orders", "clients": "any", "scopes": scopes }))
        .await;
    let maps = json!({ "identifier": MAPS, "name": "Maps", "clients": "listed", "scopes": [{ "name": "maps:read", "grant": "open" }] });
    server.api_with(maps).await;
}

#[apply(on_both_databases!)]
async fn o_43_the_page_says_in_words_what_a_device_may_do_and_where(database: Database) {
    let server = start(database).await;
    register_apis(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let fields = [
        ("client_id", "tv"),
        ("scope", "openid profile email offline_access orders:read orders:all"),
        ("resource", ORDERS),
    ];
    let device = begin_with(&server, &fields).await;
    let page = claim(&mut ada, &device.user_code).await.assert_status(303);
    let address = page.header("location").to_owned();
    let page = ada.get(&address).await.assert_status(200);
    for shown in [
        "See your name and profile",
        "See your email address",
        "Stay connected after you sign out",
        "See your orders",
        "<bdi>Orders</bdi>",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    // No name of a scope, and nothing that the account does not have.
    for hidden in ["offline_access", "orders:read", ">email<", "everyone’s orders"] {
        assert!(!page.text.contains(hidden), "{hidden}: {}", page.text);
    }
    // The buttons have the same weight, and stand apart, as on the page for consent.
    let buttons = page.text.split_once("<div class=\"choice\">").unwrap().1;
    let buttons = buttons.split_once("</div>").unwrap().0;
    assert_eq!(buttons.matches("<button class=\"second\"").count(), 2, "{buttons}");
    // `.hint` has no space below it.
    assert!(!page.text.contains("class=\"hint\""), "{}", page.text);
    // In the user's language.
    let german = Request::get(&address).header("accept-language", "de");
    let page = ada.send(german, String::new()).await.assert_status(200);
    for shown in ["Fernseher", "Deine Bestellungen sehen"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    // Who only signs in learns that nothing is revealed.
    let device = begin_with(&server, &[("client_id", "tv"), ("scope", "openid")]).await;
    let page = claim(&mut ada, &device.user_code).await;
    let page = ada.follow(page).await;
    assert!(page.text.contains("will recognize your account"), "{}", page.text);
    assert!(!page.text.contains("will be able to"), "{}", page.text);
}

#[apply(on_both_databases!)]
async fn o_19_a_device_of_a_client_with_default_max_age_needs_a_fresh_sign_in(database: Database) {
    let server = start(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    // Within the time, nothing is asked.
    let device = begin_with(&server, &[("client_id", "bank"), ("scope", "openid")]).await;
    allow(&mut ada, &device).await;
    server.services.clock.advance(Duration::from_secs(301));
    let device = begin_with(&server, &[("client_id", "bank"), ("scope", "openid")]).await;
    let page = claim(&mut ada, &device.user_code).await.assert_status(303);
    let address = page.header("location").to_owned();
    let again = format!("/signin/again?return_to={address}");
    // Neither the page nor its form goes on before.
    let page = ada.get(&address).await.assert_status(303);
    assert_eq!(page.header("location"), again);
    let refused = ada.post(&address, &[("decision", "allow")]).await.assert_status(303);
    assert_eq!(refused.header("location"), again);
    assert_eq!(error(&server, &device, "bank").await, "authorization_pending");
    // What is proven after the device asked is fresh, however long the user takes.
    server.services.clock.advance(Duration::from_secs(30));
    let back = ada.post(&again, &[("password", PASSWORD)]).await.assert_status(303);
    assert_eq!(back.header("location"), address);
    let proven_at = server.services.clock.now().seconds();
    server.services.clock.advance(Duration::from_secs(310));
    let done = agree(&mut ada, &address).await.assert_status(303);
    assert_eq!(done.header("location"), "/done/device-allowed");
    let tokens = poll(&server, &device, "bank").await.assert_status(200).json();
    let claims = countersign_jose::decode_without_verifying(tokens["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims.claims["auth_time"], proven_at);
    // Canceling needs no proof.
    let device = begin_with(&server, &[("client_id", "bank"), ("scope", "openid")]).await;
    let page = claim(&mut ada, &device.user_code).await.assert_status(303);
    let address = page.header("location").to_owned();
    let done = ada.post(&address, &[("decision", "cancel")]).await.assert_status(303);
    assert_eq!(done.header("location"), "/done/device-canceled");
}

/// The rules for `resource` are those of the authorization endpoint.
#[apply(on_both_databases!)]
async fn a_device_asks_for_apis_by_the_rules_of_the_authorization_endpoint(database: Database) {
    let server = start(database).await;
    register_apis(&server).await;
    let metadata = |extra: Value| {
        let mut metadata = json!({
            "redirect_uris": [],
            "grant_types": [GRANT],
            "token_endpoint_auth_method": "none",
        });
        metadata
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        metadata
    };
    let both = json!({ "apis": [ORDERS, MAPS], "default_api": MAPS });
    server.client_with("default", metadata(both)).await;
    server
        .client_with("both", metadata(json!({ "apis": [ORDERS, MAPS] })))
        .await;
    server.client_with("one", metadata(json!({}))).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let userinfo = "http://127.0.0.1:8000/oauth2/userinfo";
    let granted = async |ada: &mut Browser<'_>, fields: &[(&str, &str)]| {
        let device = begin_with(&server, fields).await;
        allow(ada, &device).await;
        let tokens = poll(&server, &device, fields[0].1).await.assert_status(200).json();
        let token = tokens["access_token"].as_str().unwrap();
        let claims = countersign_jose::decode_without_verifying(token).unwrap().claims;
        let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        (text("aud"), text("scope"))
    };
    let pair = |audience: &str, scope: &str| (audience.to_owned(), scope.to_owned());
    // The client's default, and else its only API.
    let default = [("client_id", "default"), ("scope", "maps:read orders:read")];
    assert_eq!(granted(&mut ada, &default).await, pair(MAPS, "maps:read"));
    let one = [("client_id", "one"), ("scope", "orders:read")];
    assert_eq!(granted(&mut ada, &one).await, pair(ORDERS, "orders:read"));
    // The userinfo endpoint is a resource as well.
    let named = [("client_id", "one"), ("scope", "openid email"), ("resource", userinfo)];
    assert_eq!(granted(&mut ada, &named).await, pair(userinfo, "email openid"));
    // A client without refresh tokens cannot stay connected.
    let offline = [("client_id", "one"), ("scope", "openid offline_access")];
    assert_eq!(granted(&mut ada, &offline).await, pair(userinfo, "openid"));
    let mut many = vec![("client_id", "both"), ("scope", "openid")];
    many.extend([("resource", ORDERS); 11]);
    let refused: [(&[(&str, &str)], &str); 5] = [
        (&[("client_id", "both"), ("scope", "orders:read")], "invalid_target"),
        (
            &[("client_id", "one"), ("scope", "email"), ("resource", userinfo)],
            "invalid_target",
        ),
        (
            &[("client_id", "one"), ("scope", "openid"), ("resource", MAPS)],
            "invalid_target",
        ),
        (&[("client_id", "one"), ("scope", "offline_access")], "invalid_scope"),
        (&many, "invalid_target"),
    ];
    for (fields, wanted) in refused {
        let answer = server.post_form("/oauth2/device_authorization", &encoded(fields)).await;
        assert_eq!(answer.assert_status(400).json()["error"], wanted, "{fields:?}");
    }
    // An API that was registered as the default and is gone.
    let caller = countersign::core::caller::Caller::server();
    server.services.apis.delete(MAPS, &caller).await.unwrap();
    let answer = server
        .post_form("/oauth2/device_authorization", &encoded(&default))
        .await;
    assert_eq!(answer.assert_status(400).json()["error"], "invalid_target");
}

/// As at the authorization endpoint: a user who can give nothing of what is asked for allows nothing.
#[apply(on_both_databases!)]
async fn o_43_a_device_that_asks_for_nothing_that_the_user_has_is_denied(database: Database) {
    let server = start(database).await;
    register_apis(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let email = "ada@example.com".parse().unwrap();
    let account = accounts::find_by_email(&server.services.db, &email).await.unwrap();
    let (account, all) = (account.unwrap().id, "orders:all".parse().unwrap());
    let operator = &server.services.operator;
    for client in ["tv", "trusted"] {
        let fields = [("client_id", client), ("scope", "orders:all"), ("resource", ORDERS)];
        // When the code is entered.
        let device = begin_with(&server, &fields).await;
        let answer = claim(&mut ada, &device.user_code).await.assert_status(303);
        assert_eq!(answer.header("location"), "/done/device-denied", "{client}");
        let done = ada.follow(answer).await;
        assert!(done.text.contains("have any of the permissions"), "{}", done.text);
        assert_eq!(error(&server, &device, client).await, "access_denied", "{client}");
        claim(&mut ada, &device.user_code).await.assert_status(422);
        // When an operator takes the scope away before the user decides.
        operator.grant(account, &all).await.unwrap();
        let device = begin_with(&server, &fields).await;
        let page = claim(&mut ada, &device.user_code).await.assert_status(303);
        let page = page.header("location").to_owned();
        let shown = shown(&ada.get(&page).await.assert_status(200));
        operator.ungrant(account, &all).await.unwrap();
        let answer = allow_shown(&mut ada, &page, &shown).await.assert_status(303);
        assert_eq!(answer.header("location"), "/done/device-denied", "{client}");
        assert_eq!(error(&server, &device, client).await, "access_denied", "{client}");
        // One of two is enough, and the device gets only that.
        let both = [
            ("client_id", client),
            ("scope", "orders:all orders:read"),
            ("resource", ORDERS),
        ];
        let device = begin_with(&server, &both).await;
        allow(&mut ada, &device).await;
        let tokens = poll(&server, &device, client).await.assert_status(200).json();
        assert_eq!(tokens["scope"], "orders:read", "{client}");
    }
    // Nothing was consented to for it.
    let page = ada.get("/account/apps").await.assert_status(200);
    assert!(!page.text.contains("everyone’s orders"), "{}", page.text);
}

/// What a user has allowed is not reported as denied when another tab sends the form again, after an operator has taken the
/// scope away.
#[apply(on_both_databases!)]
async fn a_request_that_was_allowed_is_not_denied_afterwards(database: Database) {
    let server = start(database).await;
    register_apis(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let email = "ada@example.com".parse().unwrap();
    let account = accounts::find_by_email(&server.services.db, &email).await.unwrap();
    let (account, all) = (account.unwrap().id, "orders:all".parse().unwrap());
    let operator = &server.services.operator;
    operator.grant(account, &all).await.unwrap();
    let fields = [("client_id", "tv"), ("scope", "orders:all"), ("resource", ORDERS)];
    let device = begin_with(&server, &fields).await;
    let page = claim(&mut ada, &device.user_code).await.assert_status(303);
    let page = page.header("location").to_owned();
    let shown = shown(&ada.get(&page).await.assert_status(200));
    let done = allow_shown(&mut ada, &page, &shown).await.assert_status(303);
    assert_eq!(done.header("location"), "/done/device-allowed");
    operator.ungrant(account, &all).await.unwrap();
    allow_shown(&mut ada, &page, &shown).await.assert_status(422);
    ada.post(&page, &[("decision", "cancel")]).await.assert_status(422);
    poll(&server, &device, "tv").await.assert_status(200);
}

/// What an operator changes while the page is open is not allowed unseen.
#[apply(on_both_databases!)]
async fn o_43_a_user_allows_only_what_the_page_has_shown(database: Database) {
    let server = start(database).await;
    register_apis(&server).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let email = "ada@example.com".parse().unwrap();
    let account = accounts::find_by_email(&server.services.db, &email).await.unwrap();
    let (account, all) = (account.unwrap().id, "orders:all".parse().unwrap());
    let fields = [
        ("client_id", "tv"),
        ("scope", "orders:read orders:all"),
        ("resource", ORDERS),
    ];
    let device = begin_with(&server, &fields).await;
    let page = claim(&mut ada, &device.user_code).await.assert_status(303);
    let page = page.header("location").to_owned();
    let before = ada.get(&page).await.assert_status(200);
    assert!(!before.text.contains("everyone’s orders"), "{}", before.text);
    server.services.operator.grant(account, &all).await.unwrap();
    // The page is shown again, with the new permission, and says so.
    let again = allow_shown(&mut ada, &page, &shown(&before)).await.assert_status(422);
    for said in [
        "everyone’s orders",
        "This request has changed since you opened the page",
    ] {
        assert!(again.text.contains(said), "{said}: {}", again.text);
    }
    assert_eq!(error(&server, &device, "tv").await, "authorization_pending");
    // A form without what was shown, or with what another user was shown, allows nothing either.
    for shown in ["", "x"] {
        allow_shown(&mut ada, &page, shown).await.assert_status(422);
    }
    server.services.clock.advance(Duration::from_secs(6));
    assert_eq!(error(&server, &device, "tv").await, "authorization_pending");
    let done = allow_shown(&mut ada, &page, &shown(&again)).await.assert_status(303);
    assert_eq!(done.header("location"), "/done/device-allowed");
    let tokens = poll(&server, &device, "tv").await.assert_status(200).json();
    assert_eq!(tokens["scope"], "orders:all orders:read");
    // Canceling needs no agreement about what was shown.
    let device = begin_with(&server, &fields).await;
    let page = claim(&mut ada, &device.user_code).await.assert_status(303);
    let page = page.header("location").to_owned();
    let done = ada.post(&page, &[("decision", "cancel")]).await.assert_status(303);
    assert_eq!(done.header("location"), "/done/device-canceled");
}

/// A user can always cancel. Nothing can be allowed for an API or a client that is gone.
#[apply(on_both_databases!)]
async fn o_43_a_request_whose_api_or_client_is_gone_can_be_canceled(database: Database) {
    let server = start(database).await;
    let services = &server.services;
    let caller = countersign::core::caller::Caller::server();
    let metadata = json!({ "redirect_uris": [], "grant_types": [GRANT], "token_endpoint_auth_method": "none" });
    let mut ada = Browser::sign_up(&server, "ada").await;
    for gone in ["API", "client disabled", "client deleted"] {
        register_apis(&server).await;
        server.client_with("app", metadata.clone()).await;
        let fields = [("client_id", "app"), ("scope", "orders:read"), ("resource", ORDERS)];
        let device = begin_with(&server, &fields).await;
        let page = claim(&mut ada, &device.user_code).await.assert_status(303);
        let page = page.header("location").to_owned();
        let shown = shown(&ada.get(&page).await.assert_status(200));
        match gone {
            "API" => services.apis.delete(ORDERS, &caller).await.unwrap(),
            "client disabled" => drop(services.operator.disable_client("app").await.unwrap()),
            _ => drop(services.operator.delete_client("app").await.unwrap()),
        }
        // The page is gone, and nothing is allowed.
        ada.get(&page).await.assert_status(422);
        allow_shown(&mut ada, &page, &shown).await.assert_status(422);
        let done = ada.post(&page, &[("decision", "cancel")]).await.assert_status(303);
        assert_eq!(done.header("location"), "/done/device-canceled", "{gone}");
        ada.post(&page, &[("decision", "cancel")]).await.assert_status(422);
        let polled = poll(&server, &device, "app").await;
        match gone {
            "API" => assert_eq!(polled.json()["error"], "access_denied", "{gone}"),
            _ => assert_eq!(polled.json()["error"], "invalid_client", "{gone}"),
        }
        // It stays canceled when the client is back.
        match gone {
            "client disabled" => drop(services.clients.set_disabled("app", false, &caller).await.unwrap()),
            "client deleted" => drop(server.client_with("app", metadata.clone()).await),
            _ => {}
        }
        assert_eq!(error(&server, &device, "app").await, "access_denied", "{gone}");
        services.operator.delete_client("app").await.unwrap();
        for api in [ORDERS, MAPS] {
            let _ = services.apis.delete(api, &caller).await;
        }
    }
}

/// A stored value that cannot be read is an error of the server. It is never taken as empty.
#[apply(on_both_databases!)]
async fn o_41_a_stored_request_that_cannot_be_read_is_an_internal_error(database: Database) {
    let server = start(database).await;
    let db = &server.services.db;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut wrong = Vec::new();
    for (what, spoil) in [
        ("no account", sql!("UPDATE device_codes SET account_id = NULL")),
        ("no epoch", sql!("UPDATE device_codes SET epoch = NULL")),
        ("no auth_time", sql!("UPDATE device_codes SET auth_time = NULL")),
        ("no amr", sql!("UPDATE device_codes SET amr = NULL")),
        ("no client epoch", sql!("UPDATE device_codes SET client_epoch = NULL")),
        ("no consents", sql!("UPDATE device_codes SET consent_ids = NULL")),
        ("consents", sql!("UPDATE device_codes SET consent_ids = 'x'")),
        ("audiences", sql!("UPDATE device_codes SET audiences = ''")),
        ("address", sql!("UPDATE device_codes SET address = 'x'")),
        ("decision", sql!("UPDATE device_codes SET decision = 'x'")),
    ] {
        let device = begin(&server, "tv").await;
        allow(&mut ada, &device).await;
        query(spoil).execute(db).await.unwrap();
        for _ in 0..2 {
            let answer = poll(&server, &device, "tv").await;
            if answer.status != 500 || answer.json()["error"] != "server_error" {
                wrong.push((what, answer.status, answer.json()["error"].clone()));
            }
        }
        query(sql!("DELETE FROM device_codes")).execute(db).await.unwrap();
    }
    assert_eq!(wrong, []);
    let grants: Option<i64> = query(sql!("SELECT COUNT(*) FROM sessions WHERE client_id = 'tv'"))
        .optional(db)
        .await
        .unwrap();
    assert_eq!(grants, Some(0));
}

/// Returns the request of a device that the user has allowed.
async fn allowed(server: &TestServer, browser: &mut Browser<'_>, client: &str) -> Device {
    let device = begin(server, client).await;
    allow(browser, &device).await;
    device
}

#[apply(on_both_databases!)]
async fn o_24_a_permission_that_ended_does_not_come_back(database: Database) {
    let server = start(database).await;
    let services = &server.services;
    let caller = countersign::core::caller::Caller::server();
    for (what, trusted) in [
        "withdrawn",
        "revoked",
        "revoked at all clients",
        "revoked for all users",
        "client disabled",
        "account disabled",
        "client deleted",
        "signed out everywhere",
    ]
    .into_iter()
    .flat_map(|what| [(what, false), (what, true)])
    {
        let name = format!("{}-{trusted}", what.replace(' ', "-"));
        let client = "app";
        let metadata = json!({
            "redirect_uris": [],
            "grant_types": [GRANT, "refresh_token"],
            "token_endpoint_auth_method": "none",
            "trusted": trusted,
        });
        let _ = services.operator.delete_client(client).await;
        server.client_with(client, metadata.clone()).await;
        let mut user = Browser::sign_up(&server, &name).await;
        let device = allowed(&server, &mut user, client).await;
        let email = format!("{name}@example.com").parse().unwrap();
        let account = accounts::find_by_email(&services.db, &email).await.unwrap().unwrap();
        match what {
            "withdrawn" => {
                user.post("/account/apps", &[("client", client)])
                    .await
                    .assert_status(303);
            }
            "revoked" | "revoked at all clients" | "revoked for all users" => {
                let email = account.email.as_str();
                let whose: &[&str] = match what {
                    "revoked" => &["--user", email, "--client", client],
                    "revoked at all clients" => &["--user", email],
                    _ => &["--client", client],
                };
                let (code, done) = execute(&server, &[&["grants", "revoke"], whose].concat());
                assert_eq!((code, &done["grants"]), (Some(0), &json!(0)), "{what}: {done}");
            }
            "signed out everywhere" => {
                user.post("/account/sessions", &[]).await.assert_status(303);
                user.post(
                    "/signin",
                    &[("email", &format!("{name}@example.com")), ("password", PASSWORD)],
                )
                .await
                .assert_status(303);
            }
            "client disabled" => {
                services.operator.disable_client(client).await.unwrap();
                services.clients.set_disabled(client, false, &caller).await.unwrap();
            }
            "account disabled" => {
                services.operator.set_disabled(account.id, true).await.unwrap();
                services.operator.set_disabled(account.id, false).await.unwrap();
                user.post(
                    "/signin",
                    &[("email", &format!("{name}@example.com")), ("password", PASSWORD)],
                )
                .await
                .assert_status(303);
            }
            _ => {
                services.operator.delete_client(client).await.unwrap();
                server.client_with(client, metadata).await;
            }
        }
        // A new permission is one for another device.
        let second = allowed(&server, &mut user, client).await;
        let answer = poll(&server, &device, client).await;
        assert_eq!(answer.status, 400, "{what}, trusted: {trusted}: {}", answer.text);
        assert_eq!(answer.json()["error"], "access_denied", "{what}, trusted: {trusted}");
        poll(&server, &second, client).await.assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn o_41_a_signature_that_fails_costs_no_grant(database: Database) {
    let with_rsa = "[[clients]]\nclient_id = \"rsa\"\npublic = true\ngrant_types = [\"device_code\"]\n";
    let server = start_with(database, with_rsa).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let device = allowed(&server, &mut ada, "rsa").await;
    fail::cfg("rsa_lane::full", "return").unwrap();
    poll(&server, &device, "rsa").await.assert_status(503);
    fail::remove("rsa_lane::full");
    poll(&server, &device, "rsa").await.assert_status(200);
    assert_eq!(error(&server, &device, "rsa").await, "invalid_grant");
}
