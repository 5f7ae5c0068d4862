//! Revocation.

use countersign_store::{Sql, query, sql};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};

use super::{machine, machine_token, nightly};

#[apply(on_both_databases!)]
async fn o_46_r_50_r_51_r_52_r_53_clients_revoke_their_own_tokens_alone(database: Database) {
    let server = TestServer::start(database).await;
    let (client, other) = (nightly(&server).await, machine(&server, "other").await);
    let page = server.public_client("page").await;
    let token = machine_token(&client).await;
    let is_active = async |token: &str| client.introspect(token).await["active"] == true;
    // Unknown tokens and those of others get the same response, and nothing changes.
    for asking in [&client, &other, &page] {
        for nothing in [
            "x",
            "a.b.c",
            &format!("csg_{}", "A".repeat(86)),
            &format!("csr_{}", "A".repeat(86)),
        ] {
            let answer = asking.revoke(nothing).await.assert_status(200);
            assert_eq!(answer.text, "");
        }
    }
    for asking in [&other, &page] {
        asking.revoke(&token).await.assert_status(200);
    }
    assert!(is_active(&token).await);
    for body in [
        format!("token={token}"),
        format!("token={token}&client_id=nightly&client_secret=wrong"),
    ] {
        let answer = server.post_form("/oauth2/revoke", &body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{}", answer.text);
    }
    let mut wrong = client.clone();
    wrong.secret = Some("csc_wrong".into());
    wrong.revoke(&token).await.assert_oauth_error(401, "invalid_client");
    client
        .post("/oauth2/revoke", &[])
        .await
        .assert_oauth_error(400, "invalid_request");
    assert!(is_active(&token).await);
    // A hint is a hint.
    for hint in ["refresh_token", "access_token", "something"] {
        let token = machine_token(&client).await;
        client
            .post("/oauth2/revoke", &[("token", &token), ("token_type_hint", hint)])
            .await
            .assert_status(200);
        assert!(!is_active(&token).await, "{hint}");
        client.revoke(&token).await.assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn o_46_a_revocation_that_failed_is_not_acknowledged(database: Database) {
    let server = TestServer::start(database).await;
    let client = nightly(&server).await;
    let token = machine_token(&client).await;
    query(sql!("ALTER TABLE revocations RENAME TO lost_revocations"))
        .execute(&server.services.db)
        .await
        .unwrap();
    let answer = client.revoke(&token).await;
    assert!(answer.status.is_server_error(), "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    // Not `sql!`, whose statements another test prepares on a database with all tables.
    static BACK: Sql = Sql::new(
        "ALTER TABLE lost_revocations RENAME TO revocations",
        "ALTER TABLE lost_revocations RENAME TO revocations",
        "",
    );
    query(&BACK).execute(&server.services.db).await.unwrap();
    assert_eq!(client.introspect(&token).await["active"], true);
    client.revoke(&token).await.assert_status(200);
    assert_eq!(client.introspect(&token).await["active"], false);
}
