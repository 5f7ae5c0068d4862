//! The UserInfo endpoint: the claims of a user for a client.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::core::ids::AccountId;
use countersign::core::profile::{Change, ProfileChange};
use countersign::core::request_info::RequestInfo;
use countersign::features::identity::accounts;
use countersign::features::identity::profiles::ClaimsChange;
use countersign::features::oauth::clients::{ClientError, NewClient};
use countersign::features::oauth::consents;
use countersign::features::sign_in::sessions::{LogoutNotice, NewGrant, Session};
use countersign_guard::{AccessTokenClaims, Scopes, Subject};
use countersign_jose::{IdTokenClaims, RequiredClaims};
use countersign_oauth::{ClientMetadata, SigningAlg};
use countersign_store::StoreError;
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const USERINFO: &str = "/oauth2/userinfo";
const ALL: &str = "openid profile email phone address";

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => unreachable!("tests pass objects"),
    }
}

/// Registers or changes a public client. It is trusted, so that no consent is needed, unless it is called `untrusted`.
async fn register(server: &TestServer, client_id: &str, more: Value) {
    let mut metadata = object(json!({
        "redirect_uris": ["https://client.example.com/callback"], "token_endpoint_auth_method": "none",
        "id_token_signed_response_alg": "ES256",
    }));
    metadata.extend(object(more));
    let metadata = ClientMetadata::from_object(metadata).unwrap();
    let new = NewClient {
        client_id: client_id.to_owned(),
        trusted: client_id != "untrusted",
        metadata: metadata.clone(),
    };
    let (clients, operator) = (&server.services.clients, server.services.command_line());
    match clients.create(&new, operator).await {
        Ok(_) => {}
        Err(ClientError::Exists(_)) => {
            let change = |own: &mut ClientMetadata, _: &mut bool| {
                own.clone_from(&metadata);
                Ok(())
            };
            clients.update(client_id, change, operator).await.unwrap();
        }
        Err(error) => panic!("{error}"),
    }
}

/// Opens a grant of `ada` for a client.
async fn grant(server: &TestServer, account: AccountId, client_id: &str, claims: Option<&str>) -> Session {
    let services = &server.services;
    let bit = services.revocations.allocate().await.unwrap();
    let request = &RequestInfo::local("test");
    let now = services.clock.now();
    let scopes: &Scopes = &ALL.parse().unwrap();
    let opened = services
        .revocations
        .transact(|tx| {
            Box::pin(async move {
                let Some(versions) = accounts::may_sign_in(&mut *tx, account).await? else {
                    return Ok::<_, StoreError>(None);
                };
                let new = NewGrant {
                    id: services.sessions.new_grant_id(None),
                    account,
                    versions,
                    client_id,
                    parent: None,
                    bound: false,
                    grant_type: "authorization_code",
                    scopes,
                    resources: &[],
                    claims,
                    auth_time: now,
                    amr: "pwd",
                    request,
                    bit,
                    refresh_token: None,
                    idle_ttl: None,
                    absolute_ttl: None,
                };
                services.sessions.open_grant(tx, &new).await
            })
        })
        .await;
    opened.unwrap().unwrap()
}

/// The claims of an access token of a grant for the endpoint.
fn claims(server: &TestServer, grant: &Session, scope: &str) -> AccessTokenClaims {
    let services = &server.services;
    let issuer = services.settings.issuer.as_str();
    let now = services.clock.now().seconds();
    let mut claims = AccessTokenClaims::from(RequiredClaims {
        iss: issuer.to_owned(),
        sub: Subject::Account(grant.account_id.0),
        aud: vec![format!("{issuer}{USERINFO}")].into(),
        exp: now + 600,
        iat: now,
        jti: Uuid::from_u128(7),
        client_id: grant.client_id.clone(),
    });
    claims.sid = Some(grant.id.0);
    claims.scope = Some(scope.to_owned());
    claims.auth_time = Some(now);
    claims.amr = Some(vec!["pwd".to_owned()]);
    claims.status = Some(services.revocations.reference(grant.bit()));
    claims
}

async fn signed(server: &TestServer, claims: &AccessTokenClaims) -> String {
    let now = server.services.clock.now();
    server.services.keys.issue(claims, now).await.unwrap()
}

async fn token(server: &TestServer, grant: &Session, scope: &str) -> String {
    signed(server, &claims(server, grant, scope)).await
}

async fn ask(server: &TestServer, token: &str) -> Answer {
    let request = Request::get(USERINFO).header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::empty()).unwrap()).await
}

/// The responses to a client of the user whose access token of the first party this is, by method.
pub async fn answers(server: &TestServer, access_token: &str) -> Vec<(&'static str, Answer)> {
    let user = server.services.guard.verify(access_token).await.unwrap();
    let account = AccountId(user.subject().account().unwrap());
    register(server, "app", json!({})).await;
    let app = grant(server, account, "app", None).await;
    let token = token(server, &app, ALL).await;
    let posted = server.post_form(USERINFO, &format!("access_token={token}")).await;
    vec![("GET", ask(server, &token).await), ("POST", posted)]
}

/// Asserts that a response is a refusal in the form of RFC 6750, and returns it.
#[track_caller]
fn refused(answer: Answer, status: u16, error: &str) -> Answer {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    let challenge = answer.header("www-authenticate");
    match error {
        "" => assert!(
            challenge.starts_with("Bearer realm=") && !challenge.contains("error"),
            "{challenge}"
        ),
        error => assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}"),
    }
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.json()["error"].is_string(), "{}", answer.text);
    answer
}

/// A server with a user who has every claim, and a client.
async fn with_ada(database: Database, toml: &str) -> (TestServer, AccountId) {
    let server = TestServer::start_with(database, toml).await;
    let user = server.user("ada").await.get("/api/auth/me").await.json();
    let account = AccountId(user["id"].as_str().unwrap().parse().unwrap());
    let set = json!({
        "given_name": "Ada", "family_name": "Lovelace", "nickname": "Countess", "locale": "en-GB",
        "phone_number": "+44 20 7946 0000", "address": { "country": "UK" },
    });
    let change = ClaimsChange {
        set: object(set),
        ..ClaimsChange::default()
    };
    let operator = server.services.command_line();
    server.services.claims.change(account, &change, operator).await.unwrap();
    register(&server, "app", json!({})).await;
    (server, account)
}

#[apply(on_both_databases!)]
async fn o_44_a_client_learns_what_it_was_granted(database: Database) {
    let (server, ada) = with_ada(database, "").await;
    let app = grant(&server, ada, "app", None).await;
    let (sub, updated_at) = (ada.to_string(), server.services.clock.now().seconds());
    let profile = json!({
        "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "nickname": "Countess", "locale": "en-GB",
        "updated_at": updated_at,
    });
    let phone = json!({ "phone_number": "+44 20 7946 0000", "phone_number_verified": false });
    for (scope, expected) in [
        ("openid", json!({})),
        ("openid profile", profile),
        (
            "openid email",
            json!({ "email": "ada@example.com", "email_verified": false }),
        ),
        ("openid phone", phone),
        (
            "openid address offline_access",
            json!({ "address": { "country": "UK" } }),
        ),
    ] {
        let mut expected = object(expected);
        expected.insert("sub".to_owned(), sub.clone().into());
        let token = token(&server, &app, scope).await;
        let answer = ask(&server, &token).await.assert_status(200);
        assert_eq!(answer.json(), Value::Object(expected.clone()), "{scope}");
        assert_eq!(
            (answer.header("content-type"), answer.header("cache-control")),
            ("application/json", "no-store")
        );
        // A POST, with the token in the header and in the form (RFC 6750 §2.2).
        let request = Request::post(USERINFO).header("authorization", format!("Bearer {token}"));
        let answer = server
            .send(request.body(Body::empty()).unwrap())
            .await
            .assert_status(200);
        assert_eq!(answer.json(), Value::Object(expected.clone()));
        let answer = server
            .post_form(USERINFO, &format!("access_token={token}"))
            .await
            .assert_status(200);
        assert_eq!(answer.json(), Value::Object(expected));
    }

    // What the user has entered comes first. What is not there is left out, and never null.
    let name = ProfileChange {
        name: Change::Set("Ada King".parse().unwrap()),
        ..ProfileChange::default()
    };
    let operator = server.services.command_line();
    server
        .services
        .accounts
        .change_profile(ada, &name, operator)
        .await
        .unwrap();
    let clear = ClaimsChange {
        clear: true,
        ..ClaimsChange::default()
    };
    server.services.claims.change(ada, &clear, operator).await.unwrap();
    let answer = ask(&server, &token(&server, &app, ALL).await)
        .await
        .assert_status(200)
        .json();
    let expected = json!({
        "sub": sub, "name": "Ada King", "updated_at": updated_at, "email": "ada@example.com", "email_verified": false,
    });
    assert_eq!(answer, expected);
}

#[apply(on_both_databases!)]
async fn o_44_claims_by_name_are_those_that_the_client_may_have(database: Database) {
    let (server, ada) = with_ada(database, "").await;
    let asked = r#"{"userinfo":{"nickname":{"essential":true},"email":null,"groups":null,"sub":null},"id_token":{"locale":null}}"#;
    let app = grant(&server, ada, "app", Some(asked)).await;
    let token = token(&server, &app, "openid").await;
    let names = async || {
        let answer = ask(&server, &token).await.assert_status(200).json();
        object(answer).keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["email", "nickname", "sub"]);
    // The operator has restricted the client since.
    register(&server, "app", json!({ "scope": "openid profile" })).await;
    assert_eq!(names().await, ["nickname", "sub"]);
    register(&server, "app", json!({ "scope": "openid" })).await;
    assert_eq!(names().await, ["sub"]);
}

#[apply(on_both_databases!)]
async fn o_44_claims_are_those_that_the_user_consents_to(database: Database) {
    let (server, ada) = with_ada(database, "").await;
    register(&server, "untrusted", json!({})).await;
    let asked = r#"{"userinfo":{"nickname":null,"email":null}}"#;
    let app = grant(&server, ada, "untrusted", Some(asked)).await;
    let token = token(&server, &app, "openid phone address").await;
    let issuer = server.services.settings.issuer.as_str();
    let (userinfo, now) = (&format!("{issuer}{USERINFO}"), server.services.clock.now());
    for (scopes, expected) in [
        ("", &["sub"][..]),
        ("openid phone", &["phone_number", "phone_number_verified", "sub"]),
        ("email", &["email", "phone_number", "phone_number_verified", "sub"]),
    ] {
        let scopes: &Scopes = &scopes.parse().unwrap();
        // At another audience, the same scopes are something else.
        for audience in ["https://api.example.com", userinfo] {
            let given = server.services.db.transact(|tx| {
                Box::pin(async move { consents::give(tx, ada, "untrusted", audience, scopes, now).await })
            });
            given.await.unwrap();
        }
        let answer = ask(&server, &token).await.assert_status(200).json();
        assert_eq!(object(answer).keys().collect::<Vec<_>>(), expected, "{scopes}");
    }
}

#[apply(on_both_databases!)]
async fn o_44_the_token_is_in_one_place_and_for_this_endpoint(database: Database) {
    let (server, ada) = with_ada(database, "").await;
    let app = grant(&server, ada, "app", None).await;
    let token = token(&server, &app, ALL).await;
    let other = signed(&server, &claims(&server, &app, "openid")).await;
    let send = async |method: Method, path: &str, headers: &[String], form: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path);
        for value in headers {
            request = request.header("authorization", value);
        }
        if form.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        server
            .send(request.body(Body::from(form.unwrap_or_default().to_owned())).unwrap())
            .await
    };
    let (bearer, in_form) = (format!("Bearer {token}"), format!("access_token={token}"));
    let in_query = format!("{USERINFO}?access_token={token}");
    let (get, post) = (Method::GET, Method::POST);
    refused(send(get.clone(), USERINFO, &[], None).await, 401, "");
    refused(
        send(get.clone(), USERINFO, &[format!("Basic {token}")], None).await,
        401,
        "",
    );
    refused(
        send(get.clone(), USERINFO, &["Bearer".to_owned()], None).await,
        401,
        "invalid_token",
    );
    refused(
        send(get.clone(), USERINFO, &[bearer.clone(), bearer.clone()], None).await,
        401,
        "invalid_token",
    );
    refused(send(get.clone(), &in_query, &[], None).await, 400, "invalid_request");
    refused(
        send(get.clone(), &in_query, std::slice::from_ref(&bearer), None).await,
        400,
        "invalid_request",
    );
    refused(
        send(post.clone(), USERINFO, std::slice::from_ref(&bearer), Some(&in_form)).await,
        400,
        "invalid_request",
    );
    let twice = format!("{in_form}&access_token={other}");
    refused(
        send(post.clone(), USERINFO, &[], Some(&twice)).await,
        400,
        "invalid_request",
    );
    refused(send(post.clone(), USERINFO, &[], Some("access_token=")).await, 401, "");
    // The form of a GET is not read.
    refused(send(get, USERINFO, &[], Some(&in_form)).await, 401, "");
    let long = format!("access_token={}", "x".repeat(20_000));
    assert_eq!(
        send(post.clone(), USERINFO, &[], Some(&long)).await.status.as_u16(),
        400
    );
    let request = Request::post(USERINFO).header("content-type", "application/json");
    let answer = server.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (415, "application/json")
    );

    // Tokens for another audience, of another client, or of another kind.
    let with = |change: &dyn Fn(&mut AccessTokenClaims)| {
        let mut claims = claims(&server, &app, ALL);
        change(&mut claims);
        claims
    };
    let issuer = server.services.settings.issuer.as_str();
    let now = server.services.clock.now();
    register(&server, "other", json!({})).await;
    for (claims, status, error) in [
        (
            with(&|claims| claims.aud = vec![issuer.to_owned()].into()),
            401,
            "invalid_token",
        ),
        (
            with(&|claims| claims.aud = vec!["https://api.example.com".to_owned()].into()),
            401,
            "invalid_token",
        ),
        (
            with(&|claims| claims.aud = vec![format!("{issuer}{USERINFO}/")].into()),
            401,
            "invalid_token",
        ),
        (
            with(&|claims| claims.client_id = "other".to_owned()),
            401,
            "invalid_token",
        ),
        (
            with(&|claims| claims.sub = Subject::Account(Uuid::from_u128(1))),
            401,
            "invalid_token",
        ),
        (with(&|claims| claims.sid = None), 401, "invalid_token"),
        (
            with(&|claims| claims.sid = Some(Uuid::from_u128(1))),
            401,
            "invalid_token",
        ),
        (with(&|claims| claims.status = None), 401, "invalid_token"),
        (with(&|claims| claims.exp = now.seconds()), 401, "invalid_token"),
        (with(&|claims| claims.scope = None), 403, "insufficient_scope"),
        (
            with(&|claims| claims.scope = Some("profile email".to_owned())),
            403,
            "insufficient_scope",
        ),
        (
            with(&|claims| {
                claims.sub = Subject::Client("app".to_owned());
                (claims.sid, claims.auth_time, claims.amr) = (None, None, None);
            }),
            403,
            "insufficient_scope",
        ),
    ] {
        refused(ask(&server, &signed(&server, &claims).await).await, status, error);
    }
    let id_token = IdTokenClaims {
        iss: issuer.to_owned(),
        sub: ada.0,
        aud: "app".to_owned(),
        exp: now.seconds() + 600,
        iat: now.seconds(),
        auth_time: now.seconds(),
        nonce: None,
        acr: None,
        amr: Vec::new(),
        sid: app.id.0,
        at_hash: None,
        user: Map::new().into(),
    };
    let id_token = server
        .services
        .keys
        .sign_for_client(SigningAlg::Es256, &id_token, now)
        .await
        .unwrap();
    refused(ask(&server, &id_token).await, 401, "invalid_token");
    let person = server.sign_in("ada").await;
    refused(person.get(USERINFO).await, 401, "invalid_token");
    ask(&server, &token).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn o_44_a_user_who_may_no_longer_sign_in_is_refused_at_once(database: Database) {
    let (server, ada) = with_ada(database, "").await;
    let (services, operator) = (&server.services, server.services.command_line());
    let app = grant(&server, ada, "app", None).await;
    let token = token(&server, &app, ALL).await;
    ask(&server, &token).await.assert_status(200);
    services.clients.set_disabled("app", true, operator).await.unwrap();
    refused(ask(&server, &token).await, 401, "invalid_token");
    services.clients.set_disabled("app", false, operator).await.unwrap();
    // The bit alone would also do: the grants of a disabled client may have ended.
    let app = grant(&server, ada, "app", None).await;
    let second = signed(&server, &claims(&server, &app, ALL)).await;
    ask(&server, &second).await.assert_status(200);
    services
        .sessions
        .revoke_grant(app.id, LogoutNotice::Omit, operator)
        .await
        .unwrap();
    refused(ask(&server, &second).await, 401, "invalid_token");
    let app = grant(&server, ada, "app", None).await;
    let third = signed(&server, &claims(&server, &app, ALL)).await;
    ask(&server, &third).await.assert_status(200);
    services.operator.set_disabled(ada, true).await.unwrap();
    refused(ask(&server, &third).await, 401, "invalid_token");
    services.operator.set_disabled(ada, false).await.unwrap();
    refused(ask(&server, &third).await, 401, "invalid_token");
    let app = grant(&server, ada, "app", None).await;
    let fourth = signed(&server, &claims(&server, &app, ALL)).await;
    ask(&server, &fourth).await.assert_status(200);
    let person = server.sign_in("ada").await;
    person
        .delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    refused(ask(&server, &fourth).await, 401, "invalid_token");
    // A token ends with its grant, even a moment before its own end.
    let bob = server.user("bob").await.get("/api/auth/me").await.json();
    let bob = AccountId(bob["id"].as_str().unwrap().parse().unwrap());
    let app = grant(&server, bob, "app", None).await;
    services
        .clock
        .advance(services.settings.tokens.refresh_absolute_ttl - Duration::from_secs(1));
    let last = signed(&server, &claims(&server, &app, ALL)).await;
    ask(&server, &last).await.assert_status(200);
    services.clock.advance(Duration::from_secs(1));
    refused(ask(&server, &last).await, 401, "invalid_token");
}

#[apply(on_both_databases!)]
async fn o_44_a_signed_response_is_for_one_client(database: Database) {
    let (server, ada) = with_ada(database, "").await;
    let issuer = server.services.settings.issuer.as_str();
    server.services.keys.ensure_rsa().await.unwrap();
    for alg in ["ES256", "RS256"] {
        register(&server, "signed", json!({ "userinfo_signed_response_alg": alg })).await;
        let signed = grant(&server, ada, "signed", None).await;
        let answer = ask(&server, &token(&server, &signed, "openid email").await)
            .await
            .assert_status(200);
        assert_eq!(
            (answer.header("content-type"), answer.header("cache-control")),
            ("application/jwt", "no-store")
        );
        let parts: Vec<_> = answer.text.split('.').collect();
        let part =
            |at: usize| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[at]).unwrap()).unwrap() };
        assert_eq!(part(0)["alg"], alg);
        let expected = json!({
            "iss": issuer, "aud": "signed", "sub": ada.to_string(), "email": "ada@example.com", "email_verified": false,
        });
        assert_eq!(part(1), expected);
        // It is signed with a published key.
        let keys = server.get("/.well-known/jwks.json").await.json();
        assert!(
            keys["keys"]
                .as_array()
                .unwrap()
                .iter()
                .any(|key| key["kid"] == part(0)["kid"] && key["alg"] == alg)
        );
        // It is no access token and no ID token.
        refused(ask(&server, &answer.text).await, 401, "invalid_token");
        assert!(server.services.keys.verify_id_token_hint(&answer.text).is_none());
    }
}

#[apply(on_both_databases!)]
async fn o_44_scripts_of_every_origin_may_ask_and_not_too_often(database: Database) {
    let (server, ada) = with_ada(database, "[limits]\nuserinfo_per_grant = \"3/1h\"\n").await;
    let app = grant(&server, ada, "app", None).await;
    let token = token(&server, &app, "openid").await;
    let from = |method: &str| {
        let request = Request::builder()
            .method(method)
            .uri(USERINFO)
            .header("origin", "https://spa.example");
        request.header("authorization", format!("Bearer {token}"))
    };
    let preflight = from("OPTIONS").header("access-control-request-method", "GET");
    let preflight = preflight.header("access-control-request-headers", "authorization");
    let answer = server
        .send(preflight.body(Body::empty()).unwrap())
        .await
        .assert_status(204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    let answer = server
        .send(from("GET").body(Body::empty()).unwrap())
        .await
        .assert_status(200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    // Other grants are not affected.
    let other = grant(&server, ada, "app", None).await;
    for _ in 0..2 {
        ask(&server, &token).await.assert_status(200);
    }
    let answer = ask(&server, &token).await.assert_status(429);
    assert!(
        answer
            .header("retry-after")
            .parse::<u64>()
            .is_ok_and(|seconds| seconds > 0)
    );
    assert_eq!(
        (answer.header("content-type"), &answer.json()["error"]),
        ("application/json", &json!("temporarily_unavailable"))
    );
    let token = signed(&server, &claims(&server, &other, "openid")).await;
    ask(&server, &token).await.assert_status(200);
}
