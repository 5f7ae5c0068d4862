//! What users have allowed clients.

use countersign::core::ids::AccountId;
use countersign::features::oauth::clients::NewClient;
use countersign::features::oauth::consents;
use countersign::settings::client_metadata;
use countersign_oauth::Policy;
use countersign_testkit::{Database, Person, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

const ORDERS: &str = "https://api.example.com";
const USERINFO: &str = "http://127.0.0.1:8000/oauth2/userinfo";

async fn register(server: &TestServer, client_id: &str) {
    let metadata = json!({
        "client_name": "Grafana",
        "redirect_uris": ["https://a.example/"],
        "id_token_signed_response_alg": "ES256",
    });
    let Value::Object(object) = metadata else {
        unreachable!()
    };
    let new = NewClient {
        client_id: client_id.to_owned(),
        trusted: false,
        metadata: client_metadata(object, true, &Policy::default()).unwrap(),
    };
    let services = &server.services;
    services.clients.create(&new, services.command_line()).await.unwrap();
}

async fn id_of(person: &Person<'_>) -> AccountId {
    let id = person.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse();
    AccountId(id.unwrap())
}

async fn give(server: &TestServer, account: AccountId, client_id: &str, audience: &str, scopes: &str) {
    let (scopes, now) = (&scopes.parse().unwrap(), server.services.clock.now());
    server
        .services
        .db
        .transact(|tx| Box::pin(async move { consents::give(tx, account, client_id, audience, scopes, now).await }))
        .await
        .unwrap();
}

async fn found(server: &TestServer, account: AccountId, client_id: &str) -> Vec<String> {
    let consents = consents::find(&server.services.db, account, client_id).await.unwrap();
    consents
        .iter()
        .map(|consent| format!("{} {}", consent.audience, consent.scopes))
        .collect()
}

#[apply(on_both_databases!)]
async fn o_59_consents_add_up_are_exported_and_end_with_account_and_client(database: Database) {
    let server = &TestServer::start(database).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let (ada_id, bob_id) = (id_of(&ada).await, id_of(&bob).await);
    for client in ["grafana", "other"] {
        register(server, client).await;
        give(server, ada_id, client, USERINFO, "openid email").await;
    }
    give(server, ada_id, "grafana", USERINFO, "openid profile").await;
    give(server, ada_id, "grafana", ORDERS, "orders:read").await;
    give(server, bob_id, "grafana", ORDERS, "orders:read").await;
    let all = [
        format!("{USERINFO} email openid profile"),
        format!("{ORDERS} orders:read"),
    ];
    assert_eq!(found(server, ada_id, "grafana").await, all);
    assert_eq!(found(server, bob_id, "grafana").await, all[1..]);

    let export = ada.get("/api/auth/me/export").await.json();
    let names = |export: &Value| -> Vec<String> {
        let consents = export["consents"].as_array().unwrap().iter();
        consents
            .map(|consent| format!("{} {}", consent["client_id"], consent["scopes"]))
            .collect()
    };
    assert_eq!(
        names(&export),
        [
            r#""grafana" ["email","openid","profile"]"#,
            r#""grafana" ["orders:read"]"#,
            r#""other" ["email","openid"]"#
        ]
    );
    assert_eq!(
        (&export["consents"][0]["name"], &export["consents"][0]["audience"]),
        (&"Grafana".into(), &USERINFO.into())
    );

    // Withdrawing takes one client's, of one account.
    let authorization = &server.services.authorization;
    let caller = server.services.command_line();
    assert!(authorization.withdraw(ada_id, "grafana", caller).await.unwrap());
    assert!(
        !authorization.withdraw(ada_id, "grafana", caller).await.unwrap(),
        "nothing is left"
    );
    assert!(found(server, ada_id, "grafana").await.is_empty());
    assert_eq!(found(server, ada_id, "other").await.len(), 1);
    assert_eq!(found(server, bob_id, "grafana").await.len(), 1);

    // They survive a client that is disabled, and not one that is deleted.
    server.services.operator.disable_client("grafana").await.unwrap();
    assert_eq!(found(server, bob_id, "grafana").await.len(), 1);
    server.services.operator.delete_client("grafana").await.unwrap();
    assert!(found(server, bob_id, "grafana").await.is_empty());

    ada.delete("/api/auth/me", json!({ "password": countersign_testkit::PASSWORD }))
        .await
        .assert_status(204);
    assert!(
        consents::of_account(&server.services.db, ada_id)
            .await
            .unwrap()
            .is_empty()
    );
    let again = server.user("ada").await;
    assert_eq!(again.get("/api/auth/me/export").await.json()["consents"], json!([]));
}
