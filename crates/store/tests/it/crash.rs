//! `kill -9` during writes: nothing that was acknowledged is lost.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign_store::{Db, StoreError, query, row, sql};

use crate::place::{both, open, opened};

both!(what_was_acknowledged_survives_kills);

/// The writer to be killed: this test binary, running only this "test".
const CHILD: &str = "crash::rotates_until_it_is_killed";
const URL: &str = "COUNTERSIGN_STORE_CRASH_URL";
const KILLS: usize = 6;
const CHAINS: i64 = 8;

async fn what_was_acknowledged_survives_kills(url: String) {
    opened(&url).await.close().await.unwrap();
    // The newest token of each chain; ids of a chain are equal modulo CHAINS.
    let mut newest: Vec<i64> = vec![0; usize::try_from(CHAINS).unwrap()];
    for kill in 0..KILLS {
        for acknowledged in kill_after(&url, Duration::from_millis(60 + 70 * kill as u64)) {
            let chain = usize::try_from(acknowledged % CHAINS).unwrap();
            newest[chain] = newest[chain].max(acknowledged);
        }
        check(&url, &newest).await;
    }
    assert!(newest.iter().all(|token| *token > 0), "every chain moved: {newest:?}");
}

/// Starts the child, kills it after the given time, and returns what it acknowledged.
fn kill_after(url: &str, worked: Duration) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--ignored", "--nocapture", "--test-threads=1"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut started = None;
    for line in &mut lines {
        let Ok(line) = line else { break };
        acknowledged.extend(line.strip_prefix("done ").and_then(|token| token.parse::<i64>().ok()));
        if started.get_or_insert_with(std::time::Instant::now).elapsed() > worked && acknowledged.len() > 20 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acknowledged
}

row! {
    struct Sum { tokens: i64, parents: i64, unspent: i64 }
}

async fn check(url: &str, newest: &[i64]) {
    let db = open(url).await;
    for token in newest.iter().copied().filter(|token| *token > 0) {
        let found: Option<i64> = query(sql!("SELECT id FROM tokens WHERE id = $1"))
            .bind(token)
            .optional(&db)
            .await
            .unwrap();
        assert_eq!(found, Some(token), "acknowledged, and lost");
    }
    let sum = sql!(
        "SELECT count(*) AS tokens, count(DISTINCT parent) AS parents,
                (SELECT count(*) FROM tokens a JOIN tokens b ON b.parent = a.id WHERE a.spent_by IS NULL) AS unspent
         FROM tokens WHERE parent IS NOT NULL"
    );
    let sum: Sum = query(sum).one(&db).await.unwrap();
    assert_eq!(sum.tokens, sum.parents, "no token has two successors");
    assert_eq!(sum.unspent, 0, "a token with a successor is spent");
    db.close().await.unwrap();
}

#[ignore = "started, and killed, by the test above"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotates_until_it_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let db = open(&url).await;
    let chains: Vec<_> = (0..CHAINS)
        .map(|chain| tokio::spawn(rotate_for_ever(db.clone(), chain)))
        .collect();
    for chain in chains {
        chain.await.unwrap();
    }
}

async fn rotate_for_ever(db: Db, chain: i64) {
    let newest = sql!("SELECT max(id) FROM tokens WHERE id % $1 = $2");
    let newest: Option<i64> = query(newest).bind(CHAINS).bind(chain).one(&db).await.unwrap();
    let mut token = newest.unwrap_or(chain);
    let first = sql!("INSERT INTO tokens (id) VALUES ($1) ON CONFLICT (id) DO NOTHING");
    query(first).bind(token).execute(&db).await.unwrap();
    loop {
        token = rotate(&db, token).await.unwrap();
        println!("done {token}");
    }
}

async fn rotate(db: &Db, token: i64) -> Result<i64, StoreError> {
    db.transact(|tx| {
        Box::pin(async move {
            let next = token + CHAINS;
            let spend = sql!("UPDATE tokens SET spent_by = $1 WHERE id = $2 AND spent_by IS NULL RETURNING id");
            query(spend).bind(next).bind(token).one::<i64>(&mut *tx).await?;
            let insert = sql!("INSERT INTO tokens (id, parent) VALUES ($1, $2)");
            query(insert).bind(next).bind(token).execute(tx).await?;
            Ok(next)
        })
    })
    .await
}
