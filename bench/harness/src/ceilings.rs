//! What cannot be beaten: the same work without a server around it.

use std::error::Error;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use axum::Router;
use axum::routing::get;
use clap::Args;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::cpu::cpu_seconds;

/// Counts how often something is done in some seconds, and what each costs of the processor.
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

/// Bare axum, for as long as it is let.
pub(crate) async fn serve(port: u16, bytes: usize) -> Result<Value, Box<dyn Error>> {
    let body = "x".repeat(bytes);
    let router = Router::new().route("/", get(move || std::future::ready(body.clone())));
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
        // As the server does, which keeps the memory of each thread.
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
        // As long as an access token's header and claims.
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
    /// A folder on the disk that is measured, or `postgres://…`.
    #[arg(long)]
    at: String,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How many rotations share a sync (SQLite), or run at once (PostgreSQL).
    #[arg(long, default_value_t = 32)]
    together: u32,
}

const TABLE: &str = "CREATE TABLE bench_tokens (hash BIGINT PRIMARY KEY, parent BIGINT, spent_at BIGINT)";
const SPEND: &str = "UPDATE bench_tokens SET spent_at = $1 WHERE hash = $2 AND spent_at IS NULL";
const INSERT: &str = "INSERT INTO bench_tokens (hash, parent) VALUES ($1, $2)";
const READ: &str = "SELECT parent, spent_at FROM bench_tokens WHERE hash = $1";

impl Database {
    pub(crate) async fn run(&self) -> Result<Value, Box<dyn Error>> {
        if self.at.starts_with("postgres") {
            self.postgres().await
        } else {
            self.sqlite()
        }
    }

    /// Transactions in a log that is synced once for so many of them.
    fn sqlite(&self) -> Result<Value, Box<dyn Error>> {
        let path = format!("{}/bench-ceiling.db", self.at);
        let log = format!("{path}-wal");
        for file in [&path, &log, &format!("{path}-shm")] {
            let _ = std::fs::remove_file(file);
        }
        let database = Connection::open(&path)?;
        database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        database.execute_batch(TABLE)?;
        database.execute(INSERT, (0_i64, 0_i64))?;
        let synced = std::fs::File::open(&log)?;
        let mut newest = 0_i64;
        let commits = count(self.seconds, || {
            for _ in 0..self.together {
                let (mut spend, mut insert) = (database.prepare_cached(SPEND)?, database.prepare_cached(INSERT)?);
                database.execute_batch("BEGIN IMMEDIATE")?;
                spend.execute((1_i64, newest))?;
                insert.execute((newest + 1, newest))?;
                database.execute_batch("COMMIT")?;
                newest += 1;
            }
            synced.sync_data()?;
            Ok(u64::from(self.together))
        })?;
        let mut place = 0_i64;
        let reads = count(self.seconds / 2.0, || {
            let mut read = database.prepare_cached(READ)?;
            for _ in 0..100 {
                place = (place + 7_919) % newest;
                read.query_row((place,), |row| row.get::<_, i64>(0))?;
            }
            Ok(100)
        })?;
        Ok(json!({ "commit": commits, "read": reads }))
    }

    /// One rotation after the other, on so many connections.
    async fn postgres(&self) -> Result<Value, Box<dyn Error>> {
        let (client, driving) = tokio_postgres::connect(&self.at, tokio_postgres::NoTls).await?;
        tokio::spawn(driving);
        client.batch_execute("DROP TABLE IF EXISTS bench_tokens").await?;
        client.batch_execute(TABLE).await?;
        let end = Instant::now() + Duration::from_secs_f64(self.seconds);
        let rotations: Vec<_> = (0..self.together)
            .map(|number| tokio::spawn(rotate(self.at.clone(), i64::from(number) << 32, end)))
            .collect();
        let mut done = 0;
        for rotation in rotations {
            done += rotation.await?.map_err(|error| error.to_string())?;
        }
        let total = json!(done).as_f64().unwrap_or_default();
        client.batch_execute("DROP TABLE bench_tokens").await?;
        Ok(json!({ "commit": { "done": done, "per_second": total / self.seconds } }))
    }
}

async fn rotate(url: String, first: i64, end: Instant) -> Result<u64, tokio_postgres::Error> {
    let (mut client, driving) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(driving);
    let (spend, insert) = (client.prepare(SPEND).await?, client.prepare(INSERT).await?);
    client.execute(&insert, &[&first, &first]).await?;
    let (mut newest, mut done) = (first, 0);
    while Instant::now() < end {
        let rotation = client.transaction().await?;
        rotation.execute(&spend, &[&1_i64, &newest]).await?;
        rotation.execute(&insert, &[&(newest + 1), &newest]).await?;
        rotation.commit().await?;
        (newest, done) = (newest + 1, done + 1);
    }
    Ok(done)
}
