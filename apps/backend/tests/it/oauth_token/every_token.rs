//! Every kind of token at every endpoint that takes tokens, and the ID tokens of every grant.

use axum::body::Body;
use axum::http::{Method, Request};
use countersign_jose::{
    AccessTokenClaims, AccessTokenExpectation, LogoutTokenClaims, Present, SigningAlg, at_hash, verify,
};
use countersign_testkit::{Answer, Database, RelyingParty, TestServer, apply, on_both_databases};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DEVICE_CODE, MAPS, OPENID, ORDERS, Wanted, allow_device, issued, machine_token, nightly, part, text};
use crate::attacks::routes;

const ISSUER: &str = "http://127.0.0.1:8000";
const USERINFO: &str = "http://127.0.0.1:8000/oauth2/userinfo";

/// A token, and what it is for.
struct Token {
    name: &'static str,
    text: String,
    /// The names of the services that accept it.
    accepted_by: &'static [&'static str],
    /// Whether its client learns that it is valid.
    is_introspected: bool,
}

async fn send(server: &TestServer, method: &Method, path: &str, bearer: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = bearer {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

#[apply(on_both_databases!)]
async fn o_36_a_45_r_13_every_token_is_refused_everywhere_but_where_it_is_for(database: Database) {
    let toml = format!("[tokens]\naudience = [{ISSUER:?}, {ORDERS:?}]");
    let server = TestServer::start_with(database, &toml).await;
    let machine = nightly(&server).await;
    let ada = server.user("ada").await;
    let client = server.client("app").await;
    let web = server
        .client_with("web", json!({ "id_token_signed_response_alg": "RS256" }))
        .await;
    let tokens_of = async |client: &RelyingParty<'_>, scopes: &str, resources: &[&str]| {
        let wanted = Wanted {
            scopes,
            resources,
            ..OPENID
        };
        issued(&server, client, &ada, &wanted).await
    };
    let of_openid = tokens_of(&client, "openid email", &[]).await;
    let of_orders = tokens_of(&client, "openid orders:read", &[ORDERS]).await;
    let of_maps = tokens_of(&client, "maps:read", &[MAPS]).await;
    let of_web = tokens_of(&web, "openid", &[]).await;
    let token = |name, text, accepted_by, is_introspected| Token {
        name,
        text,
        accepted_by,
        is_introspected,
    };
    let mut tokens = vec![
        token("first party", ada.access_token.clone(), &[ISSUER, ORDERS], false),
        token("UserInfo", text(&of_openid, "access_token"), &[USERINFO], true),
        token("orders", text(&of_orders, "access_token"), &[ORDERS], true),
        token("maps", text(&of_maps, "access_token"), &[MAPS], true),
        token("machine", machine_token(&machine).await, &[ORDERS], false),
        token("ID token, ES256", text(&of_openid, "id_token"), &[], false),
        token("ID token, RS256", text(&of_web, "id_token"), &[], false),
        token("refresh token", text(&of_openid, "refresh_token"), &[], true),
        token(
            "refresh token of the first party",
            ada.refresh_token.clone(),
            &[],
            false,
        ),
    ];
    for (name, alg) in [
        ("logout token, ES256", SigningAlg::Es256),
        ("logout token, RS256", SigningAlg::Rs256),
    ] {
        tokens.push(token(
            name,
            logout_token(&server, &ada.access_token, alg).await,
            &[],
            false,
        ));
    }
    let list = part(&ada.access_token, 1)["status"]["status_list"]["uri"].clone();
    let list = list.as_str().unwrap().strip_prefix(ISSUER).unwrap();
    let list = server.get(list).await.assert_status(200).text;
    tokens.push(token("status list", list, &[], false));

    let at_the_account_api = tokens.iter().filter(|token| token.name != "first party");
    only_the_first_party_uses_the_account_api(&server, at_the_account_api).await;
    for token in &tokens {
        let name = token.name;
        for answer in userinfo(&server, &token.text).await {
            let is_answered = answer.status == 200;
            assert_eq!(
                is_answered,
                token.accepted_by.contains(&USERINFO),
                "{name}: {}",
                answer.text
            );
        }
        for service in [ISSUER, ORDERS, MAPS, USERINFO] {
            let is_accepted = accepts(&server, service, &token.text);
            assert_eq!(is_accepted, token.accepted_by.contains(&service), "{name} at {service}");
        }
        let seen = client.introspect(&token.text).await;
        match token.is_introspected {
            true => assert_eq!(seen["active"], true, "{name}"),
            false => assert_eq!(seen, json!({ "active": false }), "{name}"),
        }
        let hinted = client.authorization_url(&[("id_token_hint", &token.text)]);
        let answer = server.get(&hinted).await.assert_status(303);
        let is_hint = !answer.header("location").contains("error=invalid_request");
        assert_eq!(
            is_hint,
            name == "ID token, ES256",
            "{name}: {}",
            answer.header("location")
        );
        if name != "refresh token" {
            let answer = client.refresh(&token.text).await;
            assert_eq!(answer.status, 400, "{name}: {}", answer.text);
        }
        if name != "refresh token of the first party" {
            ada.refresh(&token.text)
                .await
                .assert_problem(401, "invalid_refresh_token");
        }
    }
    // None of it ended anything.
    for token in tokens.iter().filter(|token| token.is_introspected) {
        assert_eq!(client.introspect(&token.text).await["active"], true, "{}", token.name);
    }
    client
        .refresh(&text(&of_openid, "refresh_token"))
        .await
        .assert_status(200);
    ada.get("/api/auth/me").await.assert_status(200);
    ada.refresh(&ada.refresh_token).await.assert_status(200);
}

async fn only_the_first_party_uses_the_account_api<'t>(server: &TestServer, tokens: impl Iterator<Item = &'t Token>) {
    let tokens: Vec<_> = tokens.collect();
    let mut refused = 0;
    for (method, path) in routes(server).await {
        if !path.starts_with("/api/") {
            continue;
        }
        let path = path.replace("{id}", &Uuid::nil().to_string());
        let without = send(server, &method, &path, None).await;
        for token in &tokens {
            let answer = send(server, &method, &path, Some(&token.text)).await;
            let what = format!("{method} {path} with {}: {}", token.name, answer.text);
            match without.status.as_u16() {
                401 => drop(answer.assert_problem(401, "invalid_token")),
                // A token is optional, or none is read.
                status => assert!(answer.status == status || answer.status == 401, "{what}"),
            }
        }
        refused += usize::from(without.status == 401);
    }
    assert!(refused > 10, "only {refused} routes need a token");
}

/// Asks the UserInfo endpoint in every way.
async fn userinfo(server: &TestServer, token: &str) -> [Answer; 3] {
    let form = Request::post("/oauth2/userinfo")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("access_token={token}")));
    [
        send(server, &Method::GET, "/oauth2/userinfo", Some(token)).await,
        send(server, &Method::POST, "/oauth2/userinfo", Some(token)).await,
        server.send(form.unwrap()).await,
    ]
}

/// Returns whether a service with this name accepts a token (RFC 9068 §4).
fn accepts(server: &TestServer, service: &str, token: &str) -> bool {
    let audience = [service.to_owned()];
    let expect = AccessTokenExpectation {
        issuer: ISSUER,
        audience: &audience,
        present: Present {
            now: server.services.clock.now().seconds(),
            leeway: 0,
        },
    };
    let keys = server.services.keys.public_keys();
    let key = |kid: &str| keys.iter().find(|key| key.kid() == kid).cloned();
    verify::<AccessTokenClaims>(token, key, &expect).is_ok()
}

/// Returns a logout token for the user and the session of an access token.
async fn logout_token(server: &TestServer, access_token: &str, alg: SigningAlg) -> String {
    let (claims, now) = (part(access_token, 1), server.services.clock.now());
    let logout = LogoutTokenClaims {
        iss: ISSUER.to_owned(),
        sub: text(&claims, "sub").parse().unwrap(),
        aud: ISSUER.to_owned(),
        exp: now.seconds() + 120,
        iat: now.seconds(),
        jti: Uuid::from_u128(7),
        sid: text(&claims, "sid").parse().unwrap(),
    };
    server.services.keys.sign_for_client(alg, &logout, now).await.unwrap()
}

#[apply(on_both_databases!)]
async fn o_38_the_id_token_of_every_grant_says_what_was_asked_for_and_nothing_else(database: Database) {
    let nonce = "+ %2B&=\"'<>;,#?/\\ä界🦀 x";
    let server = TestServer::start(database).await;
    let mut sub = Value::Null;
    for name in ["ada", "eve"] {
        let person = server.user(name).await;
        let profile = json!({ "name": format!("{name} of the test") });
        person.patch("/api/auth/me", profile).await.assert_status(200);
        if name == "ada" {
            sub = part(&person.access_token, 1)["sub"].clone();
        }
    }
    let claims = r#"{"id_token":{"name":null,"phone_number":null},"userinfo":{"nickname":null}}"#;
    for alg in ["ES256", "RS256"] {
        for mode in ["scope", "minimal"] {
            let metadata = json!({
                "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
                "id_token_signed_response_alg": alg,
                "id_token_claims": mode,
            });
            let client = server
                .client_with(&format!("{alg}-{mode}").to_lowercase(), metadata)
                .await;
            // Someone else is signed in to the same client.
            client.sign_in("eve").await;
            let mut browser = server.browser();
            let asked = [("nonce", nonce), ("scope", "openid email"), ("claims", claims)];
            let code = client.authorize_with(&mut browser, "ada", &asked).await;
            let by_code = client.redeem(&code).await.assert_status(200).json();
            let refreshed = client
                .refresh(&text(&by_code, "refresh_token"))
                .await
                .assert_status(200)
                .json();
            let device = client
                .post("/oauth2/device_authorization", &[("scope", "openid email")])
                .await
                .assert_status(200)
                .json();
            allow_device(&mut browser, &device, "ada").await;
            let poll = [
                ("grant_type", DEVICE_CODE),
                ("device_code", &text(&device, "device_code")),
            ];
            let by_device = client.token(&poll).await.assert_status(200).json();

            let by_scope: &[&str] = if mode == "scope" {
                &["email", "email_verified"]
            } else {
                &[]
            };
            let expected: [(&str, &Value, &[&str]); 3] = [
                ("code", &by_code, &["name", "nonce"]),
                ("refresh", &refreshed, &["name"]),
                ("device", &by_device, &[]),
            ];
            for (grant, tokens, more) in expected {
                let what = format!("{alg}, {mode}, {grant}");
                let id_token = text(tokens, "id_token");
                assert_eq!(part(&id_token, 0)["alg"], alg, "{what}");
                let claims = verified(&server, &id_token, alg, &client.client_id).await;
                let protocol = [
                    "acr",
                    "amr",
                    "at_hash",
                    "aud",
                    "auth_time",
                    "exp",
                    "iat",
                    "iss",
                    "sid",
                    "sub",
                ];
                let mut names: Vec<_> = protocol.iter().chain(by_scope).chain(more).copied().collect();
                names.sort_unstable();
                let mut found: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
                found.sort_unstable();
                assert_eq!(found, names, "{what}");
                let access = text(tokens, "access_token");
                assert_eq!((&claims["iss"], &claims["sub"]), (&json!(ISSUER), &sub), "{what}");
                assert_eq!(claims["aud"], client.client_id, "{what}");
                assert_eq!(claims["at_hash"], at_hash(&access), "{what}");
                assert_eq!(claims["sid"], part(&access, 1)["sid"], "{what}");
                if more.contains(&"nonce") {
                    assert_eq!(claims["nonce"], nonce, "{what}");
                }
                if more.contains(&"name") {
                    assert_eq!(claims["name"], "ada of the test", "{what}");
                }
                if !by_scope.is_empty() {
                    assert_eq!(claims["email"], "ada@example.com", "{what}");
                }
            }
        }
    }
}

/// Verifies an ID token as a client does that has fetched the keys, and returns its claims.
async fn verified(server: &TestServer, token: &str, alg: &str, client_id: &str) -> Value {
    let keys = server.get("/.well-known/jwks.json").await.assert_status(200).text;
    let keys: JwkSet = serde_json::from_str(&keys).unwrap();
    let kid = text(&part(token, 0), "kid");
    let key = keys.find(&kid).unwrap_or_else(|| panic!("no key {kid}"));
    let alg: Algorithm = alg.parse().unwrap();
    let mut validation = Validation::new(alg);
    validation.validate_exp = false;
    validation.set_audience(&[client_id]);
    validation.set_issuer(&[ISSUER]);
    decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
        .unwrap_or_else(|error| panic!("{alg:?}: {error}"))
        .claims
}
