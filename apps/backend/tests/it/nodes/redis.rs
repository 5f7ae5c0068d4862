//! Two nodes and a Redis that is up, down, silent, empty, and up again.

use countersign_testkit::{Database, ScratchDatabase};

use super::servers::Redis;
use super::{Node, log, token};

const LIMITED: [(&str, &str); 3] = [
    ("COUNTERSIGN_LIMITS__ENABLED", "true"),
    ("COUNTERSIGN_LIMITS__LOGIN_PER_ACCOUNT", "10/15m"),
    ("COUNTERSIGN_LIMITS__LOGIN_PER_ADDRESS", "10000/1m"),
];

async fn two_nodes(scratch: &ScratchDatabase, redis: &Redis) -> [Node; 2] {
    two_nodes_with(scratch, redis, &[]).await
}

async fn two_nodes_with(
    scratch: &ScratchDatabase,
    redis: &Redis,
    settings: &[(&'static str, &'static str)],
) -> [Node; 2] {
    let url = redis.url();
    let mut environment = [&LIMITED, settings].concat();
    environment.push(("COUNTERSIGN_REDIS_URL", &url));
    [
        Node::start(scratch, &environment).await,
        Node::start(scratch, &environment).await,
    ]
}

/// Wrong passwords, alternating between the nodes: returns how many are answered before both protect the account.
async fn guesses(nodes: &[Node; 2], name: &str) -> usize {
    let (mut taken, mut refused) = (0, [false; 2]);
    while refused != [true; 2] {
        for (node, refused) in nodes.iter().zip(&mut refused) {
            match node.guess(name).await {
                401 => taken += 1,
                429 => *refused = true,
                other => panic!("{other}"),
            }
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn f_20_attempts_refused_under_overload_do_not_count_on_any_node() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let redis = Redis::start(scratch.folder());
    let crowded = [
        ("COUNTERSIGN_HASHING__WORKERS", "1"),
        ("COUNTERSIGN_HASHING__QUEUE", "1"),
    ];
    let nodes = two_nodes_with(&scratch, &redis, &crowded).await;
    nodes[0].register("ada").await;
    let at_once = futures_util::future::join_all((0..10).map(|_| nodes[0].guess("ada"))).await;
    let judged = at_once.iter().filter(|status| **status == 401).count();
    let refused = at_once.iter().filter(|status| **status == 503).count();
    assert!(refused > 0 && judged + refused == 10, "{at_once:?}");
    assert_eq!(judged + guesses(&nodes, "ada").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_are_counted_by_all_nodes_together() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let redis = Redis::start(scratch.folder());
    let nodes = two_nodes_with(
        &scratch,
        &redis,
        &[("COUNTERSIGN_LIMITS__SIGN_INS_PER_ACCOUNT", "6/15m")],
    )
    .await;
    nodes[0].register("ada").await;
    for turn in 0..6 {
        nodes[turn % 2].sign_in("ada").await;
    }
    for node in &nodes {
        let body = serde_json::json!({ "email": "ada@example.com", "password": countersign_testkit::PASSWORD });
        node.post("/api/auth/login", &body)
            .await
            .assert_problem(429, "rate_limited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_8_limits_are_shared_through_redis_and_local_without_it() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let mut redis = Redis::start(scratch.folder());
    let nodes = two_nodes(&scratch, &redis).await;
    nodes[0].register("ada").await;
    assert_eq!(guesses(&nodes, "shared").await, 10);
    // Attempts that turned out to be legitimate are refunded on both.
    for turn in 0..24 {
        nodes[turn % 2].sign_in("ada").await;
    }

    // On a busy machine, one of its responses may have been late before.
    let said = |what: &str| log(&scratch).matches(what).count();
    for node in &nodes {
        node.wait_for_metric("countersign_redis_up", 1).await;
    }
    let before = (said("lost the connection to Redis"), said("reconnected to Redis"));
    redis.kill();
    assert_eq!(guesses(&nodes, "alone").await, 20);
    for node in &nodes {
        assert_eq!(
            node.guess("shared").await,
            429,
            "what a node has counted itself it remembers"
        );
        node.sign_in("ada").await;
        node.wait_for_metric("countersign_redis_up", 0).await;
        assert!(node.metric("countersign_redis_errors_total").await > Some(0));
    }
    assert_eq!(
        said("lost the connection to Redis") - before.0,
        2,
        "one line of each node"
    );

    redis.start_again();
    for node in &nodes {
        node.wait_for_metric("countersign_redis_up", 1).await;
    }
    assert_eq!(guesses(&nodes, "shared again").await, 10);
    assert_eq!(said("reconnected to Redis") - before.1, 2, "one line of each node");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_8_a_silent_redis_blocks_no_request() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let redis = Redis::start(scratch.folder());
    let nodes = two_nodes(&scratch, &redis).await;
    nodes[0].register("ada").await;
    redis.signal("STOP");
    for node in &nodes {
        node.sign_in("ada").await;
        node.wait_for_metric("countersign_redis_up", 0).await;
        // Requests do not wait for it any more.
        let before = node.metric("countersign_redis_errors_total").await;
        node.sign_in("ada").await;
        assert_eq!(node.metric("countersign_redis_errors_total").await, before);
    }
    assert_eq!(guesses(&nodes, "alone").await, 20);
    redis.signal("CONT");
    for node in &nodes {
        node.wait_for_metric("countersign_redis_up", 1).await;
    }
    assert_eq!(guesses(&nodes, "shared").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn f_8_redis_wakes_other_nodes_and_its_data_loss_resets_no_revocation() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let mut redis = Redis::start(scratch.folder());
    let [here, there] = two_nodes(&scratch, &redis).await;
    for node in [&here, &there] {
        node.wait_for_metric("countersign_revocation_feed_up", 1).await;
    }
    here.register("ada").await;
    let revoked = here.sign_in("ada").await;
    assert_eq!(there.me(token(&revoked)).await, 200);
    here.log_out(&revoked).await;
    println!(
        "refused by the other node after {:?}",
        there.refuses(token(&revoked)).await
    );

    assert!(
        there.metric("countersign_revocation_hints_total").await > Some(0),
        "no hint was sent"
    );

    redis.flush();
    let later = there.sign_in("ada").await;
    redis.kill();
    for node in [&here, &there] {
        assert_eq!(node.me(token(&revoked)).await, 401);
        node.wait_for_metric("countersign_revocation_feed_up", 0).await;
    }
    // Without it, the database is used.
    there.log_out(&later).await;
    here.refuses(token(&later)).await;

    redis.start_again();
    for node in [&here, &there] {
        node.wait_for_metric("countersign_revocation_feed_up", 1).await;
        assert_eq!(
            (node.me(token(&revoked)).await, node.me(token(&later)).await),
            (401, 401)
        );
    }
}
