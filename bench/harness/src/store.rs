//! The same rotations and reads as [`crate::ceilings::Database`], with our own store.

use std::error::Error;
use std::time::{Duration, Instant};

use clap::Args;
use countersign_store::{DatabaseOptions, Db, Migration, Role, StoreError, query, sql};
use serde_json::{Value, json};

use crate::ceilings::{USER_AGENT, hash};
use crate::cpu::cpu_seconds;

/// Where, for how long, and with how many tasks.
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
    name: "sessions",
    sql: "CREATE TABLE bench_sessions (id BIGINT PRIMARY KEY, refresh_hash BYTEA NOT NULL, previous_hash BYTEA NOT NULL, \
          rotated_at BIGINT NOT NULL, user_agent TEXT NOT NULL)",
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
            .map(|number| tokio::spawn(work(db.clone(), i64::from(number), end)))
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

async fn rotate(db: Db, row: i64, end: Instant) -> Result<u32, StoreError> {
    let insert = sql!("INSERT INTO bench_sessions VALUES ($1, $2, $2, 0, $3)");
    let agent = USER_AGENT.to_owned();
    query(insert).bind(row).bind(hash(0)).bind(agent).execute(&db).await?;
    let (mut turn, mut done) = (0_i64, 0);
    while Instant::now() < end {
        let rotate = sql!(
            "UPDATE bench_sessions SET refresh_hash = $1, previous_hash = $2, rotated_at = $3
              WHERE id = $4 AND refresh_hash = $2"
        );
        let rotation = query(rotate).bind(hash(turn + 1)).bind(hash(turn)).bind(turn).bind(row);
        rotation.execute(&db).await?;
        (turn, done) = (turn + 1, done + 1);
    }
    Ok(done)
}

async fn read(db: Db, row: i64, end: Instant) -> Result<u32, StoreError> {
    let mut done = 0;
    while Instant::now() < end {
        for _ in 0..100 {
            let find = sql!("SELECT rotated_at FROM bench_sessions WHERE id = $1");
            query(find).bind(row).optional::<i64>(&db).await?;
            done += 1;
        }
        tokio::task::yield_now().await;
    }
    Ok(done)
}
