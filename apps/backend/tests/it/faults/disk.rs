//! A full disk, simulated by a limit on the size of files, which needs no privileges and no separate file system.

use std::process::Command;

use countersign_testkit::{Database, Launch, PASSWORD, ScratchDatabase};
use serde_json::json;

use super::{BINARY, RECOVERY, get, me, sign_up, until};

/// Space for the database and for the beginning of its log, in the 512-byte units of `ulimit`.
const ROOM: u32 = 2_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f12_a_full_disk_stops_only_writes_and_loses_nothing() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let mut launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_TOKENS__REFRESH_REPLAY_WINDOW", "5m");
    let limited = format!("trap '' XFSZ; ulimit -S -f {ROOM}; exec \"$0\" \"$@\"");
    launch.command = ["sh", "-c", &limited, BINARY].map(str::to_owned).to_vec();
    let server = launch.start().await;
    let client = server.client();
    let mut ada = sign_up(&client, "ada").await;

    let mut refreshed = 0;
    let refused = loop {
        let spent = json!({ "refresh_token": ada["refresh_token"] });
        let answer = client.post("/api/auth/refresh", &spent).await.unwrap();
        if answer.status != 200 {
            break answer;
        }
        ada = answer.json();
        refreshed += 1;
        assert!(refreshed < 5_000, "the disk is never full");
    };
    let refused = refused.assert_problem(503, "unavailable");
    assert!(!refused.header("retry-after").is_empty());
    assert!(refreshed > 5, "full after {refreshed} refreshes, so it proves little");
    // Reads continue to work repeatedly.
    for _ in 0..20 {
        me(&client, &ada).await.assert_status(200);
        let spent = json!({ "refresh_token": ada["refresh_token"] });
        client
            .post("/api/auth/refresh", &spent)
            .await
            .unwrap()
            .assert_status(503);
    }
    get(&client, "/.well-known/jwks.json").await.assert_status(200);
    get(&client, "/healthz").await.assert_status(200);
    // A load balancer is told for as long as it lasts.
    let ready = get(&client, "/readyz").await.assert_problem(503, "unavailable");
    assert!(!ready.header("retry-after").is_empty());
    let eve = json!({ "email": "eve@example.com", "password": PASSWORD });
    client
        .post("/api/auth/register", &eve)
        .await
        .unwrap()
        .assert_status(503);

    // The operator frees space.
    let id = server.id().to_string();
    let freed = Command::new("prlimit")
        .args(["--pid", &id, "--fsize=unlimited"])
        .status();
    assert!(freed.unwrap().success());
    let spent = json!({ "refresh_token": ada["refresh_token"] });
    until(RECOVERY, async || {
        client.post("/api/auth/refresh", &spent).await.unwrap().status == 200
    })
    .await;
    get(&client, "/readyz").await.assert_status(200);
    // No partial account remains.
    client
        .post("/api/auth/register", &eve)
        .await
        .unwrap()
        .assert_status(201);
    server.kill();
    // The files on disk are intact and contain everything that was acknowledged.
    let server = Launch::new(BINARY, &scratch).start().await;
    let client = server.client();
    me(&client, &ada).await.assert_status(200);
    client.post("/api/auth/login", &eve).await.unwrap().assert_status(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f12_an_unwritable_log_does_not_stop_requests() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let mut launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_LOG__LEVEL", "trace");
    launch.command = ["sh", "-c", "exec \"$0\" \"$@\" 2>/dev/full", BINARY]
        .map(str::to_owned)
        .to_vec();
    let server = launch.start().await;
    let ada = sign_up(&server.client(), "ada").await;
    me(&server.client(), &ada).await.assert_status(200);
    assert!(server.terminate().success());
    assert_eq!(launch.log(), "", "the log went elsewhere, so it proves nothing");
}
