//! Every kind of secret of one client, presented by another one. The answer is that for a secret that does not exist, and the
//! secret stays as it is, with two exceptions: a refresh token that another client has was stolen, and so was a code that is
//! used again, so their grants end (RFC 6749 §4.1.2, RFC 9700 §4.14.2).

use countersign::core::caller::Caller;
use countersign_oauth::ApiMetadata;
use countersign_testkit::{Answer, Browser, Database, RelyingParty, TestServer, VERIFIER, apply, on_both_databases};
use serde_json::json;

use super::{DEVICE_CODE, ORDERS, allow_device, text};

/// The secrets of a client.
struct Secrets {
    code: String,
    device_code: String,
    access_token: String,
    refresh_token: String,
    id_token: String,
}

impl Secrets {
    /// Gets new ones. The code and the device code are not redeemed; the device is not allowed yet.
    async fn of(client: &RelyingParty<'_>, browser: &mut Browser<'_>) -> (Self, serde_json::Value) {
        let tokens = client.sign_in_with(browser, "ada").await;
        let device = begin(client).await;
        let secrets = Self {
            code: client.authorize(browser, "ada").await,
            device_code: text(&device, "device_code"),
            access_token: text(&tokens, "access_token"),
            refresh_token: text(&tokens, "refresh_token"),
            id_token: text(&tokens, "id_token"),
        };
        (secrets, device)
    }
}

async fn begin(client: &RelyingParty<'_>) -> serde_json::Value {
    let fields = [("scope", "openid orders:read"), ("resource", ORDERS)];
    let answer = client.post("/oauth2/device_authorization", &fields).await;
    answer.assert_status(200).json()
}

/// Registers the API, and a client that is confidential or public.
async fn client<'s>(server: &'s TestServer, name: &str, is_public: bool) -> RelyingParty<'s> {
    let mut metadata = json!({ "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE] });
    if is_public {
        metadata["token_endpoint_auth_method"] = json!("none");
    }
    let client = server.client_with(name, metadata).await;
    client.scope("openid email offline_access orders:read").resource(ORDERS)
}

async fn redeem(by: &RelyingParty<'_>, code: &str, redirect_uri: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    by.token(&fields).await
}

async fn poll(by: &RelyingParty<'_>, device_code: &str) -> Answer {
    by.token(&[("grant_type", DEVICE_CODE), ("device_code", device_code)])
        .await
}

/// What a client sees of an answer. Of two answers, only the secret that they repeat may differ.
fn seen(answer: &Answer, secret: &str) -> (u16, String, String) {
    (
        answer.status.as_u16(),
        answer.text.replace(secret, "secret"),
        answer.header("location").replace(secret, "secret"),
    )
}

#[apply(on_both_databases!)]
async fn o_29_o_30_c_28_secrets_of_one_client_are_unknown_to_every_other(database: Database) {
    let server = TestServer::start(database).await;
    // Secrets that look alike, and do not exist here.
    let elsewhere = TestServer::start(database).await;
    for server in [&server, &elsewhere] {
        server.api(ORDERS, &["orders:read"]).await;
        server.user("ada").await;
    }
    let (app, page) = (client(&server, "app", false).await, client(&server, "page", true).await);
    let others = [
        client(&server, "other", false).await,
        client(&server, "other-page", true).await,
        client(&server, "orders", false).await,
    ];
    let is_the_api = |metadata: &mut ApiMetadata| metadata.client_id = Some("orders".to_owned());
    let apis = &server.services.apis;
    apis.update(ORDERS, is_the_api, &Caller::operator(None)).await.unwrap();
    let (mut browser, mut browser_elsewhere) = (server.browser(), elsewhere.browser());
    let (unknown, _) = Secrets::of(&client(&elsewhere, "app", false).await, &mut browser_elsewhere).await;

    for owner in [&app, &page] {
        for thief in others
            .iter()
            .chain([&app, &page])
            .filter(|other| other.client_id != owner.client_id)
        {
            let what = format!("{} of {}", thief.client_id, owner.client_id);
            let (own, device) = Secrets::of(owner, &mut browser).await;
            let same = |[of_owner, of_nobody]: [Answer; 2], [own, unknown]: [&str; 2], name: &str| {
                assert_eq!(seen(&of_owner, own), seen(&of_nobody, unknown), "{what}: {name}");
                of_owner
            };
            let codes = [&*own.code, &*unknown.code];
            let device_codes = [&*own.device_code, &*unknown.device_code];

            // A code: unknown, and it still works. Once it is spent, it is unknown as well, and its grant ends.
            let try_code = async || {
                let [own, unknown] = codes.map(|code| redeem(thief, code, &owner.redirect_uri));
                same([own.await, unknown.await], codes, "code").assert_oauth_error(400, "invalid_grant");
            };
            try_code().await;
            let tokens = owner.redeem(&own.code).await.assert_status(200).json();
            try_code().await;
            let answer = owner.refresh(&text(&tokens, "refresh_token")).await;
            answer.assert_oauth_error(400, "invalid_grant");

            // A device code, before and after the user decides, and when it is spent.
            let try_device = async || {
                let [own, unknown] = device_codes.map(|code| poll(thief, code));
                same([own.await, unknown.await], device_codes, "device code").assert_oauth_error(400, "invalid_grant");
            };
            try_device().await;
            poll(owner, &own.device_code)
                .await
                .assert_oauth_error(400, "authorization_pending");
            allow_device(&mut browser, &device, "ada").await;
            try_device().await;
            let tokens = poll(owner, &own.device_code).await.assert_status(200).json();
            try_device().await;
            owner.refresh(&text(&tokens, "refresh_token")).await.assert_status(200);

            // Tokens at revocation and introspection. Only the API learns something, and only of a token that is for it.
            for (name, pair) in [
                ("access token", [&*own.access_token, &*unknown.access_token]),
                ("refresh token", [&*own.refresh_token, &*unknown.refresh_token]),
                ("ID token", [&*own.id_token, &*unknown.id_token]),
            ] {
                let [of_owner, of_nobody] = pair.map(|token| thief.revoke(token));
                let answer = same([of_owner.await, of_nobody.await], pair, name).assert_status(200);
                assert_eq!(answer.text, "", "{what}: {name}");
                let [of_owner, of_nobody] =
                    pair.map(|token| async move { thief.post("/oauth2/introspect", &[("token", token)]).await });
                if thief.client_id == "orders" && name == "access token" {
                    assert_eq!(of_owner.await.assert_status(200).json()["active"], true, "{what}");
                    continue;
                }
                let answer = same([of_owner.await, of_nobody.await], pair, name);
                match thief.secret {
                    Some(_) => assert_eq!(answer.json(), json!({ "active": false }), "{what}: {name}"),
                    None => drop(answer.assert_oauth_error(400, "unauthorized_client")),
                }
            }

            // An ID token as a hint: the user is not signed out, and no account is recognized.
            let hints = [&*own.id_token, &*unknown.id_token];
            let mut answers = Vec::new();
            for hint in hints {
                let query = format!("id_token_hint={hint}&client_id={}", thief.client_id);
                answers.push(browser.get(&format!("/oauth2/logout?{query}")).await);
                let request = thief.authorization_url(&[("id_token_hint", hint), ("prompt", "none")]);
                answers.push(browser.get(&request).await);
            }
            let [out, authorize, out_unknown, authorize_unknown] = <[Answer; 4]>::try_from(answers).unwrap();
            same([out, out_unknown], hints, "logout hint").assert_status(400);
            let answer = same([authorize, authorize_unknown], hints, "hint").assert_status(303);
            assert!(answer.header("location").contains("error=invalid_request"), "{what}");
            browser.get("/account").await.assert_status(200);

            // None of it has ended the grant; a refresh does.
            let refreshed = owner.refresh(&own.refresh_token).await.assert_status(200).json();
            let current = text(&refreshed, "refresh_token");
            let pair = [&*current, &*unknown.refresh_token];
            let [of_owner, of_nobody] = pair.map(|token| thief.refresh(token));
            same([of_owner.await, of_nobody.await], pair, "refresh token").assert_oauth_error(400, "invalid_grant");
            owner.refresh(&current).await.assert_oauth_error(400, "invalid_grant");
        }
    }

    // The secret of another client authenticates no one.
    for (of, by) in [(&app, &others[0]), (&others[2], &app)] {
        let mut wrong = by.clone();
        for secret in [of.secret.clone(), Some("csc_wrong".to_owned())] {
            wrong.secret = secret;
            let answer = wrong.refresh("x").await;
            answer.assert_oauth_error(401, "invalid_client");
        }
    }
}
