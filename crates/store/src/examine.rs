//! How a database is, for the one who operates it.

use std::time::{Duration, Instant};

use crate::{Db, Kind, Sql, StoreError, query};

/// What there is to say of a database that answers.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The version that it says it is.
    pub version: String,
    /// The median of some reads, one after the other.
    pub round_trip: Duration,
    /// Its clock, in milliseconds since the epoch; none of SQLite, which has none of its own.
    pub now: Option<i64>,
    /// How many connections PostgreSQL has, and how many it may have.
    pub connections: Option<(i64, i64)>,
}

impl Db {
    /// Looks at the database, and changes nothing in it.
    ///
    /// # Errors
    /// As any statement.
    pub async fn examine(&self) -> Result<Examination, StoreError> {
        let version = query(&VERSION).one(self).await?;
        let mut trips = Vec::with_capacity(TRIPS);
        for _ in 0..TRIPS {
            let began = Instant::now();
            query(&NOW).one::<i64>(self).await?;
            trips.push(began.elapsed());
        }
        trips.sort_unstable();
        let is_server = self.kind() == Kind::Postgres;
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
