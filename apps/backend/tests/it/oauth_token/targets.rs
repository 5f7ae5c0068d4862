//! What an access token is for if the token request does not say: the same for a code, a device code and a refresh, also once
//! an API is gone.

use countersign::core::caller::Caller;
use countersign_testkit::{Answer, Database, RelyingParty, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{DEVICE_CODE, MAPS, ORDERS, allow_device, part, text};

const USERINFO: &str = "http://127.0.0.1:8000/oauth2/userinfo";

/// How access to `ORDERS` ends.
#[derive(Clone, Copy, Debug)]
enum Gone {
    Deleted,
    Disabled,
    /// Registered under another identifier, with the former one as an alias. Users have not granted access to that.
    Renamed,
}

impl Gone {
    async fn happens(self, server: &TestServer) {
        let (apis, caller) = (&server.services.apis, Caller::server());
        match self {
            Self::Disabled => assert!(apis.set_disabled(ORDERS, true, &caller).await.unwrap()),
            _ => apis.delete(ORDERS, &caller).await.unwrap(),
        }
        if let Self::Renamed = self {
            server
                .api_with(
                    json!({ "identifier": "https://api.example.com/v2", "aliases": [ORDERS], "name": "Orders",
                    "clients": "any", "scopes": [{ "name": "orders:read", "grant": "open" }] }),
                )
                .await;
        }
    }
}

/// Returns the audience of the access token, or `invalid_target`, or any other answer as it is.
fn target(answer: &Answer) -> String {
    let body = answer.json();
    match (answer.status.as_u16(), body["error"].as_str()) {
        (200, _) => text(&part(&text(&body, "access_token"), 1), "aud"),
        (400, Some("invalid_target")) => "invalid_target".to_owned(),
        _ => answer.text.clone(),
    }
}

/// The requests for the first and the next token of grants that the user has given already.
struct Requests<'a> {
    app: &'a RelyingParty<'a>,
    code: String,
    device_code: String,
    refresh_token: String,
}

impl<'a> Requests<'a> {
    async fn of(app: &'a RelyingParty<'a>, server: &TestServer, person: &str, resources: &[&str]) -> Self {
        let mut browser = server.browser();
        let resources: Vec<_> = resources.iter().map(|&resource| ("resource", resource)).collect();
        let first = app.authorize_with(&mut browser, person, &resources).await;
        let tokens = app.redeem(&first).await.assert_status(200).json();
        let fields = [&[("scope", &*app.scope)], &resources[..]].concat();
        let device = app.post("/oauth2/device_authorization", &fields).await;
        let device = device.assert_status(200).json();
        allow_device(&mut browser, &device, person).await;
        Self {
            app,
            code: app.authorize_with(&mut browser, person, &resources).await,
            device_code: text(&device, "device_code"),
            refresh_token: text(&tokens, "refresh_token"),
        }
    }

    async fn targets(&self) -> [String; 3] {
        let device = [("grant_type", DEVICE_CODE), ("device_code", &self.device_code)];
        let answers = [
            self.app.redeem(&self.code).await,
            self.app.token(&device).await,
            self.app.refresh(&self.refresh_token).await,
        ];
        answers.map(|answer| target(&answer))
    }
}

#[apply(on_both_databases!)]
async fn a_token_is_for_the_same_whatever_is_redeemed_for_it(database: Database) {
    let server = TestServer::start(database).await;
    let mut wrong = Vec::new();
    // What the client names in its authorization request, its default API, and what its tokens are for before and after
    // `ORDERS` is gone.
    for (number, (resources, default, before, after)) in [
        (&[][..], None, USERINFO, USERINFO),
        (&[USERINFO], None, USERINFO, USERINFO),
        (&[ORDERS], None, ORDERS, "invalid_target"),
        (&[MAPS], None, MAPS, MAPS),
        (&[USERINFO, ORDERS], None, USERINFO, USERINFO),
        (&[ORDERS, MAPS], None, USERINFO, USERINFO),
        (&[USERINFO, ORDERS], Some(ORDERS), ORDERS, "invalid_target"),
        (&[ORDERS, MAPS], Some(ORDERS), ORDERS, "invalid_target"),
        (&[ORDERS, MAPS], Some(MAPS), MAPS, MAPS),
        (&[MAPS], Some(ORDERS), MAPS, MAPS),
    ]
    .into_iter()
    .enumerate()
    {
        let person = format!("ada-{number}");
        server.user(&person).await;
        for gone in [Gone::Deleted, Gone::Disabled, Gone::Renamed] {
            server.api(ORDERS, &["orders:read"]).await;
            server.api(MAPS, &["maps:read"]).await;
            let mut metadata = json!({ "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE] });
            if let Some(default) = default {
                metadata["default_api"] = default.into();
            }
            let app = server.client_with(&format!("app-{number}"), metadata).await;
            let app = app.scope("openid email orders:read maps:read offline_access");
            let (now, later) = (
                Requests::of(&app, &server, &person, resources).await,
                Requests::of(&app, &server, &person, resources).await,
            );
            let mut check = |targets: [String; 3], expected: &str, when: &str| {
                if targets.iter().any(|target| target != expected) {
                    wrong.push(format!(
                        "{resources:?}, default {default:?}, {when}: {targets:?} instead of {expected}"
                    ));
                }
            };
            check(now.targets().await, before, "before");
            gone.happens(&server).await;
            check(later.targets().await, after, &format!("{gone:?}"));
            let _ = server.services.operator.delete_client(&app.client_id).await;
            let caller = Caller::server();
            for api in [ORDERS, MAPS, "https://api.example.com/v2"] {
                let _ = server.services.apis.delete(api, &caller).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
