//! A client that redeems a code or a refresh token while it is disabled. Whatever comes first, no grant of it is left, and
//! nothing that it got or still has is of use once it is enabled again.

use std::sync::Arc;
use std::time::Duration;

use countersign::core::caller::Caller;
use countersign_guard::StatusReference;
use countersign_store::{query, sql};
use countersign_testkit::{Answer, Browser, Database, RelyingParty, TestServer, VERIFIER, apply, on_both_databases};
use serde_json::json;
use tokio::task::JoinHandle;

use super::{DEVICE_CODE, allow_device, part, text};
use crate::grants::{hold, reached};
use crate::refresh::rounds;

const CLIENT: &str = "app";

/// What the client redeems.
#[derive(Clone, Copy, Debug)]
enum Secret {
    Code,
    DeviceCode,
    RefreshToken,
}

impl Secret {
    const ALL: [Self; 3] = [Self::Code, Self::DeviceCode, Self::RefreshToken];

    /// Returns the failpoints before the secret is spent, and after that: in the transaction that opens the grant, or when the
    /// refresh token is spent and the response not sent.
    fn places(self) -> [&'static str; 2] {
        match self {
            Self::Code => ["authorization::redeem", "grant::opened"],
            Self::DeviceCode => ["device_authorization::redeem", "grant::opened"],
            Self::RefreshToken => ["token::refresh", "rotate::spent"],
        }
    }

    /// Gets one for the client, and returns the token request that redeems it.
    async fn request(self, client: &RelyingParty<'_>, browser: &mut Browser<'_>) -> String {
        let fields = match self {
            Self::Code => {
                let code = client.authorize(browser, "ada").await;
                vec![
                    ("grant_type", "authorization_code".to_owned()),
                    ("code", code),
                    ("redirect_uri", client.redirect_uri.clone()),
                    ("code_verifier", VERIFIER.to_owned()),
                ]
            }
            Self::DeviceCode => {
                let scope = [("scope", "openid email")];
                let codes = client.post("/oauth2/device_authorization", &scope).await;
                let codes = codes.assert_status(200).json();
                allow_device(browser, &codes, "ada").await;
                vec![
                    ("grant_type", DEVICE_CODE.to_owned()),
                    ("device_code", text(&codes, "device_code")),
                ]
            }
            Self::RefreshToken => {
                let tokens = client.sign_in_with(browser, "ada").await;
                vec![
                    ("grant_type", "refresh_token".to_owned()),
                    ("refresh_token", text(&tokens, "refresh_token")),
                ]
            }
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", CLIENT).extend_pairs(fields).finish()
    }
}

async fn start(database: Database) -> Arc<TestServer> {
    let server = Arc::new(TestServer::start(database).await);
    server.user("ada").await;
    server
}

async fn client(server: &TestServer) -> RelyingParty<'_> {
    let metadata = json!({
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
    });
    server.client_with(CLIENT, metadata).await
}

fn redeem(server: &Arc<TestServer>, request: &str, after: Duration) -> JoinHandle<Answer> {
    let (server, request) = (server.clone(), request.to_owned());
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        server.post_form("/oauth2/token", &request).await
    })
}

fn disable(server: &Arc<TestServer>, after: Duration) -> JoinHandle<()> {
    let operator = server.services.operator.clone();
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        operator.disable_client(CLIENT).await.unwrap();
    })
}

/// Asserts that the client has nothing, and enables it again. Returns whether the request came first.
async fn assert_nothing_left(server: &TestServer, request: &str, answer: &Answer, what: &str) -> bool {
    let living: i64 = query(sql!(
        "SELECT count(*) FROM sessions WHERE client_id = $1 AND revoked_at IS NULL"
    ))
    .bind(CLIENT)
    .one(&server.services.db)
    .await
    .unwrap();
    assert_eq!(living, 0, "{what}: {}", answer.text);
    let clients = &server.services.clients;
    assert!(clients.set_disabled(CLIENT, false, &Caller::server()).await.unwrap());
    let again = server.post_form("/oauth2/token", request).await;
    assert_eq!(again.status, 400, "{what}: {}", again.text);
    if answer.status != 200 {
        assert!([400, 401].contains(&answer.status.as_u16()), "{what}: {}", answer.text);
        return false;
    }
    let tokens = answer.json();
    let refresh = format!(
        "grant_type=refresh_token&client_id={CLIENT}&refresh_token={}",
        text(&tokens, "refresh_token")
    );
    let answer = server.post_form("/oauth2/token", &refresh).await;
    assert_eq!(answer.status, 400, "{what}: {}", answer.text);
    let reference = part(&text(&tokens, "access_token"), 1)["status"]["status_list"].clone();
    let reference = StatusReference::new(reference["idx"].as_u64().unwrap(), reference["uri"].as_str().unwrap());
    assert!(
        !server.services.revocations.is_live(&reference).await.unwrap(),
        "{what}"
    );
    true
}

#[apply(on_both_databases!)]
async fn o_24_no_grant_of_a_client_survives_its_disabling(database: Database) {
    let server = start(database).await;
    let client = client(&server).await;
    let mut browser = server.browser();
    browser.sign_in("ada").await;
    for secret in Secret::ALL {
        let (mut first, mut second) = (0, 0);
        for round in 0..rounds(20) {
            let request = secret.request(&client, &mut browser).await;
            // One after the other, and closer and closer together, in both orders.
            let (apart, none) = (Duration::from_millis(u64::try_from(round).unwrap() / 4), Duration::ZERO);
            let answer = match round % 4 {
                0 => {
                    let answer = redeem(&server, &request, none).await.unwrap();
                    disable(&server, none).await.unwrap();
                    answer
                }
                1 => {
                    disable(&server, none).await.unwrap();
                    redeem(&server, &request, none).await.unwrap()
                }
                side => {
                    let (before, after) = if side == 2 { (none, apart) } else { (apart, none) };
                    let (redeeming, disabling) = (redeem(&server, &request, before), disable(&server, after));
                    disabling.await.unwrap();
                    redeeming.await.unwrap()
                }
            };
            let what = format!("{secret:?}, round {round}");
            match assert_nothing_left(&server, &request, &answer, &what).await {
                true => first += 1,
                false => second += 1,
            }
        }
        println!("{secret:?}: {first} before the client was disabled, {second} after");
        assert!(first > 0 && second > 0, "{secret:?}: {first}, {second}");
    }
}

/// The same, held where the time is shortest.
#[apply(on_both_databases!)]
async fn o_24_no_grant_of_a_client_survives_its_disabling_when_it_is_held(database: Database) {
    let server = start(database).await;
    let client = client(&server).await;
    let mut browser = server.browser();
    browser.sign_in("ada").await;
    for secret in Secret::ALL {
        for place in secret.places() {
            let request = secret.request(&client, &mut browser).await;
            let (gate, release) = hold(place);
            let redeeming = redeem(&server, &request, Duration::ZERO);
            reached(gate).await;
            let disabling = disable(&server, Duration::ZERO);
            // SQLite has one writer, so the client is disabled only when a transaction that is held goes on.
            tokio::time::sleep(Duration::from_millis(500)).await;
            release.send(()).unwrap();
            fail::remove(place);
            disabling.await.unwrap();
            let answer = redeeming.await.unwrap();
            assert_nothing_left(&server, &request, &answer, &format!("{secret:?} at {place}")).await;
        }
    }
}
