//! The pages of a request: whose they are, in which order they come, and what they never do.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use countersign_oauth::{ApiMetadata, ClientAccess};
use countersign_testkit::{Database, apply, on_both_databases};

use super::*;

/// Every page and form of a request, with the fields of a decision that a user could send.
const DECISIONS: [&[(&str, &str)]; 7] = [
    &[],
    &[("decision", "")],
    &[("decision", "continue")],
    &[("decision", "allow")],
    &[("decision", "allow"), ("shown", "x")],
    &[("decision", "continue"), ("shown", "x")],
    &[("decision", "cancel")],
];

#[apply(on_both_databases!)]
async fn o_10_x_11_a_request_belongs_to_the_browser_that_made_it(database: Database) {
    let server = server(database).await;
    let mut mallory = Browser::sign_up(&server, "mallory").await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let here = begun(&mut mallory, &[]).await;
    for browser in [&mut ada, &mut Browser::new(&server)] {
        assert_page(&browser.get(&here).await, "another browser");
        for fields in &DECISIONS[2..] {
            assert_page(&browser.post(&here, fields).await, "another browser's form");
        }
        let page = browser.get(&format!("/signin?return_to={here}")).await;
        assert!(
            !page.text.contains("Grafana"),
            "another browser learns what the request is"
        );
    }
    assert_page(&bare(&server, &here).await, "no browser");
    // Without a request, the page is the same.
    let nothing = "/authorize/0191e8a0-0000-7000-8000-000000000000";
    let (foreign, unknown) = (ada.get(&here).await.text, ada.get(nothing).await.text);
    assert_eq!(foreign.replace(&here, nothing), unknown);
    // It was not touched.
    answered(&mut mallory, &here).await.code();
    assert_page(&mallory.get(&here).await, "an answered request");
}

#[apply(on_both_databases!)]
async fn o_11_a_61_steps_out_of_order_lead_nowhere(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::new(&server);
    let here = begun(&mut ada, &[]).await;
    let is_no_answer = |answer: &Answer, what: &str| {
        let location = answer.header("location");
        assert!(!location.contains("code="), "{what}: {location}");
        assert!(!location.starts_with("https://"), "{what}: {location}");
    };
    // No one is signed in.
    for fields in DECISIONS {
        is_no_answer(&ada.post(&here, fields).await, &format!("signed out: {fields:?}"));
    }
    Browser::sign_up(&server, "ada").await;
    sign_in(&mut ada, &here, "ada").await.assert_status(200);
    // Consent is missing, so nothing but the consent that was shown, or a cancellation, is an answer.
    for fields in &DECISIONS[..5] {
        is_no_answer(&ada.post(&here, fields).await, &format!("signed in: {fields:?}"));
    }
    let shown = field_of(&ada.get(&here).await, "shown").unwrap();
    let once = ada.post(&here, &[("decision", "allow"), ("shown", &shown)]).await;
    Arrived::of(&once).code();
    assert_page(
        &ada.post(&here, &[("decision", "allow"), ("shown", &shown)]).await,
        "twice",
    );
    assert_eq!(codes(&server).await, 1);
}

async fn codes(server: &TestServer) -> i64 {
    statement(sql!("SELECT count(*) FROM authorization_codes"))
        .one(&server.services.db)
        .await
        .unwrap()
}

#[apply(on_both_databases!)]
async fn o_11_o_58_a_request_expires_and_two_tabs_have_two(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let (first, second) = (
        begun(&mut ada, &[("state", "1")]).await,
        begun(&mut ada, &[("state", "2")]).await,
    );
    assert_ne!(first, second);
    assert_eq!(answered(&mut ada, &second).await.field("state"), Some("2"));
    assert_eq!(answered(&mut ada, &first).await.field("state"), Some("1"));
    let late = begun(&mut ada, &[("prompt", "consent")]).await;
    server.services.clock.advance(Duration::from_secs(30 * 60));
    assert_page(&ada.get(&late).await, "after half an hour");
    // Then it is removed.
    server.services.clock.advance(Duration::from_secs(2 * 60 * 60));
    while server.services.authorization.sweep_once().await.unwrap() > 0 {}
    let requests = statement(sql!("SELECT count(*) FROM authorization_requests"));
    assert_eq!(requests.one::<i64>(&server.services.db).await.unwrap(), 0);
    assert_eq!(codes(&server).await, 0);
}

#[apply(on_both_databases!)]
async fn o_12_x_17_what_changes_between_two_steps_is_asked_again(database: Database) {
    let server = server(database).await;
    for what in [
        "client disabled",
        "account disabled",
        "signed out",
        "account switched",
        "client changed",
        "redirect URI removed",
    ] {
        let name = what.replace(' ', "-").to_lowercase();
        let mut person = Browser::sign_up(&server, &name).await;
        let here = begun(&mut person, &[]).await;
        let page = person.get(&here).await.assert_status(200);
        let shown = field_of(&page, "shown").unwrap();
        server.services.clock.advance(Duration::from_secs(1));
        match what {
            "client disabled" => disable(&server, "grafana").await,
            "account disabled" => {
                let email = format!("{name}@example.com");
                disable_account(&server, &email).await;
            }
            "signed out" => {
                person.post("/signout", &[]).await.assert_status(303);
            }
            "account switched" => {
                Browser::sign_up(&server, "other").await;
                let fields = [("email", "other@example.com"), ("password", PASSWORD)];
                person.post("/signin", &fields).await.assert_status(303);
            }
            "client changed" => touch(&server, "grafana", |metadata| metadata.replace("Grafana", "Grafana 2")).await,
            _ => {
                touch(&server, "grafana", |metadata| {
                    metadata.replace("generic_oauth", "elsewhere")
                })
                .await;
            }
        }
        let answer = person.post(&here, &[("decision", "allow"), ("shown", &shown)]).await;
        match what {
            "client disabled" | "redirect URI removed" => assert_page(&answer, what),
            _ => assert_eq!(answer.assert_status(303).header("location"), here, "{what}"),
        }
        match what {
            "client disabled" => enable(&server, "grafana").await,
            "redirect URI removed" => {
                touch(&server, "grafana", |metadata| {
                    metadata.replace("elsewhere", "generic_oauth")
                })
                .await;
            }
            _ => {}
        }
    }
    assert_eq!(codes(&server).await, 0);
}

/// An API that the user was asked about, and what becomes of it: it is deleted, disabled, or taken from the client.
#[apply(on_both_databases!)]
async fn o_12_x_17_an_api_that_is_removed_between_two_steps_is_not_granted(database: Database) {
    const ORDERS: &str = "https://api.example.com";
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let (apis, caller) = (&server.services.apis, Caller::server());
    let orders = apis.update(ORDERS, |_| {}, &caller).await.unwrap().metadata;
    let asked = [("scope", "openid orders:read"), ("resource", ORDERS)];
    let presented = Presented {
        resource: Some(ORDERS),
        ..Presented::default()
    };
    for how in ["deleted", "disabled", "taken from the client"] {
        let remove = async || match how {
            "deleted" => apis.delete(ORDERS, &caller).await.unwrap(),
            "disabled" => assert!(apis.set_disabled(ORDERS, true, &caller).await.unwrap()),
            _ => {
                let listed = |api: &mut ApiMetadata| api.clients = ClientAccess::Listed;
                apis.update(ORDERS, listed, &caller).await.unwrap();
            }
        };
        let restore = async || match how {
            "deleted" => drop(apis.create(&orders, &caller).await.unwrap()),
            "disabled" => assert!(apis.set_disabled(ORDERS, false, &caller).await.unwrap()),
            _ => {
                let open = |api: &mut ApiMetadata| api.clients = ClientAccess::Any;
                apis.update(ORDERS, open, &caller).await.unwrap();
            }
        };
        // Between the page and the decision.
        let here = begun(&mut ada, &asked).await;
        let shown = field_of(&ada.get(&here).await.assert_status(200), "shown").unwrap();
        remove().await;
        let allowed = ada.post(&here, &[("decision", "allow"), ("shown", &shown)]).await;
        assert_eq!(allowed.assert_status(303).header("location"), here, "{how}");
        let refused = Arrived::of(&ada.get(&here).await);
        refused.assert_error("invalid_target");
        assert_page(&ada.get(&here).await, "an answered request");
        assert_eq!(codes(&server).await, 0, "{how}");
        assert_eq!(consents_for(&server, ORDERS).await, 0, "{how}: a consent was stored");
        // Before the page, and before a sign-in that needs no page.
        let begin = bare(&server, &authorize(&asked)).await;
        Arrived::of(&begin).assert_error("invalid_target");
        restore().await;
        // Between the code and its redemption. The code is not spent, and is good for what is still there.
        let code = code_of(&mut ada, &asked).await;
        remove().await;
        assert_eq!(refused_with(&server, &code, presented).await, "invalid_target", "{how}");
        assert_eq!(
            refused_with(&server, &code, Presented::default()).await,
            "invalid_target",
            "{how}"
        );
        let userinfo = format!("{ISSUER}/oauth2/userinfo");
        let only_userinfo = Presented {
            resource: Some(&userinfo),
            ..presented
        };
        assert_eq!(refused_with(&server, &code, only_userinfo).await, "redeemed", "{how}");
        restore().await;
        // Nothing but that keeps the client from it.
        let code = code_of(&mut ada, &asked).await;
        assert_eq!(refused_with(&server, &code, presented).await, "redeemed", "{how}");
        for table in [sql!("DELETE FROM consents"), sql!("DELETE FROM authorization_codes")] {
            statement(table).execute(&server.services.db).await.unwrap();
        }
    }
}

async fn refused_with(server: &TestServer, code: &str, presented: Presented<'_>) -> &'static str {
    refused(redeem(server, code, presented).await)
}

/// Returns the number of consents for an audience.
async fn consents_for(server: &TestServer, audience: &str) -> i64 {
    let counted = statement(sql!("SELECT count(*) FROM consents WHERE audience = $1"));
    counted.bind(audience).one(&server.services.db).await.unwrap()
}

#[apply(on_both_databases!)]
async fn o_13_x_20_a_browser_without_a_session_gets_no_code(database: Database) {
    let server = server_with(database, "email_verification = \"required\"\n").await;
    let mut ada = Browser::new(&server);
    let here = begun(&mut ada, &[]).await;
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    // The account waits for its email address to be confirmed.
    ada.post(&format!("/signup?return_to={here}"), &fields)
        .await
        .assert_status(303);
    for fields in DECISIONS {
        let answer = ada.post(&here, fields).await;
        assert!(!answer.header("location").contains("code="), "{fields:?}");
    }
    let next = ada.get(&here).await;
    assert_eq!(
        next.assert_status(303).header("location"),
        format!("/signin?return_to={here}")
    );
}

#[apply(on_both_databases!)]
async fn o_14_x_12_c_25_only_the_stored_request_counts(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let here = begun(&mut ada, &[]).await;
    let page = ada.get(&here).await.assert_status(200);
    for value in ["a-state", "a-nonce", &challenge(), "openid", CALLBACK] {
        assert!(!page.text.contains(value), "the page contains {value}");
        for cookie in page.headers.get_all("set-cookie") {
            assert!(!cookie.to_str().unwrap().contains(value));
        }
    }
    let shown = field_of(&page, "shown").unwrap();
    for extra in [
        ("client_id", "native"),
        ("redirect_uri", "https://evil.example"),
        ("scope", "openid email orders:all"),
        ("state", "evil"),
    ] {
        // A field that the form does not have is refused, and one in the URL is not read.
        let fields = [("decision", "allow"), ("shown", &*shown), extra];
        let answer = ada.post(&here, &fields).await;
        assert_eq!(answer.status, 422, "{extra:?}");
    }
    let there = format!("{here}?redirect_uri=https://evil.example&state=evil&scope=email");
    let answer = ada.post(&there, &[("decision", "allow"), ("shown", &shown)]).await;
    let arrived = Arrived::of(&answer);
    assert_eq!(
        (arrived.at.as_str(), arrived.field("state")),
        (CALLBACK, Some("a-state"))
    );
    let redeemed = redeem(&server, arrived.code(), Presented::default()).await.unwrap();
    assert_eq!(redeemed.session.scope, "openid profile");
}

#[apply(on_both_databases!)]
async fn o_15_a_67_c_72_forms_of_other_sites_decide_nothing(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let here = begun(&mut ada, &[]).await;
    let shown = field_of(&ada.get(&here).await, "shown").unwrap();
    let body = encoded(&[("decision", "allow"), ("shown", &shown)]);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "https://grafana.example.com"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ] {
        for path in [
            &*here,
            "/account/apps",
            "/signin/again",
            "/signin/again/email",
            "/signin/again/code",
        ] {
            let request = Request::post(path)
                .header("content-type", "application/x-www-form-urlencoded")
                .header(name, value);
            let answer = ada.send(request, body.clone()).await;
            assert_eq!(answer.status, 403, "{path} with {name}: {value}");
        }
    }
    // Opening the page several times answers nothing.
    for _ in 0..3 {
        ada.get(&here).await.assert_status(200);
    }
    assert_eq!(codes(&server).await, 0);
    answered(&mut ada, &here).await.code();
}

#[apply(on_both_databases!)]
async fn o_16_r_38_r_46_no_page_can_be_framed_or_read_by_scripts(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let here = begun(&mut ada, &[]).await;
    let wrong = authorize(&[("client_id", "nothing")]);
    let posting = begun(
        &mut ada,
        &[
            ("response_mode", "form_post"),
            ("client_id", "trusted"),
            ("redirect_uri", INTRANET),
        ],
    )
    .await;
    let again = format!("/signin/again?return_to={here}");
    let other = format!("/signin/other?return_to={here}");
    let silent = authorize(&[("prompt", "none"), ("response_mode", "form_post")]);
    for path in [
        &*here,
        &posting,
        &posting,
        &wrong,
        &again,
        &other,
        &silent,
        "/account/apps",
    ] {
        let request = Request::get(path)
            .header("accept", "text/html")
            .header("origin", "https://evil.example");
        let answer = ada.send(request, String::new()).await;
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{path}");
        assert!(
            !answer.text.contains("onload") && !answer.text.contains("<script>"),
            "{path}"
        );
    }
    let preflight = Request::options("/oauth2/authorize")
        .header("origin", "https://grafana.example.com")
        .header("access-control-request-method", "GET");
    let answer = server.send(preflight.body(Body::empty()).unwrap()).await;
    assert!(answer.headers.get("access-control-allow-origin").is_none());
}

#[apply(on_both_databases!)]
async fn o_17_a_66_pages_of_a_request_have_no_form_action_and_all_others_have(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::new(&server);
    let here = begun(&mut ada, &[]).await;
    let to = |path: &str| format!("{path}?return_to={here}");
    let unknown = "/authorize/0191e8a0-0000-7000-8000-000000000000";
    let policy = |answer: Answer| answer.header("content-security-policy").to_owned();
    for path in ["/signin", "/signup", "/signin/email", "/recover", "/verify"] {
        assert!(
            !policy(ada.get(&to(path)).await).contains("form-action"),
            "{path} of a request"
        );
        assert!(policy(ada.get(path).await).contains("form-action 'self'"), "{path}");
        let elsewhere = format!("{path}?return_to={unknown}");
        assert!(
            policy(ada.get(&elsewhere).await).contains("form-action 'self'"),
            "{elsewhere}"
        );
    }
    Browser::sign_up(&server, "ada").await;
    let page = sign_in(&mut ada, &here, "ada").await;
    assert!(!policy(page).contains("form-action"), "consent");
    for path in ["/signin/again", "/signin/other"] {
        assert!(
            !policy(ada.get(&to(path)).await).contains("form-action"),
            "{path} of a request"
        );
        assert!(policy(ada.get(path).await).contains("form-action 'self'"), "{path}");
    }
    // Nor has the page of a sign-out request, which may redirect to an application too.
    assert!(!policy(ada.get("/oauth2/logout").await).contains("form-action"));
    for path in [
        "/",
        "/account",
        "/account/apps",
        "/device",
        "/signout",
        unknown,
        "/oauth2/authorize",
        "/nothing",
    ] {
        assert!(policy(ada.get(path).await).contains("form-action 'self'"), "{path}");
    }
}
