//! Grants: what the clients of the OpenID provider may do for a user.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign::Services;
use countersign::core::caller::Caller;
use countersign::core::ids::{AccountId, SessionId};
use countersign::core::limits::AddressPrefix;
use countersign::core::request_info::RequestInfo;
use countersign::features::identity::accounts;
use countersign::features::oauth::clients::{ClientError, NewClient};
use countersign::features::oauth::consents;
use countersign::features::sign_in::sessions::{
    self, Acr, GrantToken, LogoutNotice, NewGrant, Redeemer, RefreshError, Session,
};
use countersign_guard::Scopes;
use countersign_jose::Audience;
use countersign_oauth::ClientMetadata;
use countersign_store::{StoreError, query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, Person, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::attacks::routes;
use crate::refresh::rounds;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NEW_PASSWORD: &str = "another umbrella for tests";

/// A grant that was just opened, and its refresh token.
pub struct Opened {
    pub grant: Session,
    pub token: GrantToken,
}

/// What a client was given.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub client: &'a str,
    pub parent: Option<SessionId>,
    pub bound: bool,
}

pub fn bound(client: &str, parent: SessionId) -> Wanted<'_> {
    Wanted {
        client,
        parent: Some(parent),
        bound: true,
    }
}

pub fn unbound(client: &str, parent: SessionId) -> Wanted<'_> {
    Wanted {
        bound: false,
        ..bound(client, parent)
    }
}

/// The request of a browser at this IP address.
fn request_from(address: &str) -> RequestInfo {
    RequestInfo {
        address: Some(address.parse().unwrap()),
        ..RequestInfo::local("test")
    }
}

/// Registers a client, unless there is one with this id.
async fn register(services: &Services, client_id: &str) {
    register_with(services, client_id, &[]).await;
}

/// Registers a client with these additional metadata, unless there is one with this id.
pub async fn register_with(services: &Services, client_id: &str, extra: &[(&str, Value)]) {
    let mut metadata = json!({
        "redirect_uris": ["https://client.example.com/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "id_token_signed_response_alg": "ES256",
    });
    for (name, value) in extra {
        metadata[*name] = value.clone();
    }
    let new = NewClient {
        client_id: client_id.to_owned(),
        trusted: false,
        metadata: ClientMetadata::from_object(metadata.as_object().unwrap().clone()).unwrap(),
    };
    match services.clients.create(&new, services.command_line()).await {
        Ok(_) | Err(ClientError::Exists(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Opens a grant. `None` if its browser session has ended.
pub async fn try_open(services: &Services, account: AccountId, wanted: Wanted<'_>) -> Option<Opened> {
    register(services, wanted.client).await;
    let token = &services.sessions.first_grant_token();
    let bit = services.revocations.allocate().await.unwrap();
    let request = &request_from("203.0.113.66");
    let now = services.clock.now();
    let scopes: &Scopes = &["openid", "email"].map(str::to_owned).into_iter().collect();
    let grant = services
        .revocations
        .transact(|tx| {
            Box::pin(async move {
                let Some(versions) = accounts::may_sign_in(&mut *tx, account).await? else {
                    return Ok::<_, StoreError>(None);
                };
                let new = NewGrant {
                    id: services.sessions.new_grant_id(Some(token)),
                    account,
                    versions,
                    client_id: wanted.client,
                    parent: wanted.parent,
                    bound: wanted.bound,
                    grant_type: "authorization_code",
                    scopes,
                    resources: &["https://api.example.com"],
                    claims: None,
                    auth_time: now,
                    amr: "pwd",
                    request,
                    bit,
                    refresh_token: Some(token),
                    idle_ttl: None,
                    absolute_ttl: None,
                };
                services.sessions.open_grant(tx, &new).await
            })
        })
        .await
        .unwrap()?;
    let token = token.reveal().parse().unwrap();
    Some(Opened { grant, token })
}

pub async fn open(server: &TestServer, account: AccountId, wanted: Wanted<'_>) -> Opened {
    let opened = try_open(&server.services, account, wanted).await;
    opened.expect("the browser session is active")
}

/// Uses a refresh token as a client that rotates.
pub async fn refresh(
    services: &Services,
    token: &GrantToken,
    client: &str,
) -> Result<(Session, Option<GrantToken>), RefreshError> {
    let by = Redeemer {
        client_id: client,
        rotates: true,
        idle_ttl: None,
    };
    let caller = Caller::anyone(request_from("203.0.113.66"));
    services.sessions.rotate_grant(token, &by, &caller).await
}

pub async fn next(server: &TestServer, token: &GrantToken, client: &str) -> GrantToken {
    refresh(&server.services, token, client).await.unwrap().1.unwrap()
}

/// Whether a grant is active. Its row and its bit, which verifiers see, must agree.
async fn lives(services: &Services, grant: &Session) -> bool {
    let now = services.clock.now();
    let by_row = sessions::find_active(&services.db, grant.id, now)
        .await
        .unwrap()
        .is_some();
    let reference = services.revocations.reference(grant.bit());
    let by_bit = services.revocations.is_live(&reference).await.unwrap();
    assert_eq!(by_row, by_bit, "the row and the bit of {} differ", grant.client_id);
    by_row
}

pub async fn ids(server: &TestServer, person: &Person<'_>) -> (AccountId, SessionId) {
    let verified = server.services.guard.verify(&person.access_token).await.unwrap();
    let account = verified.claims().sub.account().unwrap();
    (AccountId(account), SessionId(verified.session().unwrap()))
}

/// Entries of a kind in the audit log about an account.
async fn events(server: &TestServer, account: AccountId, kind: &str) -> i64 {
    query(sql!(
        "SELECT count(*) FROM audit_events WHERE account_id = $1 AND kind = $2"
    ))
    .bind(account)
    .bind(kind)
    .one(&server.services.db)
    .await
    .unwrap()
}

/// O-22, RFC 6749 §4.1.2: what was issued for a code dies with its second use.
#[apply(on_both_databases!)]
async fn o_22_a_grant_that_is_ended_takes_its_tokens_along(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let opened = open(&server, account, bound("grafana", session)).await;
    let other = open(&server, account, bound("grafana", session)).await;
    let (id, now) = (opened.grant.id, server.services.clock.now());
    for expected in [true, false] {
        let ended = server
            .services
            .revocations
            .transact(|tx| Box::pin(async move { sessions::end_grant(tx, id, now).await }))
            .await
            .unwrap();
        assert_eq!(ended, expected);
    }
    assert!(!lives(&server.services, &opened.grant).await);
    let refused = refresh(&server.services, &opened.token, "grafana").await;
    assert!(matches!(refused, Err(RefreshError::Invalid)));
    assert!(
        server
            .services
            .sessions
            .find_grant(&opened.token)
            .await
            .unwrap()
            .is_none()
    );
    // The first party's session, and the client's other grant, go on. A session of the first party is no grant.
    assert!(lives(&server.services, &other.grant).await);
    let ended = server
        .services
        .revocations
        .transact(|tx| Box::pin(async move { sessions::end_grant(tx, session, now).await }))
        .await
        .unwrap();
    assert!(!ended, "a session of the first party is no grant");
    ada.get("/api/auth/me").await.assert_status(200);
}

/// a refresh token is bound to its client. In other hands, current or just spent, it ends its grant.
#[apply(on_both_databases!)]
async fn o_30_another_client_with_a_refresh_token_ends_the_grant(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    for spent_before in [false, true] {
        for other in ["nextcloud", "Grafana", "countersign", ""] {
            let opened = open(&server, account, bound("grafana", session)).await;
            let before = events(&server, account, "refresh.foreign_client").await;
            let successor = match spent_before {
                true => next(&server, &opened.token, "grafana").await,
                false => opened.token.reveal().parse().unwrap(),
            };
            let refused = refresh(&server.services, &opened.token, other).await;
            assert!(matches!(refused, Err(RefreshError::ForeignClient)), "{other}");
            assert!(!lives(&server.services, &opened.grant).await, "{other}");
            let refused = refresh(&server.services, &successor, "grafana").await;
            assert!(matches!(refused, Err(RefreshError::Invalid)), "{other}");
            assert_eq!(events(&server, account, "refresh.foreign_client").await, before + 1);
        }
    }
    ada.get("/api/auth/me").await.assert_status(200);
}

/// Something that is not a token of the grant ends nothing, no matter which client presents it.
#[apply(on_both_databases!)]
async fn o_30_no_one_ends_a_grant_without_the_family_secret(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let (one, two) = (
        open(&server, account, bound("grafana", session)).await,
        open(&server, account, bound("grafana", session)).await,
    );
    let (first, second) = (one.token.reveal(), two.token.reveal());
    // The id of one, and the secrets of the other: 22 digits hold the id, so the 21st ends before a digit that mixes both.
    let forged = format!("{}{}", &first[..4 + 21], &second[4 + 21..]);
    let forged: GrantToken = forged.parse().unwrap();
    for client in ["grafana", "nextcloud"] {
        let refused = refresh(&server.services, &forged, client).await;
        assert!(matches!(refused, Err(RefreshError::Invalid)));
        assert!(server.services.sessions.find_grant(&forged).await.unwrap().is_none());
    }
    assert!(lives(&server.services, &one.grant).await && lives(&server.services, &two.grant).await);
}

/// concurrent requests with one token get one successor.
#[apply(on_both_databases!)]
async fn o_31_fifty_concurrent_refreshes_of_a_grant_have_one_successor(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let opened = open(&server, account, bound("grafana", session)).await;
    let mut token = opened.token;
    for _ in 0..rounds(1) {
        let answers = join_all((0..50).map(|_| refresh(&server.services, &token, "grafana"))).await;
        let successors: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.unwrap().1.unwrap().reveal())
            .collect();
        assert!(successors.windows(2).all(|pair| pair[0] == pair[1]));
        assert_ne!(successors[0], token.reveal());
        token = successors[0].parse().unwrap();
    }
    // A lost answer is repeated within the window, and not after it.
    let successor = next(&server, &token, "grafana").await;
    server.services.clock.advance(Duration::from_secs(29));
    assert_eq!(next(&server, &token, "grafana").await.reveal(), successor.reveal());
    server.services.clock.advance(Duration::from_secs(1));
    let refused = refresh(&server.services, &token, "grafana").await;
    assert!(matches!(refused, Err(RefreshError::Reused)));
    assert!(!lives(&server.services, &opened.grant).await);
    assert_eq!(events(&server, account, "refresh.reused").await, 1);
}

#[tokio::test]
async fn o_31_two_nodes_give_one_successor() {
    let server = TestServer::start(Database::Postgres).await;
    let other = server.another_node().await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let mut token = open(&server, account, bound("grafana", session)).await.token;
    for _ in 0..rounds(3) {
        let nodes = [&server.services, &other];
        let answers = join_all((0..50).map(|number| refresh(nodes[number % 2], &token, "grafana"))).await;
        let successors: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.unwrap().1.unwrap().reveal())
            .collect();
        assert!(successors.windows(2).all(|pair| pair[0] == pair[1]));
        token = successors[0].parse().unwrap();
    }
}

/// A client that does not rotate keeps one token. Each use lets it last longer, up to the end of the grant.
#[apply(on_both_databases!)]
async fn o_31_a_client_that_does_not_rotate_keeps_its_token(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let opened = open(&server, account, unbound("grafana", session)).await;
    let caller = Caller::anyone(request_from("203.0.113.66"));
    let by = Redeemer {
        client_id: "grafana",
        rotates: false,
        idle_ttl: Some(10 * DAY),
    };
    let uses = join_all((0..50).map(|_| server.services.sessions.rotate_grant(&opened.token, &by, &caller))).await;
    for used in uses {
        assert!(used.unwrap().1.is_none(), "there is no successor");
    }
    // The client's own idle time counts, which is shorter than the setting.
    for _ in 0..8 {
        server.services.clock.advance(10 * DAY - Duration::from_secs(1));
        server
            .services
            .sessions
            .rotate_grant(&opened.token, &by, &caller)
            .await
            .unwrap();
    }
    server.services.clock.advance(10 * DAY);
    let idle = server.services.sessions.rotate_grant(&opened.token, &by, &caller).await;
    assert!(matches!(idle, Err(RefreshError::Invalid)));
    // Another client ends it all the same.
    let opened = open(
        &server,
        account,
        Wanted {
            parent: None,
            ..unbound("grafana", session)
        },
    )
    .await;
    let refused = refresh(&server.services, &opened.token, "nextcloud").await;
    assert!(matches!(refused, Err(RefreshError::ForeignClient)));
    assert!(!lives(&server.services, &opened.grant).await);
}

/// the tokens of grants and of the first party are unknown to each other, with either prefix.
#[apply(on_both_databases!)]
async fn o_33_refresh_tokens_are_of_one_kind(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let opened = open(&server, account, bound("grafana", session)).await;
    let of_grant = opened.token.reveal();
    for text in [of_grant.clone(), of_grant.replace("csg_", "csr_")] {
        ada.refresh(&text).await.assert_problem(401, "invalid_refresh_token");
        server
            .post("/api/auth/logout", json!({ "refresh_token": text }))
            .await
            .assert_problem(401, "invalid_refresh_token");
    }
    assert!(ada.refresh_token.parse::<GrantToken>().is_err());
    let renamed: GrantToken = ada.refresh_token.replace("csr_", "csg_").parse().unwrap();
    for client in ["grafana", "countersign"] {
        let refused = refresh(&server.services, &renamed, client).await;
        assert!(matches!(refused, Err(RefreshError::Invalid)));
    }
    assert!(server.services.sessions.find_grant(&renamed).await.unwrap().is_none());
    // Nothing was revoked.
    assert!(lives(&server.services, &opened.grant).await);
    next(&server, &opened.token, "grafana").await;
    ada.refresh(&ada.refresh_token).await.assert_status(200);
}

/// A grant that was made in a browser session ends with it if it is bound, in the same moment.
#[apply(on_both_databases!)]
async fn o_34_signing_out_ends_bound_grants_and_spares_others(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, laptop) = (server.user("ada").await, server.sign_in("ada").await);
    let (account, session) = ids(&server, &ada).await;
    let (_, other) = ids(&server, &laptop).await;
    let ends = open(&server, account, bound("grafana", session)).await;
    let lasts = open(&server, account, unbound("nextcloud", session)).await;
    let elsewhere = open(&server, account, bound("grafana", other)).await;
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);
    assert!(!lives(&server.services, &ends.grant).await);
    let refused = refresh(&server.services, &ends.token, "grafana").await;
    assert!(matches!(refused, Err(RefreshError::Invalid)));
    assert!(lives(&server.services, &lasts.grant).await);
    assert!(lives(&server.services, &elsewhere.grant).await);
    next(&server, &lasts.token, "nextcloud").await;
    // Nothing is opened in a session that has ended, bound or not.
    for wanted in [bound("grafana", session), unbound("grafana", session)] {
        assert!(try_open(&server.services, account, wanted).await.is_none());
    }
    // Nor in a session of someone else, nor in a grant.
    let eve = server.user("eve").await;
    let (eve, _) = ids(&server, &eve).await;
    assert!(try_open(&server.services, eve, bound("grafana", other)).await.is_none());
    let in_grant = bound("grafana", elsewhere.grant.id);
    assert!(try_open(&server.services, account, in_grant).await.is_none());
}

/// Each of these ends every grant of the account; a change of the password keeps the session in which it is made.
#[apply(on_both_databases!)]
async fn o_34_what_ends_all_sessions_ends_all_grants(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    for way in ["password", "logout-all", "revoke", "disable", "delete"] {
        let person = server.user(way).await;
        let (account, session) = ids(&server, &person).await;
        let eve = server.user(&format!("eve{way}")).await;
        let (other, others) = ids(&server, &eve).await;
        let grants = [
            open(&server, account, bound("grafana", session)).await,
            open(&server, account, unbound("nextcloud", session)).await,
            open(
                &server,
                account,
                Wanted {
                    parent: None,
                    ..unbound("tool", session)
                },
            )
            .await,
        ];
        let spared = open(&server, other, bound("grafana", others)).await;
        match way {
            "password" => {
                let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
                person.post("/api/auth/change-password", body).await.assert_status(204);
                person.get("/api/auth/me").await.assert_status(200);
            }
            "logout-all" => {
                person
                    .post("/api/auth/logout-all", Value::Null)
                    .await
                    .assert_status(204);
            }
            "revoke" => {
                services
                    .auth
                    .logout_all(account, services.command_line())
                    .await
                    .unwrap();
            }
            "disable" => {
                services.operator.set_disabled(account, true).await.unwrap();
            }
            _ => {
                let body = json!({ "password": PASSWORD });
                person.delete("/api/auth/me", body).await.assert_status(204);
            }
        }
        for Opened { grant, token } in &grants {
            assert!(!lives(services, grant).await, "{way}: {}", grant.client_id);
            let refused = refresh(services, token, &grant.client_id).await;
            assert!(matches!(refused, Err(RefreshError::Invalid)), "{way}");
        }
        assert!(lives(services, &spared.grant).await, "{way}");
    }
}

/// A user withdraws a client; an operator revokes the grants of a client.
#[apply(on_both_databases!)]
async fn o_34_grants_end_by_user_and_by_client(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let ((ada, at_adas), (eve, at_eves)) = (ids(&server, &ada).await, ids(&server, &eve).await);
    let grants = [
        open(&server, ada, bound("grafana", at_adas)).await,
        open(&server, ada, unbound("grafana", at_adas)).await,
        open(&server, ada, bound("nextcloud", at_adas)).await,
        open(&server, eve, bound("grafana", at_eves)).await,
        open(&server, eve, bound("nextcloud", at_eves)).await,
    ];
    let alive = async || {
        let mut alive = Vec::new();
        for opened in &grants {
            alive.push(lives(services, &opened.grant).await);
        }
        alive
    };
    let caller = services.command_line();
    assert_eq!(
        services
            .authorization
            .revoke_grants(ada, Some("grafana"), caller)
            .await
            .unwrap(),
        2
    );
    assert_eq!(alive().await, [false, false, true, true, true]);
    let ended = services
        .sessions
        .revoke_grants_of_client("nextcloud", LogoutNotice::Omit, caller)
        .await;
    assert_eq!(ended.unwrap(), 2);
    assert_eq!(alive().await, [false, false, false, true, false]);
    let last = grants[3].grant.id;
    for ended in [true, false] {
        let revoked = services.sessions.revoke_grant(last, LogoutNotice::Omit, caller).await;
        assert_eq!(revoked.unwrap(), ended);
    }
    // The first party is no client.
    assert_eq!(
        services
            .authorization
            .revoke_grants(ada, Some("countersign"), caller)
            .await
            .unwrap(),
        0
    );
    let of_first_party = services
        .sessions
        .revoke_grants_of_client("countersign", LogoutNotice::Omit, caller)
        .await;
    assert_eq!(of_first_party.unwrap(), 0);
    assert!(
        !services
            .sessions
            .revoke_grant(at_adas, LogoutNotice::Omit, caller)
            .await
            .unwrap()
    );
    assert_eq!(events(&server, ada, "grant.ended").await, 3);
    assert_eq!(events(&server, eve, "grant.ended").await, 2);
}

/// A disabled client can use none of its grants from the first moment; they end soon afterwards, even if the command is
/// interrupted.
#[apply(on_both_databases!)]
async fn o_34_the_grants_of_a_disabled_client_end(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let (ends, lasts) = (
        open(&server, account, unbound("grafana", session)).await,
        open(&server, account, unbound("nextcloud", session)).await,
    );
    services
        .clients
        .set_disabled("grafana", true, services.command_line())
        .await
        .unwrap();
    let now = services.clock.now();
    assert!(
        sessions::find_active(&services.db, ends.grant.id, now)
            .await
            .unwrap()
            .is_none()
    );
    let refused = refresh(services, &ends.token, "grafana").await;
    assert!(matches!(refused, Err(RefreshError::Invalid)));
    assert!(services.sessions.find_grant(&ends.token).await.unwrap().is_none());
    // Verifiers see only the bit. The sweeper sets it if the command did not.
    let reference = services.revocations.reference(ends.grant.bit());
    assert!(services.revocations.is_live(&reference).await.unwrap());
    assert_eq!(services.sessions.sweep_once().await.unwrap(), 1);
    assert_eq!(services.sessions.sweep_once().await.unwrap(), 0);
    assert!(!services.revocations.is_live(&reference).await.unwrap());
    // Enabling the client brings nothing back.
    services
        .clients
        .set_disabled("grafana", false, services.command_line())
        .await
        .unwrap();
    assert!(!lives(services, &ends.grant).await);
    assert!(lives(services, &lasts.grant).await);
}

/// A grant never outlives the session that it is bound to, and it cannot be opened while that session is being ended.
#[apply(on_both_databases!)]
async fn o_34_no_grant_survives_the_sign_out_that_it_races(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    for _ in 0..rounds(5) {
        let ada = server.sign_in("ada").await;
        let (account, session) = ids(&server, &ada).await;
        let opening = join_all((0..8).map(|_| try_open(&server.services, account, bound("grafana", session))));
        let (opened, ended) = tokio::join!(opening, ada.post("/api/auth/logout", Value::Null));
        ended.assert_status(204);
        for opened in opened.into_iter().flatten() {
            assert!(!lives(&server.services, &opened.grant).await);
            let refused = refresh(&server.services, &opened.token, "grafana").await;
            assert!(matches!(refused, Err(RefreshError::Invalid)));
        }
    }
}

/// Holds the first to reach a failpoint.
pub fn hold(name: &str) -> (Receiver<()>, Sender<()>) {
    let (reached, is_reached) = channel();
    let (release, released) = channel::<()>();
    let gate = Mutex::new(Some((reached, released)));
    fail::cfg_callback(name, move || {
        let first = gate.lock().unwrap().take();
        if let Some((reached, released)) = first {
            reached.send(()).unwrap();
            let _ = released.recv();
        }
    })
    .unwrap();
    (is_reached, release)
}

pub async fn reached(gate: Receiver<()>) {
    let waiting = tokio::task::spawn_blocking(move || gate.recv().unwrap());
    waiting.await.unwrap();
}

/// The same races, held where they are narrowest.
mod o_34_no_grant_survives_a_sign_out_that_is_held {
    use std::sync::Arc;

    use super::*;

    async fn run(database: Database) {
        let server = Arc::new(TestServer::start(database).await);
        server.user("ada").await;
        a_sign_out_is_held(&server).await;
        a_refresh_is_held(&server).await;
    }

    /// The session has ended in the transaction, and its grants have not.
    async fn a_sign_out_is_held(server: &Arc<TestServer>) {
        let ada = server.sign_in("ada").await;
        let (account, session) = ids(server, &ada).await;
        let opened = open(server, account, bound("grafana", session)).await;
        let (gate, release) = hold("end::ended");
        let ending = sign_out(server, session);
        reached(gate).await;
        let opening = {
            let services = server.services.clone();
            tokio::spawn(async move { try_open(&services, account, bound("grafana", session)).await })
        };
        let refreshing = use_token(server, &opened.token);
        tokio::time::sleep(Duration::from_millis(100)).await;
        release.send(()).unwrap();
        fail::remove("end::ended");
        assert!(ending.await.unwrap());
        // Each of them may have come first, because the sign-out is tried again if a grant changed meanwhile. Then what it got
        // is of no use.
        if let Some(opened) = opening.await.unwrap() {
            assert!(!lives(&server.services, &opened.grant).await);
        }
        assert!(!lives(&server.services, &opened.grant).await);
        if let Ok((_, Some(successor))) = refreshing.await.unwrap() {
            let refused = refresh(&server.services, &successor, "grafana").await;
            assert!(matches!(refused, Err(RefreshError::Invalid)));
        }
    }

    /// The token is spent, and the response is not sent.
    async fn a_refresh_is_held(server: &Arc<TestServer>) {
        let ada = server.sign_in("ada").await;
        let (account, session) = ids(server, &ada).await;
        let opened = open(server, account, bound("grafana", session)).await;
        let (gate, release) = hold("rotate::spent");
        let refreshing = use_token(server, &opened.token);
        reached(gate).await;
        assert!(sign_out(server, session).await.unwrap());
        release.send(()).unwrap();
        fail::remove("rotate::spent");
        if let Ok((_, Some(successor))) = refreshing.await.unwrap() {
            let refused = refresh(&server.services, &successor, "grafana").await;
            assert!(matches!(refused, Err(RefreshError::Invalid)));
        }
        assert!(!lives(&server.services, &opened.grant).await);
    }

    fn sign_out(server: &Arc<TestServer>, session: SessionId) -> tokio::task::JoinHandle<bool> {
        let services = server.services.clone();
        tokio::spawn(async move {
            let ended = services.sessions.revoke(session, None, services.command_line());
            ended.await.unwrap()
        })
    }

    fn use_token(
        server: &Arc<TestServer>,
        token: &GrantToken,
    ) -> tokio::task::JoinHandle<Result<(Session, Option<GrantToken>), RefreshError>> {
        let (services, token) = (server.services.clone(), token.reveal().parse::<GrantToken>().unwrap());
        tokio::spawn(async move { refresh(&services, &token, "grafana").await })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite() {
        run(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres() {
        run(Database::Postgres).await;
    }
}

#[apply(on_both_databases!)]
async fn o_34_a_bound_grant_ends_at_the_end_of_its_session(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    server.services.clock.advance(80 * DAY);
    let (ends, lasts) = (
        open(&server, account, bound("grafana", session)).await,
        open(&server, account, unbound("grafana", session)).await,
    );
    server.services.clock.advance(10 * DAY);
    let now = server.services.clock.now();
    let db = &server.services.db;
    assert!(sessions::find_active(db, ends.grant.id, now).await.unwrap().is_none());
    let refused = refresh(&server.services, &ends.token, "grafana").await;
    assert!(matches!(refused, Err(RefreshError::Invalid)));
    next(&server, &lasts.token, "grafana").await;
    // The sweeper removes the session, and not the grant that may outlive it.
    server.services.clock.advance(Duration::from_secs(1));
    while server.services.sessions.sweep_once().await.unwrap() > 0 {}
    let left: Vec<SessionId> = query(sql!("SELECT id FROM sessions")).all(db).await.unwrap();
    assert_eq!(left, [lasts.grant.id]);
    assert!(lives(&server.services, &lasts.grant).await);
}

/// The oldest grant of an account and a client ends when there are too many. Other clients and accounts are not affected.
#[apply(on_both_databases!)]
async fn o_34_the_oldest_grant_goes_when_there_are_too_many(database: Database) {
    let server = TestServer::start_with(database, "[sessions]\ngrants_per_client = 2").await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let ((account, session), (other, others)) = (ids(&server, &ada).await, ids(&server, &eve).await);
    let mut grants = vec![
        open(&server, account, bound("nextcloud", session)).await,
        open(&server, other, bound("grafana", others)).await,
    ];
    for _ in 0..3 {
        server.services.clock.advance(Duration::from_secs(1));
        grants.push(open(&server, account, bound("grafana", session)).await);
    }
    let mut alive = Vec::new();
    for opened in &grants {
        alive.push(lives(&server.services, &opened.grant).await);
    }
    assert_eq!(alive, [true, true, false, true, true]);
    ada.get("/api/auth/me").await.assert_status(200);
}

/// Grants are no sessions of the first party: they count in no limit, no list, and no network.
#[apply(on_both_databases!)]
async fn o_35_grants_are_not_sessions_of_the_first_party(database: Database) {
    let server = TestServer::start_with(database, "[sessions]\nper_account = 2").await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let mut grants = Vec::new();
    for number in 0..5 {
        server.services.clock.advance(Duration::from_secs(1));
        grants.push(open(&server, account, unbound(&format!("client-{number}"), session)).await);
    }
    // The limit on sessions ends none, and they do not use it up.
    let laptop = server.sign_in("ada").await;
    ada.get("/api/auth/me").await.assert_status(200);
    let listed = laptop.get("/api/auth/sessions").await.assert_status(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    for opened in &grants {
        assert!(lives(&server.services, &opened.grant).await);
        let path = format!("/api/auth/sessions/{}", opened.grant.id);
        laptop.delete(&path, Value::Null).await.assert_problem(404, "not_found");
        let revoked = server
            .services
            .sessions
            .revoke(opened.grant.id, None, server.services.command_line())
            .await;
        assert!(!revoked.unwrap(), "a grant is not revoked as a session");
        assert!(lives(&server.services, &opened.grant).await);
    }
    // A client's network is not known as one of the user's.
    let network = |address: &str| AddressPrefix::of(address.parse().unwrap());
    let sessions = &server.services.sessions;
    assert!(
        !sessions
            .signed_in_lately(account, network("203.0.113.66"))
            .await
            .unwrap()
    );
    assert!(
        sessions
            .signed_in_lately(account, network("198.51.100.1"))
            .await
            .unwrap()
    );
    // They have a list of their own.
    let now = server.services.clock.now();
    let listed = sessions::grants_of(&server.services.db, account, now).await.unwrap();
    let clients: Vec<_> = listed.iter().map(|grant| grant.client_id.as_str()).collect();
    assert_eq!(clients, ["client-4", "client-3", "client-2", "client-1", "client-0"]);
    assert_eq!(events(&server, account, "grant.opened").await, 5);
}

/// The user's export lists what clients may do, and deleting the account deletes all of it.
#[apply(on_both_databases!)]
async fn o_59_the_export_has_grants_and_deletion_leaves_none(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let opened = open(&server, account, bound("grafana", session)).await;
    let export = ada.get("/api/auth/me/export").await.assert_status(200).json();
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(
        export["grants"],
        json!([{
            "id": opened.grant.id.to_string(),
            "client_id": "grafana",
            "scopes": ["email", "openid"],
            "resources": ["https://api.example.com"],
            "device": null,
            "address": "203.0.113.66",
            "created_at": "2026-11-22T10:15:00Z",
            "last_used_at": "2026-11-22T10:15:00Z",
            "expires_at": "2027-02-20T10:15:00Z",
        }])
    );
    let body = json!({ "password": PASSWORD });
    ada.delete("/api/auth/me", body).await.assert_status(204);
    let left: i64 = query(sql!("SELECT count(*) FROM sessions"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
    // The bit of the grant outlives it.
    assert!(!lives(&server.services, &opened.grant).await);
}

/// Runs the program on the server's database.
pub fn execute(server: &TestServer, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .env_clear()
        .current_dir(server.folder())
        .env("COUNTERSIGN_DATABASE_URL", server.database_url())
        .env("COUNTERSIGN_KEYS_DIR", "keys")
        .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    let text = match output.status.success() {
        true => output.stdout,
        false => output.stderr,
    };
    (output.status.code(), serde_json::from_slice(&text).unwrap())
}

#[apply(on_both_databases!)]
async fn operators_list_and_revoke_grants(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let ((ada, at_adas), (eve, at_eves)) = (ids(&server, &ada).await, ids(&server, &eve).await);
    let mut grants = Vec::new();
    for (account, wanted) in [
        (ada, bound("grafana", at_adas)),
        (ada, unbound("nextcloud", at_adas)),
        (ada, bound("tool", at_adas)),
        (eve, bound("grafana", at_eves)),
    ] {
        server.services.clock.advance(Duration::from_secs(1));
        grants.push(open(&server, account, wanted).await.grant);
    }
    let db = &server.services.db;
    let now = server.services.clock.now();
    let scopes: &Scopes = &["openid"].map(str::to_owned).into_iter().collect();
    db.transact(|tx| {
        Box::pin(async move {
            for (account, client) in [(ada, "grafana"), (ada, "nextcloud"), (eve, "grafana")] {
                consents::give(tx, account, client, "https://api.example.com", scopes, now).await?;
            }
            Ok::<_, StoreError>(())
        })
    })
    .await
    .unwrap();
    let consented = async |account| {
        let consents = consents::of_account(db, account).await.unwrap();
        consents
            .into_iter()
            .map(|consent| consent.client_id)
            .collect::<Vec<_>>()
    };
    let listed = |arguments: &[&str]| {
        let (code, rows) = execute(&server, &[&["grants", "list"], arguments].concat());
        assert_eq!(code, Some(0), "{rows}");
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let named = |numbers: &[usize]| {
        numbers
            .iter()
            .map(|number| grants[*number].id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), named(&[3, 2, 1, 0]));
    assert_eq!(listed(&["--limit", "1"]), named(&[3]));
    assert_eq!(listed(&["--user", "ada@example.com"]), named(&[2, 1, 0]));
    assert_eq!(listed(&["--client", "grafana"]), named(&[3, 0]));
    assert_eq!(
        listed(&["--client", "grafana", "--user", "ada@example.com"]),
        named(&[0])
    );
    let (_, rows) = execute(&server, &["grants", "list", "--client", "tool"]);
    assert_eq!(rows[0]["account"], ada.to_string());
    assert_eq!(
        (&rows[0]["client"], &rows[0]["scope"], &rows[0]["ends_with_session"]),
        (&json!("tool"), &json!("email openid"), &json!(true))
    );

    let (code, error) = execute(&server, &["sessions", "revoke", &grants[2].id.to_string()]);
    assert_eq!(
        (code, &error["code"]),
        (Some(1), &json!("not_found")),
        "a grant is no session of the user"
    );
    let (code, done) = execute(&server, &["grants", "revoke", &grants[2].id.to_string()]);
    assert_eq!((code, &done["grant"]), (Some(0), &json!(grants[2].id.to_string())));
    let (code, error) = execute(&server, &["grants", "revoke", &grants[2].id.to_string()]);
    assert_eq!((code, &error["code"]), (Some(1), &json!("not_found")));
    let (_, done) = execute(
        &server,
        &["grants", "revoke", "--user", "ada@example.com", "--client", "grafana"],
    );
    assert_eq!(done["grants"], 1);
    assert_eq!(consented(ada).await, ["nextcloud"]);
    assert_eq!(listed(&[]), named(&[3, 1]));
    let (_, done) = execute(&server, &["grants", "revoke", "--client", "grafana"]);
    assert_eq!(done["grants"], 1);
    let (_, done) = execute(&server, &["grants", "revoke", "--user", "ada@example.com"]);
    assert_eq!(done["grants"], 1);
    assert_eq!(listed(&[]), named(&[]));
    assert_eq!(
        (consented(ada).await, consented(eve).await),
        (vec![], vec!["grafana".to_owned()])
    );
    for wrong in [
        &["grants", "revoke"][..],
        &["grants", "revoke", "--client", "a", &grants[0].id.to_string()],
    ] {
        assert_eq!(execute(&server, wrong).0, Some(2), "{wrong:?}");
    }
    server.services.revocations.refresh().await.unwrap();
    for grant in &grants {
        assert!(!lives(&server.services, grant).await);
    }
    assert_eq!(events(&server, ada, "grant.ended").await, 3);
}

/// After a restore, or a compromise, no grant of before is valid, and new ones can be opened.
#[apply(on_both_databases!)]
async fn o_58_ending_everything_ends_grants(database: Database) {
    let server = TestServer::start(database).await;
    let services = &server.services;
    let ada = server.user("ada").await;
    let (account, session) = ids(&server, &ada).await;
    let opened = open(&server, account, unbound("grafana", session)).await;
    let (code, done) = execute(&server, &["sessions", "revoke", "--everyone"]);
    assert_eq!((code, &done["sessions"]), (Some(0), &json!(2)));
    services.revocations.refresh().await.unwrap();
    assert!(!lives(services, &opened.grant).await);
    let refused = refresh(services, &opened.token, "grafana").await;
    assert!(matches!(refused, Err(RefreshError::Invalid)));
    let ada = server.sign_in("ada").await;
    let (_, session) = ids(&server, &ada).await;
    let opened = open(&server, account, unbound("grafana", session)).await;
    assert!(lives(services, &opened.grant).await);
}

/// A browser that holds a cookie of a session.
struct Browser<'s> {
    server: &'s TestServer,
    cookie: String,
}

impl<'s> Browser<'s> {
    async fn sign_in(server: &'s TestServer, name: &str, cookie: &str) -> Self {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "session": "cookie" });
        let answer = post_with_cookie(server, "/api/auth/login", cookie, &body)
            .await
            .assert_status(200);
        let cookies = answer.headers.get_all("set-cookie").iter();
        let cookies: Vec<_> = cookies
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect();
        Self {
            server,
            cookie: cookies.join("; "),
        }
    }

    async fn token(&self) -> Answer {
        post_with_cookie(self.server, "/api/auth/token", &self.cookie, &Value::Null).await
    }

    async fn session(&self) -> SessionId {
        let token = self.token().await.assert_status(200).json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let verified = self.server.services.guard.verify(&token).await.unwrap();
        SessionId(verified.session().unwrap())
    }
}

async fn post_with_cookie(server: &TestServer, path: &str, cookie: &str, body: &Value) -> Answer {
    let mut request = Request::post(path)
        .header("origin", "http://127.0.0.1:8000")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookie)
        .extension(ConnectInfo(SocketAddr::from(([198, 51, 100, 200], 40_000))));
    let body = match body {
        Value::Null => Body::empty(),
        body => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        }
    };
    server.send(request.body(body).unwrap()).await
}

/// Signing in again in the same browser does not sign the user out of applications; another account does.
#[apply(on_both_databases!)]
async fn o_34_bound_grants_follow_the_same_account_to_its_new_session(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, _) = (server.user("ada").await, server.user("eve").await);
    let (account, _) = ids(&server, &ada).await;
    let first = Browser::sign_in(&server, "ada", "").await;
    let before = first.session().await;
    let opened = open(&server, account, bound("grafana", before)).await;
    server.services.clock.advance(DAY);
    let second = Browser::sign_in(&server, "ada", &first.cookie).await;
    let after = second.session().await;
    assert_ne!(before, after);
    first.token().await.assert_status(401);
    assert!(lives(&server.services, &opened.grant).await);
    let token = next(&server, &opened.token, "grafana").await;
    // It is bound to the new session now.
    Browser::sign_in(&server, "eve", &second.cookie).await;
    assert!(!lives(&server.services, &opened.grant).await);
    let refused = refresh(&server.services, &token, "grafana").await;
    assert!(matches!(refused, Err(RefreshError::Invalid)));
}

/// a user who authenticates again keeps the session, and gets a new cookie. The former cookie is void.
#[apply(on_both_databases!)]
async fn o_19_a_renewed_session_stays_the_same_with_a_new_cookie(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let (account, _) = ids(&server, &ada).await;
    let browser = Browser::sign_in(&server, "ada", "").await;
    let session = browser.session().await;
    let opened = open(&server, account, bound("grafana", session)).await;
    server.services.clock.advance(Duration::from_secs(600));
    let now = server.services.clock.now();
    let services = &server.services;
    let (renewed, cookie) = services
        .db
        .transact(|tx| {
            Box::pin(async move {
                let renewed = sessions::renew(tx, session, "pwd otp mfa", now).await?;
                let cookie = services.browsers.renew(tx, session).await?;
                Ok::<_, StoreError>((renewed.unwrap(), cookie))
            })
        })
        .await
        .unwrap();
    assert_eq!(
        (renewed.id, renewed.auth_time, renewed.amr.as_str()),
        (session, now, "pwd otp mfa")
    );
    assert_eq!(sessions::acr(&renewed.amr), Acr::Aal2);
    browser.token().await.assert_status(401);
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = Browser {
        server: &server,
        cookie,
    };
    assert_eq!(again.session().await, session);
    let token = again.token().await.assert_status(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let verified = server.services.guard.verify(&token).await.unwrap();
    assert_eq!(verified.claims().auth_time, Some(now.seconds()));
    // The grants of the session go on, and say when they were made.
    let grant = sessions::find_active(&services.db, opened.grant.id, now)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((grant.auth_time, grant.amr.as_str()), (opened.grant.auth_time, "pwd"));
    // A grant is not renewed, and neither is a session that has ended.
    let renew = async |id| {
        let renewed = services
            .db
            .transact(|tx| Box::pin(async move { sessions::renew(tx, id, "pwd", now).await }));
        renewed.await.unwrap()
    };
    assert!(renew(opened.grant.id).await.is_none());
    services
        .sessions
        .revoke(session, None, services.command_line())
        .await
        .unwrap();
    assert!(renew(session).await.is_none());
    assert!(!lives(services, &opened.grant).await);
}

/// The token of another client opens no route of the account API, even if its audience is the same.
#[apply(on_both_databases!)]
async fn o_36_the_account_api_accepts_tokens_of_the_first_party_only(database: Database) {
    let audience = ["http://127.0.0.1:8000", "https://api.example.com"];
    let server = TestServer::start_with(database, &format!("[tokens]\naudience = {audience:?}")).await;
    let ada = server.user("ada").await;
    let verified = server.services.guard.verify(&ada.access_token).await.unwrap();
    let mut foreign = Vec::new();
    for (client, audience) in [
        ("grafana", audience.as_slice()),
        ("grafana", &audience[..1]),
        ("grafana", &audience[1..]),
        ("Countersign", &audience),
        ("countersign ", &audience),
    ] {
        let mut claims = verified.claims().clone();
        claims.client_id = client.to_owned();
        claims.aud = Audience::from(audience.iter().copied().map(str::to_owned).collect::<Vec<_>>());
        let now = server.services.clock.now();
        foreign.push(server.services.keys.issue(&claims, now).await.unwrap());
    }
    let mut refused = 0;
    for (method, path) in routes(&server).await {
        let filled = path.replace("{id}", &verified.session().unwrap().to_string());
        let send = async |token: Option<&str>| {
            let mut request = Request::builder().method(&method).uri(&filled);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            server.send(request.body(Body::empty()).unwrap()).await
        };
        if !path.starts_with("/api/") || send(None).await.status != 401 {
            continue;
        }
        for token in &foreign {
            let answer = send(Some(token)).await;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text);
            answer.assert_problem(401, "invalid_token");
        }
        refused += 1;
    }
    assert!(refused > 10, "only {refused} routes were tried");
    ada.get("/api/auth/me").await.assert_status(200);
}
