//! The state of a database, for operators.

use std::time::{Duration, Instant};

use crate::{DatabaseKind, Db, Sql, StoreError, query};

/// The state of a database that responds.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The version that it reports.
    pub version: String,
    /// The median duration of several consecutive reads.
    pub round_trip: Duration,
    /// Its clock, in milliseconds since the epoch; `None` for SQLite, which has no clock.
    pub now: Option<i64>,
    /// PostgreSQL's current and maximum number of connections.
    pub connections: Option<(i64, i64)>,
}

impl Db {
    /// Examines the database without changing it.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn examine(&self) -> Result<Examination, StoreError> {
        let version = query(&VERSION).one(self).await?;
        let mut trips = Vec::with_capacity(TRIPS);
        for _ in 0..TRIPS {
            let began = Instant::now();
            query(&NOW).one::<i64>(self).await?;
            trips.push(began.elapsed());
        }
        trips.sort_unstable();
        let is_server = self.kind() == DatabaseKind::Postgres;
        Ok(Examination {
            version,
            round_trip: trips[TRIPS / 2],
            now: if is_server {
                Some(query(&NOW).one(self).await?)
            } else {
                None
            },
            connections: if is_server {
                Some((query(&OPEN).one(self).await?, query(&MOST).one(self).await?))
            } else {
                None
            },
        })
    }
}

const TRIPS: usize = 11;

pub(crate) static STATEMENTS: [&Sql; 4] = [&VERSION, &NOW, &OPEN, &MOST];

static VERSION: Sql = Sql::new(
    "SELECT sqlite_version()",
    "SELECT current_setting('server_version')",
    file!(),
);
static NOW: Sql = Sql::new(
    "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    file!(),
);
static OPEN: Sql = Sql::new("SELECT 0", "SELECT COUNT(*) FROM pg_stat_activity", file!());
static MOST: Sql = Sql::new(
    "SELECT 0",
    "SELECT CAST(current_setting('max_connections') AS BIGINT)",
    file!(),
);
