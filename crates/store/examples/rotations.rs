//! Measures durable rotations and reads per second, and the memory use when idle.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]
//!
//! `cargo run --release -p countersign-store --example rotations -- sqlite:///tmp/rotations.db [tasks] [seconds]`.
//! A rotation is three statements in one transaction, answered when it is on disk. The database must be empty.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign_store::{DatabaseOptions, Db, Migration, Role, query, sql};

type Failure = Box<dyn Error + Send + Sync>;

const SCHEMA: Migration = Migration {
    version: 1,
    name: "tokens",
    sql: "CREATE TABLE families (id BIGINT PRIMARY KEY, seen_at BIGINT NOT NULL, revoked_at BIGINT);
          CREATE TABLE tokens (hash BYTEA PRIMARY KEY, family BIGINT NOT NULL REFERENCES families (id), spent_at BIGINT);",
};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .ok_or("the first argument is the URL of an empty database")?;
    let tasks: i64 = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let db = Db::open(&DatabaseOptions::new(url, Role::Server)).await?;
    db.migrate(&[SCHEMA], 0).await?;
    for family in 0..tasks {
        seed(&db, family).await?;
    }
    let idle = resident();
    let rotations = load(&db, tasks, seconds, Work::Rotate).await?;
    let reads = load(&db, tasks, seconds, Work::Read).await?;
    println!("| tasks | durable rotations/s | p50 | p99 | reads by key/s | p50 | p99 | resident idle | after |");
    println!("|---|---|---|---|---|---|---|---|---|");
    println!("| {tasks} | {rotations} | {reads} | {idle} KiB | {} KiB |", resident());
    db.close().await?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Work {
    Rotate,
    Read,
}

async fn load(db: &Db, tasks: i64, seconds: u64, work: Work) -> Result<String, Failure> {
    let done = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let until = start + Duration::from_secs(seconds);
    let running: Vec<_> = (0..tasks)
        .map(|family| {
            let (db, done) = (db.clone(), done.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                let mut serial: u64 = newest(&db, family).await?;
                while Instant::now() < until {
                    let began = Instant::now();
                    match work {
                        Work::Rotate => rotate(&db, family, serial).await?,
                        Work::Read => read(&db, family, serial).await?,
                    }
                    serial += u64::from(matches!(work, Work::Rotate));
                    times.push(began.elapsed());
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in running {
        times.extend(task.await??);
    }
    times.sort_unstable();
    let a_second = done.load(Ordering::Relaxed) / seconds;
    let at = |part: usize| times[times.len() * part / 100].as_micros();
    Ok(format!("{a_second} | {} µs | {} µs", at(50), at(99)))
}

async fn seed(db: &Db, family: i64) -> Result<(), Failure> {
    query(sql!("INSERT INTO families (id, seen_at) VALUES ($1, 0)"))
        .bind(family)
        .execute(db)
        .await?;
    let insert = sql!("INSERT INTO tokens (hash, family) VALUES ($1, $2)");
    query(insert).bind(hash(family, 0)).bind(family).execute(db).await?;
    Ok(())
}

async fn newest(db: &Db, family: i64) -> Result<u64, Failure> {
    let spent = sql!("SELECT count(*) FROM tokens WHERE family = $1 AND spent_at IS NOT NULL");
    Ok(u64::try_from(query(spent).bind(family).one::<i64>(db).await?)?)
}

async fn rotate(db: &Db, family: i64, serial: u64) -> Result<(), Failure> {
    let (old, new) = (hash(family, serial), hash(family, serial + 1));
    let rotated = db.transact(|tx| {
        Box::pin(async move {
            let live = sql!("UPDATE families SET seen_at = $1 WHERE id = $2 AND revoked_at IS NULL");
            query(live).bind(1_i64).bind(family).execute(&mut *tx).await?;
            let spend = sql!("UPDATE tokens SET spent_at = $1 WHERE hash = $2 AND spent_at IS NULL RETURNING family");
            let family: i64 = query(spend).bind(1_i64).bind(old).one(&mut *tx).await?;
            let insert = sql!("INSERT INTO tokens (hash, family) VALUES ($1, $2)");
            query(insert).bind(new).bind(family).execute(tx).await
        })
    });
    rotated
        .await
        .map(drop)
        .map_err(|why: countersign_store::StoreError| why.into())
}

async fn read(db: &Db, family: i64, serial: u64) -> Result<(), Failure> {
    let found = sql!("SELECT family FROM tokens WHERE hash = $1");
    let found: i64 = query(found).bind(hash(family, serial)).one(db).await?;
    if found == family {
        Ok(())
    } else {
        Err("another family's token".into())
    }
}

/// Distributes like a hash (the finalizer of SplitMix64), so that inserts are spread over the index, as in practice.
fn hash(family: i64, serial: u64) -> [u8; 32] {
    let mut state = family.unsigned_abs().wrapping_mul(0x1_0000_0000).wrapping_add(serial);
    let mut bytes = [0; 32];
    for part in bytes.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        part.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes
}

/// Resident memory in KiB; 0 without `/proc`.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}
