//! Signing in to applications: authorization requests, their pages and their codes, requested by a test browser.
//! `tests/pages` tests them in a real browser.

mod checks;
mod codes;
mod consent;
mod interactions;
mod prompts;
mod races;
mod walk;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::core::caller::Caller;
use countersign::core::request_info::RequestInfo;
use countersign::features::identity::accounts;
use countersign::features::oauth::authorization::{RedeemError, Redeemed, Redemption};
use countersign::features::oauth::clients::{self, NewClient};
use countersign_store::{query as statement, sql};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer};
use serde_json::json;

use crate::pages::Browser;

/// The redirect URI of most clients.
const CALLBACK: &str = "https://grafana.example.com/login/generic_oauth";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-4.1";
/// The redirect URI of the trusted client.
const INTRANET: &str = "https://intranet.example.com/callback";
/// The issuer, as in answers to clients.
const ISSUER: &str = "http://127.0.0.1:8000";

async fn server(database: Database) -> TestServer {
    server_with(database, "").await
}

/// A server with the clients and the API of these tests. ID tokens are signed with ES256, so that the server needs no RSA key.
async fn server_with(database: Database, toml: &str) -> TestServer {
    let server = TestServer::start_with(database, toml).await;
    let caller = Caller::server();
    let api = json!({
        "identifier": "https://api.example.com",
        "name": "Orders",
        "clients": "any",
        "scopes": [
            { "name": "orders:read", "grant": "open", "words": { "en": "See your orders", "de": "deine Bestellungen sehen" } },
            { "name": "orders:all", "grant": "owned", "words": { "en": "See everybody's orders" } },
        ],
    });
    let api = serde_json::from_value(api).unwrap();
    server.services.apis.create(&api, &caller).await.unwrap();
    for (client_id, trusted, mut metadata) in [
        (
            "grafana",
            false,
            json!({
                "client_name": "Grafana",
                "redirect_uris": [CALLBACK, "https://grafana.example.com/other?x=y"],
                "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"],
            }),
        ),
        (
            "trusted",
            true,
            json!({
                "client_name": "Intranet",
                "redirect_uris": [INTRANET],
                "token_endpoint_auth_method": "none",
            }),
        ),
        (
            "native",
            false,
            json!({
                "client_name": "Notes",
                "redirect_uris": ["com.example.notes:/callback", "http://127.0.0.1/callback"],
                "token_endpoint_auth_method": "none",
            }),
        ),
        (
            "old",
            false,
            json!({
                "client_name": "Old program",
                "redirect_uris": ["https://old.example.com/callback"],
                "require_pkce": false,
            }),
        ),
    ] {
        metadata["id_token_signed_response_alg"] = json!("ES256");
        let metadata = serde_json::from_value(metadata).unwrap();
        let client_id = client_id.to_owned();
        let new = NewClient {
            client_id,
            trusted,
            metadata,
        };
        server.services.clients.create(&new, &caller).await.unwrap();
    }
    server
}

async fn disable(server: &TestServer, client_id: &str) {
    let clients = &server.services.clients;
    assert!(clients.set_disabled(client_id, true, &Caller::server()).await.unwrap());
}

async fn disable_account(server: &TestServer, email: &str) {
    let found = accounts::find_by_email(&server.services.db, &email.parse().unwrap())
        .await
        .unwrap();
    let operator = &server.services.operator;
    assert!(operator.set_disabled(found.unwrap().id, true).await.unwrap());
}

async fn enable(server: &TestServer, client_id: &str) {
    let clients = &server.services.clients;
    assert!(clients.set_disabled(client_id, false, &Caller::server()).await.unwrap());
}

/// Changes the stored metadata of a client, whether or not a client could be registered with the result.
async fn touch(server: &TestServer, client_id: &str, change: impl Fn(&str) -> String) {
    let (db, now) = (&server.services.db, server.services.clock.now());
    let before: String = statement(sql!("SELECT metadata FROM clients WHERE client_id = $1"))
        .bind(client_id)
        .one(db)
        .await
        .unwrap();
    statement(sql!(
        "UPDATE clients SET metadata = $2, updated_at = $3 WHERE client_id = $1"
    ))
    .bind(client_id)
    .bind(change(&before))
    .bind(now)
    .execute(db)
    .await
    .unwrap();
}

/// Sets a member of the stored metadata of a client.
async fn set(server: &TestServer, client_id: &str, member: &str, value: &str) {
    touch(server, client_id, |metadata| {
        let mut metadata: serde_json::Value = serde_json::from_str(metadata).unwrap();
        metadata[member] = value.into();
        metadata.to_string()
    })
    .await;
}

/// A request of a client, as a query. Each of `changes` replaces a parameter, or removes it if it is empty.
fn query(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "grafana"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile"),
        ("state", "a-state"),
        ("nonce", "a-nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        parameters.push((name, value));
    }
    parameters.retain(|(_, value)| !value.is_empty());
    encoded(&parameters)
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    form.finish()
}

/// The path of a request of a client.
fn authorize(changes: &[(&str, &str)]) -> String {
    format!("/oauth2/authorize?{}", query(changes))
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()).as_ref())
}

/// An answer to a client, as it arrives at its redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arrived {
    /// The redirect URI.
    at: String,
    fields: Vec<(String, String)>,
}

impl Arrived {
    /// Reads the redirect of an answer by `query` or `fragment`.
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 303, "{}", answer.text);
        let location = answer.header("location");
        let (at, fields) = location
            .split_once(['?', '#'])
            .unwrap_or_else(|| panic!("not an answer to a client: {location}"));
        assert!(!at.starts_with('/'), "not an answer to a client: {location}");
        let fields = form_urlencoded::parse(fields.as_bytes()).into_owned().collect();
        let at = at.to_owned();
        Self { at, fields }
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} twice: {self:?}");
        Some(value)
    }

    /// Panics unless it is this error, with exactly the fields of one.
    #[track_caller]
    fn assert_error(&self, error: &str) {
        assert_eq!(self.field("error"), Some(error), "{self:?}");
        let mut names: Vec<_> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        names.retain(|name| *name != "state");
        assert_eq!(names, ["error", "error_description", "iss"], "{self:?}");
        let description = self.field("error_description").unwrap();
        // RFC 6749 §4.1.2.1.
        let is_allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        assert!(description.bytes().all(is_allowed), "{description}");
        assert_eq!(self.field("iss"), Some(ISSUER));
    }

    /// Panics unless it is a code. Returns the code.
    #[track_caller]
    fn code(&self) -> &str {
        let names: Vec<_> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        let names: Vec<_> = names.into_iter().filter(|name| *name != "state").collect();
        assert_eq!(names, ["code", "iss"], "{self:?}");
        assert_eq!(self.field("iss"), Some(ISSUER));
        self.field("code").unwrap()
    }
}

/// Panics unless an answer is a page with status 400 that leads nowhere.
#[track_caller]
fn assert_page(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 400, "{what}: {}", answer.header("location"));
    assert!(answer.headers.get("location").is_none(), "{what}");
    assert!(answer.header("content-type").starts_with("text/html"), "{what}");
}

/// Begins a request, and returns the path of its pages. If it is answered at once, that is the request itself, which is
/// answered again.
async fn begun(browser: &mut Browser<'_>, changes: &[(&str, &str)]) -> String {
    let request = authorize(changes);
    let answer = browser.get(&request).await;
    match answer.header("location") {
        pages if pages.starts_with("/authorize/") => pages.to_owned(),
        _ => request,
    }
}

/// Follows a request until the client is answered, with the decision `allow` where consent is asked for, and `continue` where
/// the page asks for a click.
async fn answered(browser: &mut Browser<'_>, here: &str) -> Arrived {
    let page = browser.get(here).await;
    if page.status == 303 {
        return Arrived::of(&page);
    }
    let page = page.assert_status(200);
    let decision = match page.text.contains("value=\"continue\"") {
        true => "continue",
        false => "allow",
    };
    let shown = field_of(&page, "shown").unwrap();
    let answer = browser.post(here, &[("decision", decision), ("shown", &shown)]).await;
    Arrived::of(&answer)
}

/// Begins a request in a signed-in browser, agrees, and returns the code.
async fn code_of(browser: &mut Browser<'_>, changes: &[(&str, &str)]) -> String {
    let here = begun(browser, changes).await;
    answered(browser, &here).await.code().to_owned()
}

/// Returns the value of a hidden field of a page.
fn field_of(page: &Answer, name: &str) -> Option<String> {
    let (_, rest) = page.text.split_once(&format!("name=\"{name}\" value=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// Signs in with the password on the page of a request, and returns to it.
async fn sign_in(browser: &mut Browser<'_>, here: &str, name: &str) -> Answer {
    let email = format!("{name}@example.com");
    let fields = [("email", &*email), ("password", PASSWORD)];
    let answer = browser.post(&format!("/signin?return_to={here}"), &fields).await;
    assert_eq!(answer.assert_status(303).header("location"), here);
    browser.get(here).await
}

/// What a client presents.
#[derive(Clone, Copy)]
struct Presented<'p> {
    client: &'p str,
    redirect_uri: Option<&'p str>,
    verifier: Option<&'p str>,
    resource: Option<&'p str>,
}

impl Default for Presented<'_> {
    fn default() -> Self {
        Self {
            client: "grafana",
            redirect_uri: Some(CALLBACK),
            verifier: Some(VERIFIER),
            resource: None,
        }
    }
}

/// Exchanges a code, as the token endpoint does for an authenticated client.
async fn redeem(server: &TestServer, code: &str, presented: Presented<'_>) -> Result<Redeemed, RedeemError> {
    redeem_at(&server.services, code, presented).await
}

/// The same, at one of several nodes.
async fn redeem_at(
    node: &countersign::Services,
    code: &str,
    presented: Presented<'_>,
) -> Result<Redeemed, RedeemError> {
    let client = clients::find(&node.db, presented.client).await.unwrap().unwrap();
    let redemption = Redemption {
        code,
        client: &client,
        redirect_uri: presented.redirect_uri,
        code_verifier: presented.verifier,
        resource: presented.resource,
    };
    let caller = Caller::anyone(RequestInfo::local("test"));
    let code = node.authorization.present(&redemption, &caller).await?;
    node.authorization.redeem(code, &redemption, &caller).await
}

/// Returns how a refused code is answered.
fn refused(result: Result<Redeemed, RedeemError>) -> &'static str {
    match result {
        Ok(_) => "redeemed",
        Err(RedeemError::InvalidGrant(_)) => "invalid_grant",
        Err(RedeemError::InvalidTarget(_)) => "invalid_target",
        Err(RedeemError::Store(error)) => panic!("{error}"),
    }
}

/// Sends a GET without any cookie.
async fn bare(server: &TestServer, path: &str) -> Answer {
    let request = Request::get(path).header("accept", "text/html");
    server.send(request.body(Body::empty()).unwrap()).await
}
