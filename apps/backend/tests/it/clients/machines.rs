//! The bit of the tokens that a client gets for itself.

use std::time::Duration;

use countersign::core::caller::Caller;
use countersign::features::oauth::clients::{self, Client, NewClient};
use countersign::features::sign_in::revocation::Bit;
use countersign::settings::client_metadata;
use countersign_oauth::Policy;
use countersign_store::{query, sql};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

use crate::held::Held;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn register(server: &TestServer, client_id: &str) -> Client {
    let Value::Object(object) =
        json!({ "grant_types": ["client_credentials"], "scope": "orders:read", "apis": ["https://api.example.com"] })
    else {
        unreachable!()
    };
    let new = NewClient {
        client_id: client_id.to_owned(),
        trusted: false,
        metadata: client_metadata(object, true, &Policy::default()).unwrap(),
    };
    let services = &server.services;
    services
        .clients
        .create(&new, services.command_line())
        .await
        .unwrap()
        .client
}

async fn found(server: &TestServer, client_id: &str) -> Client {
    clients::find(&server.services.db, client_id).await.unwrap().unwrap()
}

async fn bit_of(server: &TestServer, client_id: &str) -> Bit {
    let client = found(server, client_id).await;
    server.services.clients.machine_bit(&client).await.unwrap().unwrap()
}

async fn is_live(server: &TestServer, bit: Bit) -> bool {
    let revocations = &server.services.revocations;
    revocations.is_live(&revocations.reference(bit)).await.unwrap()
}

#[apply(on_both_databases!)]
async fn a_client_has_one_bit_until_its_tokens_are_revoked(database: Database) {
    let server = &TestServer::start(database).await;
    let services = &server.services;
    let caller = services.command_line();
    let (stale, _) = (register(server, "job").await, register(server, "other").await);
    let (first, other) = (bit_of(server, "job").await, bit_of(server, "other").await);
    assert!(first != other && is_live(server, first).await && is_live(server, other).await);
    assert_eq!(bit_of(server, "job").await, first, "all its tokens share it");
    // Two first tokens at once: the client is read before it has a bit.
    assert_eq!(services.clients.machine_bit(&stale).await.unwrap(), Some(first));

    services.clients.revoke_machine_tokens("job", caller).await.unwrap();
    assert!(!is_live(server, first).await && is_live(server, other).await);
    let second = bit_of(server, "job").await;
    assert!(second != first && is_live(server, second).await);
    // A client without tokens has none to revoke.
    services.clients.revoke_machine_tokens("unknown", caller).await.unwrap();

    services.operator.disable_client("job").await.unwrap();
    assert!(!is_live(server, second).await);
    services.clients.set_disabled("job", false, caller).await.unwrap();
    assert!(!is_live(server, second).await, "enabling it brings no token back");
    let third = bit_of(server, "job").await;
    assert!(third != second && is_live(server, third).await);
    services.operator.delete_client("job").await.unwrap();
    assert!(!is_live(server, third).await);
    // It was read before it was deleted.
    assert_eq!(services.clients.machine_bit(&stale).await.unwrap(), None);
}

/// The client gets its first token after it was found to be missing in the settings file, and before it is disabled.
#[apply(on_both_databases!)]
async fn a_client_that_left_the_settings_file_keeps_no_token(database: Database) {
    let server = &TestServer::start(database).await;
    let services = &server.services;
    register(server, "job").await;
    // As if the settings file had declared it before.
    query(sql!("UPDATE clients SET origin = 'file' WHERE client_id = 'job'"))
        .execute(&services.db)
        .await
        .unwrap();
    let held = Held::at("clients::gone");
    let clients = services.clients.clone();
    let applying = tokio::spawn(async move { clients.apply(&Caller::server()).await.unwrap() });
    held.reached().await;
    let bit = bit_of(server, "job").await;
    held.release();
    let differences = applying.await.unwrap();
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(found(server, "job").await.disabled_at.is_some());
    assert!(!is_live(server, bit).await);
}

/// The bit of a client outlives any session: its list is kept as long as tokens name it.
#[apply(on_both_databases!)]
async fn the_list_of_a_bit_is_kept_for_years(database: Database) {
    let server = &TestServer::start(database).await;
    register(server, "job").await;
    let bit = bit_of(server, "job").await;
    for _ in 0..400 {
        server.services.clock.advance(DAY);
        assert_eq!(bit_of(server, "job").await, bit);
    }
    // The newest list is kept in any case.
    query(sql!(
        "INSERT INTO status_lists (number, entries, reserved, permutation_key, version, needed_until, reach)
         VALUES ($1, 8, 8, $2, 0, 0, 'session')"
    ))
    .bind(bit.list + 1)
    .bind(vec![0_u8; 32])
    .execute(&server.services.db)
    .await
    .unwrap();
    server.services.revocations.sweep().await.unwrap();
    assert!(is_live(server, bit).await);
}

#[apply(on_both_databases!)]
async fn after_a_restore_a_client_gets_another_bit(database: Database) {
    let server = &TestServer::start(database).await;
    let services = &server.services;
    register(server, "job").await;
    let bit = bit_of(server, "job").await;
    let now = services.clock.now();
    let event = countersign::features::operations::audit::Event::new(
        countersign::features::operations::audit::EventKind::AllSessionsRevoked,
        None,
        services.command_line(),
    );
    countersign::features::sign_in::sessions::end_everything(&services.db, now, event)
        .await
        .unwrap();
    services.revocations.refresh().await.unwrap();
    assert!(!is_live(server, bit).await);
    let next = bit_of(server, "job").await;
    assert!(next != bit && is_live(server, next).await);
}
