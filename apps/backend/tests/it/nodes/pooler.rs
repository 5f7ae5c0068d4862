//! Nodes without Redis: with LISTEN and NOTIFY, and behind PgBouncer in transaction mode, where neither works.

use std::time::Duration;

use countersign_store::{DatabaseOptions, Db, OpenError, Role, StoreError};
use countersign_testkit::{Database, NEXT_VERSION, ScratchDatabase};
use serde_json::json;

use super::servers::Pooler;
use super::{Node, PATIENCE, log, token};

const FEED: &str = "countersign_revocation_feed_up";
const HINTS: &str = "countersign_revocation_hints_total";

/// The schema in the scratch database's URL.
fn schema(scratch: &ScratchDatabase) -> &str {
    scratch.url.split("search_path%3D").nth(1).unwrap()
}

/// Everything that a client does, alternating between the nodes.
async fn live(here: &Node, there: &Node) {
    here.register("ada").await;
    let mut tokens = there.sign_in("ada").await;
    for node in [here, there, here, there] {
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        tokens = node.post("/api/auth/refresh", &body).await.assert_status(200).json();
        assert_eq!(
            (here.me(token(&tokens)).await, there.me(token(&tokens)).await),
            (200, 200)
        );
    }
    here.log_out(&tokens).await;
    println!(
        "refused by the other node after {:?}",
        there.refuses(token(&tokens)).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_hear_of_each_other_by_postgres_itself() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let (here, there) = (Node::start(&scratch, &[]).await, Node::start(&scratch, &[]).await);
    for node in [&here, &there] {
        node.wait_for_metric(FEED, 1).await;
    }
    live(&here, &there).await;
    assert!(there.metric(HINTS).await > Some(0), "no hint was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_in_transaction_mode_nodes_look_or_listen_around_it() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let pooler = Pooler::start(scratch.folder(), schema(&scratch));
    let mut environment = vec![
        ("COUNTERSIGN_DATABASE_URL", pooler.url.as_str()),
        ("COUNTERSIGN_DATABASE__PREPARED_STATEMENTS", "false"),
    ];
    let here = Node::start(&scratch, &environment).await;
    environment.push(("COUNTERSIGN_DATABASE__LISTEN_URL", &scratch.url));
    let there = Node::start(&scratch, &environment).await;
    there.wait_for_metric(FEED, 1).await;
    live(&here, &there).await;

    let began = std::time::Instant::now();
    while !log(&scratch).contains("notifications do not arrive") {
        assert!(began.elapsed() < PATIENCE, "LISTEN through the pooler went unnoticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(here.metric(FEED).await, Some(0));
}

/// It assigns another session to each transaction, in which another node may have a different statement with the same
/// name. Running that one would do something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_mixes_prepared_statements_up_is_noticed_before_any_is_kept() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let pooler = Pooler::start(scratch.folder(), schema(&scratch));
    let environment = [("COUNTERSIGN_DATABASE_URL", pooler.url.as_str())];
    let (here, there) = (
        Node::start(&scratch, &environment).await,
        Node::start(&scratch, &environment).await,
    );
    live(&here, &there).await;
    let people = [
        "barbara", "edith", "frances", "grace", "jean", "joan", "kathleen", "margaret",
    ];
    let (here, there) = (&here, &there);
    futures_util::future::join_all(people.map(|name| async move {
        here.register(name).await;
        let mut tokens = there.sign_in(name).await;
        for node in [here, there, here, there] {
            let body = json!({ "refresh_token": tokens["refresh_token"] });
            tokens = node.post("/api/auth/refresh", &body).await.assert_status(200).json();
        }
    }))
    .await;
    let log = log(&scratch);
    assert!(
        log.contains("mixes up their prepared statements"),
        "the log does not say so"
    );
    for sign in ["08P01", "22P03", "lost a prepared statement"] {
        assert!(!log.contains(sign), "{sign}: statements were kept all the same");
    }
}

/// If sessions are assigned in turn, as by a busy pooler, two connections that ask one after the other never get the
/// same one.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_lends_its_sessions_in_turn_is_noticed_too() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let pooler = Pooler::start_with(scratch.folder(), schema(&scratch), "server_round_robin = 1\n");
    let options = DatabaseOptions {
        pool_size: Some(4),
        prepared: false,
        ..DatabaseOptions::new(&pooler.url, Role::Admin)
    };
    let db = Db::open(&options).await.unwrap();
    // From now on it has four sessions.
    let together = &tokio::sync::Barrier::new(4);
    let transactions = std::iter::repeat_with(|| {
        db.transact(|_| {
            Box::pin(async move {
                together.wait().await;
                Ok::<_, StoreError>(())
            })
        })
    });
    for outcome in futures_util::future::join_all(transactions.take(4)).await {
        outcome.unwrap();
    }
    let node = Node::start(&scratch, &[("COUNTERSIGN_DATABASE_URL", pooler.url.as_str())]).await;
    node.register("ada").await;
    assert!(
        log(&scratch).contains("mixes up their prepared statements"),
        "the log does not say so"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_wait_for_each_other_behind_a_pooler() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let pooler = Pooler::start(scratch.folder(), schema(&scratch));
    let environment = [
        ("COUNTERSIGN_DATABASE_URL", pooler.url.as_str()),
        ("COUNTERSIGN_DATABASE__PREPARED_STATEMENTS", "false"),
        (NEXT_VERSION, "1"),
    ];
    let nodes = std::iter::repeat_with(|| Node::start(&scratch, &environment)).take(3);
    let nodes = futures_util::future::join_all(nodes).await;
    live(&nodes[0], &nodes[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_comes_with_the_commit_and_not_before() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let db = Db::open(&DatabaseOptions::new(&scratch.url, Role::Server))
        .await
        .unwrap();
    let mut listener = db.listen(None, "countersign_test").await.unwrap();
    let rolled_back = db.transact(|tx| {
        Box::pin(async move {
            tx.notify("countersign_test").await?;
            Err::<(), _>(StoreError::Conflict)
        })
    });
    rolled_back.await.unwrap_err();
    let silence = tokio::time::timeout(Duration::from_millis(200), listener.heard()).await;
    assert!(silence.is_err(), "what was rolled back is heard of");

    let committed = db.transact(|tx| Box::pin(async move { tx.notify("countersign_test").await }));
    committed.await.unwrap();
    tokio::time::timeout(PATIENCE, listener.heard()).await.unwrap().unwrap();

    let pooler = Pooler::start(scratch.folder(), schema(&scratch));
    let deaf = db.listen(Some(&pooler.url), "countersign_test").await;
    assert!(matches!(deaf, Err(OpenError::Deaf)));
}
