//! What browsers and clients are told when the database fails.

use countersign_store::{Sql, query, sql};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};

use super::{Browser, SIGNED_IN};

/// No client learns that the user is signed out, and the browser keeps its cookie.
#[apply(on_both_databases!)]
async fn a_session_that_cannot_be_looked_up_does_not_count_as_signed_out(database: Database) {
    let server = TestServer::start(database).await;
    let app = server.client("app").await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let run = async |statement: &'static Sql| {
        query(statement).execute(&server.services.db).await.unwrap();
    };
    run(sql!("ALTER TABLE browser_sessions RENAME TO elsewhere")).await;
    let silent = app.authorization_url(&[("prompt", "none")]);
    let asked = [
        ("GET", &*silent),
        ("GET", "/oauth2/logout"),
        ("GET", "/signout?return_to=/account"),
        ("POST", "/signout"),
        ("POST", "/signout/application?client_id=app"),
    ];
    for (method, path) in asked {
        let answer = match method {
            "GET" => ada.get(path).await,
            _ => ada.post(path, &[]).await,
        };
        assert_eq!(answer.status, 503, "{method} {path}: {}", answer.header("location"));
        assert_eq!(answer.header("retry-after"), "1", "{method} {path}");
        assert!(ada.cookie(SIGNED_IN).is_some(), "{method} {path}");
    }
    // Not `sql!`, whose statements another test prepares on a database with all tables.
    static BACK: Sql = Sql::new(
        "ALTER TABLE elsewhere RENAME TO browser_sessions",
        "ALTER TABLE elsewhere RENAME TO browser_sessions",
        "",
    );
    run(&BACK).await;
    assert!(ada.is_signed_in().await);
    let answer = ada.get(&silent).await.assert_status(303);
    assert!(!answer.header("location").contains("error=login_required"));
}
