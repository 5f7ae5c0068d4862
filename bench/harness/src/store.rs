//! The same rotations and reads as [`crate::ceilings::Database`], through our own store.

use std::error::Error;
use std::time::{Duration, Instant};

use clap::Args;
use countersign_store::{DatabaseOptions, Db, Migration, Role, StoreError, query, sql};
use serde_json::{Value, json};

use crate::cpu::cpu_seconds;

/// Where, for how long, and how many at once.
#[derive(Args)]
pub(crate) struct Store {
    /// `sqlite://…` or `postgres://…`: an empty database.
    #[arg(long)]
    at: String,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[arg(long, default_value_t = 32)]
    together: u32,
}

const SCHEMA: [Migration; 1] = [Migration {
    version: 1,
    name: "tokens",
    sql: "CREATE TABLE bench_tokens (hash BIGINT PRIMARY KEY, parent BIGINT, spent_at BIGINT)",
}];

impl Store {
    pub(crate) async fn run(&self) -> Result<Value, Box<dyn Error>> {
        let db = Db::open(&DatabaseOptions::new(&self.at, Role::Server)).await?;
        db.migrate(&SCHEMA, 0).await?;
        let commit = self.count(&db, self.seconds, rotate).await?;
        let read = self.count(&db, self.seconds / 2.0, read).await?;
        db.close().await?;
        Ok(json!({ "commit": commit, "read": read }))
    }

    async fn count<F>(&self, db: &Db, seconds: f64, work: fn(Db, i64, Instant) -> F) -> Result<Value, Box<dyn Error>>
    where
        F: Future<Output = Result<u32, StoreError>> + Send + 'static,
    {
        let (begin, before) = (Instant::now(), cpu_seconds(std::process::id())?);
        let end = begin + Duration::from_secs_f64(seconds);
        let tasks: Vec<_> = (0..self.together)
            .map(|number| tokio::spawn(work(db.clone(), i64::from(number) << 32, end)))
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await??;
        }
        let cpu = cpu_seconds(std::process::id())? - before;
        Ok(json!({
            "done": done,
            "per_second": f64::from(done) / begin.elapsed().as_secs_f64(),
            "per_cpu_second": f64::from(done) / cpu,
        }))
    }
}

async fn rotate(db: Db, first: i64, end: Instant) -> Result<u32, StoreError> {
    let insert = sql!("INSERT INTO bench_tokens (hash, parent) VALUES ($1, $2)");
    query(insert).bind(first).bind(first).execute(&db).await?;
    let (mut newest, mut done) = (first, 0);
    while Instant::now() < end {
        let rotation = db.transact(|tx| {
            Box::pin(async move {
                let spend = sql!("UPDATE bench_tokens SET spent_at = $1 WHERE hash = $2 AND spent_at IS NULL");
                query(spend).bind(1_i64).bind(newest).execute(&mut *tx).await?;
                let insert = sql!("INSERT INTO bench_tokens (hash, parent) VALUES ($1, $2)");
                query(insert).bind(newest + 1).bind(newest).execute(tx).await?;
                Ok::<(), StoreError>(())
            })
        });
        rotation.await?;
        (newest, done) = (newest + 1, done + 1);
    }
    Ok(done)
}

async fn read(db: Db, first: i64, end: Instant) -> Result<u32, StoreError> {
    let mut done = 0;
    while Instant::now() < end {
        for _ in 0..100 {
            let find = sql!("SELECT parent FROM bench_tokens WHERE hash = $1");
            query(find)
                .bind(first + i64::from(done % 100))
                .optional::<i64>(&db)
                .await?;
            done += 1;
        }
        tokio::task::yield_now().await;
    }
    Ok(done)
}
