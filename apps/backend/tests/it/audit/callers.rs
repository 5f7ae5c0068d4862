//! The caller's identity comes only from the front end.

use std::net::IpAddr;

use countersign::core::caller::{Actor, Caller};
use countersign::core::ids::AccountId;
use countersign::core::request_info::RequestInfo;
use countersign::features::operations::audit::{Event, EventKind, Filter, record_alone};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{everything, pause};

async fn id_of(server: &TestServer, name: &str) -> AccountId {
    let me = server.user(name).await.get("/api/auth/me").await.json();
    serde_json::from_value(me["id"].clone()).unwrap()
}

fn request(address: Option<IpAddr>) -> RequestInfo {
    RequestInfo {
        address,
        ..RequestInfo::local("a-request")
    }
}

#[apply(on_both_databases!)]
async fn the_actor_does_not_depend_on_the_ip_address(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, bob) = (id_of(&server, "ada").await, id_of(&server, "bob").await);
    for address in [None, Some(IpAddr::from([192, 0, 2, 7]))] {
        for (actor, expected) in [
            (Actor::Anyone, "anyone"),
            (Actor::Account(ada), "account"),
            (Actor::Account(bob), "administrator"),
            (Actor::Operator(Some("edith".into())), "operator:edith"),
            (Actor::Operator(None), "operator"),
            (Actor::Server, "server"),
        ] {
            pause(&server);
            let caller = Caller {
                actor,
                request: request(address),
            };
            let event = Event::new(EventKind::AccountDisabled, ada, &caller);
            record_alone(&server.services.db, &server.services.clock, event)
                .await
                .unwrap();
            let about_ada = Filter {
                account: Some(ada),
                limit: 1,
                ..everything()
            };
            let entry = server.services.audit.list(&about_ada).await.unwrap().remove(0);
            assert_eq!(
                (&*entry.actor, entry.address),
                (expected, address.map(|ip| ip.to_string()))
            );
        }
    }
}

/// The holder of a session's refresh token counts as its owner, with or without an access token.
#[apply(on_both_databases!)]
async fn a_sign_out_by_refresh_token_is_recorded_for_its_account(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let body = json!({ "refresh_token": ada.refresh_token });
    server.post("/api/auth/logout", body).await.assert_status(204);
    let ended = Filter {
        kind: Some(EventKind::SessionRevoked),
        ..everything()
    };
    let entries = server.services.audit.list(&ended).await.unwrap();
    let actors: Vec<_> = entries.iter().map(|entry| &*entry.actor).collect();
    assert_eq!(actors, ["account"]);
}

#[apply(on_both_databases!)]
async fn an_administrator_finds_what_they_did_in_their_own_log(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, bob) = (id_of(&server, "ada").await, id_of(&server, "bob").await);
    let of_bob = Filter {
        account: Some(bob),
        ..everything()
    };
    let before = server.services.audit.list(&of_bob).await.unwrap().len();
    pause(&server);
    for (actor, subject) in [(bob, ada), (bob, bob), (ada, ada)] {
        let caller = Caller::account(actor, request(None));
        let event = Event::new(EventKind::SessionsRevoked, subject, &caller);
        record_alone(&server.services.db, &server.services.clock, event)
            .await
            .unwrap();
    }
    let mut told: Vec<_> = server.services.audit.list(&of_bob).await.unwrap();
    assert_eq!(told.len(), before + 2);
    told.truncate(2);
    told.sort_by(|one, other| one.kind.cmp(&other.kind));
    let told: Vec<_> = told
        .iter()
        .map(|entry| (&*entry.kind, &*entry.actor, entry.detail.as_deref(), &*entry.request_id))
        .collect();
    assert_eq!(
        told,
        [
            ("administrator.acted", "account", Some("sessions.revoked"), "a-request"),
            ("sessions.revoked", "account", None, "a-request"),
        ]
    );
}

/// An administrator's entry is about their action, and remains when the other account is erased.
#[apply(on_both_databases!)]
async fn an_administrator_s_own_log_names_no_session_of_another(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, bob) = (id_of(&server, "ada").await, id_of(&server, "bob").await);
    pause(&server);
    let session = server.services.sessions.list(ada).await.unwrap().remove(0).id;
    let caller = Caller::account(bob, request(None));
    let event = Event::new(EventKind::SessionRevoked, ada, &caller).session(session);
    record_alone(&server.services.db, &server.services.clock, event)
        .await
        .unwrap();
    let newest = |account| Filter {
        account: Some(account),
        limit: 1,
        ..everything()
    };
    let of_ada = server.services.audit.list(&newest(ada)).await.unwrap().remove(0);
    assert_eq!(of_ada.session_id, Some(session));
    let of_bob = server.services.audit.list(&newest(bob)).await.unwrap().remove(0);
    assert_eq!((&*of_bob.kind, of_bob.session_id), ("administrator.acted", None));
}
