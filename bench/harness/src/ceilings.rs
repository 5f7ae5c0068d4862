//! Theoretical ceilings: the same work without a server.

use std::error::Error;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use clap::Args;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::cpu::cpu_seconds;

/// Counts iterations within a time and their CPU cost.
fn count(seconds: f64, mut work: impl FnMut() -> Result<u64, Box<dyn Error>>) -> Result<Value, Box<dyn Error>> {
    let (begin, before) = (Instant::now(), cpu_seconds(std::process::id())?);
    let mut done = 0;
    while begin.elapsed() < Duration::from_secs_f64(seconds) {
        done += work()?;
    }
    let cpu = cpu_seconds(std::process::id())? - before;
    let total = json!(done).as_f64().unwrap_or_default();
    Ok(json!({
        "done": done,
        "per_second": total / begin.elapsed().as_secs_f64(),
        "per_cpu_second": total / cpu,
    }))
}

/// Runs bare axum until it is stopped.
pub(crate) async fn serve(port: u16, bytes: usize) -> Result<Value, Box<dyn Error>> {
    let (read, posted) = ("x".repeat(bytes), "x".repeat(bytes));
    let routes = get(move || std::future::ready(read.clone()));
    // The body of the request is read completely.
    let routes = routes.post(move |_: Bytes| std::future::ready(posted.clone()));
    let router = Router::new().route("/", routes);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router).await?;
    Ok(Value::Null)
}

#[derive(Args)]
pub(crate) struct Argon2 {
    #[arg(long, default_value_t = 19_456)]
    memory_kib: u32,
    #[arg(long, default_value_t = 2)]
    iterations: u32,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

impl Argon2 {
    pub(crate) fn run(&self) -> Result<Value, Box<dyn Error>> {
        let params = Params::new(self.memory_kib, self.iterations, 1, Some(32)).map_err(|error| error.to_string())?;
        // Like the server, which keeps each thread's memory.
        let mut memory = vec![Block::default(); params.block_count()];
        let argon2 = argon2::Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut tag = [0; 32];
        count(self.seconds, || {
            argon2
                .hash_password_into_with_memory(b"an umbrella for tests", b"sixteen bytes...", &mut tag, &mut memory)
                .map_err(|error| error.to_string())?;
            Ok(1)
        })
    }
}

#[derive(Args)]
pub(crate) struct Es256 {
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

impl Es256 {
    pub(crate) fn run(&self) -> Result<Value, Box<dyn Error>> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let random = SystemRandom::new();
        // The length of an access token's header and claims.
        let message = [b'x'; 560];
        let signature = key.sign(&random, &message)?;
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref().to_vec());
        let sign = count(self.seconds, || {
            key.sign(&random, &message).map(|_| 1).map_err(Into::into)
        })?;
        let verify = count(self.seconds, || {
            public
                .verify(&message, signature.as_ref())
                .map(|()| 1)
                .map_err(Into::into)
        })?;
        Ok(json!({ "sign": sign, "verify": verify }))
    }
}

#[derive(Args)]
pub(crate) struct Database {
    /// A folder on the disk to measure, or `postgres://…`.
    #[arg(long)]
    at: String,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How many rotations share a sync (SQLite), or run concurrently (PostgreSQL).
    #[arg(long, default_value_t = 32)]
    together: u32,
}

const TABLE: &str = "CREATE TABLE bench_sessions (id BIGINT PRIMARY KEY, refresh_hash BYTEA NOT NULL, \
                     previous_hash BYTEA NOT NULL, rotated_at BIGINT NOT NULL, user_agent TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO bench_sessions VALUES ($1, $2, $2, 0, $3)";
const ROTATE: &str = "UPDATE bench_sessions SET refresh_hash = $1, previous_hash = $2, rotated_at = $3 WHERE id = $4 AND refresh_hash = $2";
const READ: &str = "SELECT rotated_at FROM bench_sessions WHERE id = $1";
/// The length of a browser's user agent.
pub(crate) const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0 and some more text";

/// A stand-in for the hash of secret number `turn`.
pub(crate) fn hash(turn: i64) -> Vec<u8> {
    let mut hash = vec![7; 32];
    hash[..8].copy_from_slice(&turn.to_le_bytes());
    hash
}

impl Database {
    pub(crate) async fn run(&self) -> Result<Value, Box<dyn Error>> {
        if self.at.starts_with("postgres") {
            self.postgres().await
        } else {
            self.sqlite()
        }
    }

    /// Rotations of one row each, in a log with one sync per batch.
    fn sqlite(&self) -> Result<Value, Box<dyn Error>> {
        let path = format!("{}/bench-ceiling.db", self.at);
        let log = format!("{path}-wal");
        for file in [&path, &log, &format!("{path}-shm")] {
            let _ = std::fs::remove_file(file);
        }
        let database = Connection::open(&path)?;
        database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        database.execute_batch(TABLE)?;
        let rows = i64::from(self.together);
        for row in 0..rows {
            database.execute(INSERT, (row, hash(0), USER_AGENT))?;
        }
        let synced = std::fs::File::open(&log)?;
        let mut turn = 0_i64;
        let commits = count(self.seconds, || {
            for row in 0..rows {
                let mut rotate = database.prepare_cached(ROTATE)?;
                rotate.execute((hash(turn + 1), hash(turn), turn, row))?;
            }
            turn += 1;
            synced.sync_data()?;
            Ok(u64::from(self.together))
        })?;
        let mut place = 0_i64;
        let reads = count(self.seconds / 2.0, || {
            let mut read = database.prepare_cached(READ)?;
            for _ in 0..100 {
                place = (place + 7_919) % rows;
                read.query_row((place,), |row| row.get::<_, i64>(0))?;
            }
            Ok(100)
        })?;
        Ok(json!({ "commit": commits, "read": reads }))
    }

    /// Consecutive rotations on each of the connections. Counts the CPU time of this client, which does a server's work.
    async fn postgres(&self) -> Result<Value, Box<dyn Error>> {
        let (client, driving) = tokio_postgres::connect(&self.at, tokio_postgres::NoTls).await?;
        tokio::spawn(driving);
        client.batch_execute("DROP TABLE IF EXISTS bench_sessions").await?;
        client.batch_execute(TABLE).await?;
        let before = cpu_seconds(std::process::id())?;
        let end = Instant::now() + Duration::from_secs_f64(self.seconds);
        let rotations: Vec<_> = (0..self.together)
            .map(|number| tokio::spawn(rotate(self.at.clone(), i64::from(number), end)))
            .collect();
        let mut done = 0;
        for rotation in rotations {
            done += rotation.await?.map_err(|error| error.to_string())?;
        }
        let total = json!(done).as_f64().unwrap_or_default();
        let cpu = cpu_seconds(std::process::id())? - before;
        client.batch_execute("DROP TABLE bench_sessions").await?;
        Ok(json!({ "commit": { "done": done, "per_second": total / self.seconds, "per_cpu_second": total / cpu } }))
    }
}

async fn rotate(url: String, row: i64, end: Instant) -> Result<u64, tokio_postgres::Error> {
    let (client, driving) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(driving);
    client.execute(INSERT, &[&row, &hash(0), &USER_AGENT]).await?;
    let rotate = client.prepare(ROTATE).await?;
    let (mut turn, mut done) = (0, 0);
    while Instant::now() < end {
        client
            .execute(&rotate, &[&hash(turn + 1), &hash(turn), &turn, &row])
            .await?;
        (turn, done) = (turn + 1, done + 1);
    }
    Ok(done)
}
