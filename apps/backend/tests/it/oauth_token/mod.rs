//! The token, revocation and introspection endpoints, with clients and users of the test kit.

mod authentication;
mod every_token;
mod flows;
mod grants;
mod introspection;
mod machines;
mod pairs;
mod races;
mod requests;
mod restored;
mod revocation;
mod targets;
mod undone;
mod user_tokens;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::core::ids::AccountId;
use countersign::core::request_info::RequestInfo;
use countersign::features::identity::accounts;
use countersign::features::oauth::consents;
use countersign::features::sign_in::sessions::{NewGrant, find_active};
use countersign_guard::Scopes;
use countersign_store::StoreError;
use countersign_testkit::{Answer, Browser, Person, RelyingParty, TestServer};
use serde_json::{Value, json};

const ORDERS: &str = "https://api.example.com/orders";
const MAPS: &str = "https://maps.example.com";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A client that acts on its own, and the APIs `ORDERS` and `MAPS`.
async fn nightly(server: &TestServer) -> RelyingParty<'_> {
    server.api(ORDERS, &["orders:read", "orders:write"]).await;
    server.api(MAPS, &["maps:read"]).await;
    machine(server, "nightly").await
}

async fn machine<'s>(server: &'s TestServer, name: &str) -> RelyingParty<'s> {
    let metadata = json!({
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": "orders:read maps:read openid",
        // Some tests register fewer APIs.
        "apis": [ORDERS, MAPS],
    });
    server.client_with(name, metadata).await
}

/// Requests a token of the client itself for `ORDERS`.
async fn machine_token(client: &RelyingParty<'_>) -> String {
    let answer = client
        .client_credentials(&[("resource", ORDERS)])
        .await
        .assert_status(200);
    text(&answer.json(), "access_token")
}

/// Enters the code of a device in the browser of a user who is signed in, and allows the request.
async fn allow_device(browser: &mut Browser<'_>, codes: &Value, name: &str) {
    let page = enter(browser, &text(codes, "user_code")).await.assert_status(303);
    let page = page.header("location").to_owned();
    let done = browser.visit(&page, name).await;
    assert!(done.url.contains("/done/device-allowed"), "{}", done.url);
}

/// Enters the code of a device on the page for devices.
async fn enter(browser: &mut Browser<'_>, user_code: &str) -> Answer {
    browser.get("/device").await.assert_status(200);
    let form_token = browser.cookie("countersign-form-8000").unwrap();
    let fields = [("user_code", user_code), ("form_token", &form_token)];
    browser.submit("/device", &fields).await
}

fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {value}"))
        .to_owned()
}

/// A part of a token: 0 is the header, 1 the claims.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// What a user grants a client in [`granted`].
struct Wanted<'a> {
    scopes: &'a str,
    resources: &'a [&'a str],
    claims: Option<&'a str>,
    bound: bool,
    absolute_ttl: Option<Duration>,
}

const OPENID: Wanted<'_> = Wanted {
    scopes: "openid email profile offline_access",
    resources: &[],
    claims: None,
    bound: false,
    absolute_ttl: None,
};

/// Opens a grant of a signed-in user as `authorization` does, with its consent, and returns the first refresh token.
async fn granted(server: &TestServer, client: &RelyingParty<'_>, person: &Person<'_>, wanted: &Wanted<'_>) -> String {
    let claims = part(&person.access_token, 1);
    let account = AccountId(text(&claims, "sub").parse().unwrap());
    let services = &server.services;
    let now = services.clock.now();
    let parent = countersign::core::ids::SessionId(text(&claims, "sid").parse().unwrap());
    let parent = find_active(&services.db, parent, now).await.unwrap().unwrap();
    let (token, bit) = (
        services.sessions.first_grant_token(),
        services.revocations.allocate().await.unwrap(),
    );
    let userinfo = format!("{}/oauth2/userinfo", services.settings.issuer.as_str());
    let scopes: Scopes = wanted.scopes.parse().unwrap();
    let (first, request) = (&token, RequestInfo::local("test"));
    let (scopes, request, userinfo) = (&scopes, &request, &userinfo);
    let parent = &parent;
    services
        .revocations
        .transact(|tx| {
            Box::pin(async move {
                let versions = accounts::may_sign_in(&mut **tx, account).await?.unwrap();
                for audience in wanted.resources.iter().copied().chain([userinfo.as_str()]) {
                    consents::give(tx, account, &client.client_id, audience, scopes, now).await?;
                }
                let new = NewGrant {
                    id: services.sessions.new_grant_id(Some(first)),
                    account,
                    versions,
                    client_id: &client.client_id,
                    parent: Some(parent.id),
                    bound: wanted.bound,
                    grant_type: "authorization_code",
                    scopes,
                    resources: wanted.resources,
                    claims: wanted.claims,
                    auth_time: parent.auth_time,
                    amr: &parent.amr,
                    request,
                    bit,
                    refresh_token: Some(first),
                    idle_ttl: None,
                    absolute_ttl: wanted.absolute_ttl,
                };
                Ok::<_, StoreError>(services.sessions.open_grant(tx, &new).await?.unwrap())
            })
        })
        .await
        .unwrap();
    token.reveal()
}

/// Opens a grant like [`granted`], and returns its tokens.
async fn issued(server: &TestServer, client: &RelyingParty<'_>, person: &Person<'_>, wanted: &Wanted<'_>) -> Value {
    let first = granted(server, client, person, wanted).await;
    client.refresh(&first).await.assert_status(200).json()
}
