//! Migrations: forward only, each in a transaction of its own, under a lock, and never changed once applied.

use crate::checksums::checksum;
use crate::db::Engine;
use crate::postgres::{Postgres, SchemaLock};
use crate::sqlite::Sqlite;
use crate::{Db, Shortfall, Sql, StoreError, query, row};

/// A step of the schema. Its script runs unchanged on both databases.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in the order, from 1.
    pub version: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// Any number of statements, without placeholders and without BEGIN or COMMIT.
    pub sql: &'static str,
}

/// The migrations that were applied, in order. Empty when the schema was current.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied(pub Vec<i64>);

/// How the schema stands to the migrations that a program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// All are applied.
    Current,
    /// None is applied: there is no schema.
    Absent,
    /// So many are not applied, but others are.
    Behind(usize),
    /// This one is applied and unknown: a newer program has been here.
    Newer(i64),
}

/// Why the schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The schema is newer than the program.
    #[error(
        "the database schema has migration {0}, which this version does not know; use the version that applied it, or a newer one"
    )]
    Newer(i64),
    /// An applied migration has since been edited.
    #[error("migration {version} ({name}) was changed after it was applied; add a new migration instead")]
    Changed {
        /// Its version.
        version: i64,
        /// Its name.
        name: &'static str,
    },
    /// The list is not in ascending order.
    #[error("migration {0} is out of order in the program's list")]
    Disordered(i64),
    /// A migration's script failed, and was rolled back.
    #[error("migration {version} ({name}) failed: {source}")]
    Failed {
        /// Its version.
        version: i64,
        /// Its name.
        name: &'static str,
        /// What the database said.
        source: StoreError,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

row! {
    struct Record { version: i64, checksum: String }
}

impl Db {
    /// Applies what is missing, and writes `now` (milliseconds since the epoch) beside it. Of several processes that
    /// try at once, one does it and the others find it done.
    ///
    /// # Errors
    /// See [`MigrateError`]. What was applied before the failing migration stays.
    pub async fn migrate(&self, migrations: &[Migration], now: i64) -> Result<Applied, MigrateError> {
        in_order(migrations)?;
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => self.migrate_file(sqlite, migrations, now).await,
            Engine::Postgres(postgres) => self.migrate_server(postgres, migrations, now).await,
        }
    }

    /// How the schema stands, without touching it.
    ///
    /// # Errors
    /// [`MigrateError::Changed`], [`MigrateError::Disordered`], or what the database says.
    pub async fn pending(&self, migrations: &[Migration]) -> Result<Schema, MigrateError> {
        in_order(migrations)?;
        let records = match self.records().await {
            // There is no table of them before the first migration.
            Err(_) if !self.has_records().await? => Vec::new(),
            records => records?,
        };
        match self.missing(migrations, &records) {
            Ok([]) => Ok(Schema::Current),
            Ok(_) if records.is_empty() => Ok(Schema::Absent),
            Ok(missing) => Ok(Schema::Behind(missing.len())),
            Err(MigrateError::Newer(version)) => Ok(Schema::Newer(version)),
            Err(why) => Err(why),
        }
    }

    /// Whether the database answers and takes what a server has to write. A standby does not, nor does a server or a role
    /// that is set to be read-only, a file system that is full or mounted read-only, or an SQLite file whose last sync
    /// failed. It must have been migrated.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or what the database says.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.check_writable().await,
            Engine::Postgres(postgres) => postgres.check_writable(WRITE_NOTHING).await,
        }
    }

    /// What the role of this connection must be allowed to do with the tables of these migrations, and is not; nothing
    /// on SQLite, which knows no roles. One statement.
    ///
    /// # Errors
    /// As any statement.
    pub async fn shortfalls(&self, migrations: &[Migration]) -> Result<Vec<Shortfall>, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(_) => Ok(Vec::new()),
            Engine::Postgres(postgres) => postgres.shortfalls(&tables(migrations)).await,
        }
    }

    /// On SQLite the write lock of the file is the lock: the record's key refuses the second of two processes, which
    /// then looks again and goes on.
    async fn migrate_file(&self, sqlite: &Sqlite, migrations: &[Migration], now: i64) -> Result<Applied, MigrateError> {
        if !self.has_records().await? {
            query(&CREATE).execute(self).await?;
        }
        let mut applied = Applied(Vec::new());
        while let Some(next) = self.missing(migrations, &self.records().await?)?.first() {
            match sqlite.script(next.sql, &record(next, now)).await {
                Ok(()) => applied.0.push(next.version),
                Err(_)
                    if self
                        .records()
                        .await?
                        .iter()
                        .any(|record| record.version == next.version) => {}
                Err(source) => return Err(failed(next, source)),
            }
        }
        Ok(applied)
    }

    /// On PostgreSQL an advisory lock of the schema is the lock. Each migration takes it anew, and looks again.
    async fn migrate_server(
        &self,
        postgres: &Postgres,
        migrations: &[Migration],
        now: i64,
    ) -> Result<Applied, MigrateError> {
        let mut connection = postgres.own_connection().await?;
        let mut applied = Applied(Vec::new());
        loop {
            let schema = postgres.lock_schema(&mut connection).await?;
            // A role that may not make tables can go on with those that are there.
            if schema.fetch::<i64>(&query(&FIND)).await?.is_empty() {
                schema.execute(&query(&CREATE)).await?;
            }
            let records = schema.fetch(&query(&READ)).await?;
            let Some(next) = self.missing(migrations, &records)?.first() else {
                schema.commit().await?;
                return Ok(applied);
            };
            apply(schema, next, now).await.map_err(|source| failed(next, source))?;
            applied.0.push(next.version);
        }
    }

    /// In place on SQLite: there are few.
    async fn records(&self) -> Result<Vec<Record>, StoreError> {
        query(&READ).few(self).await
    }

    async fn has_records(&self) -> Result<bool, StoreError> {
        Ok(query(&FIND).optional::<i64>(self).await?.is_some())
    }

    /// What of the list is not applied yet. All that is must be known, and unchanged.
    fn missing<'m>(&self, migrations: &'m [Migration], records: &[Record]) -> Result<&'m [Migration], MigrateError> {
        for record in records {
            let known = migrations.iter().find(|migration| migration.version == record.version);
            let known = known.ok_or(MigrateError::Newer(record.version))?;
            if !self.inner.checksums.is(known.sql, &record.checksum) {
                return Err(MigrateError::Changed {
                    version: known.version,
                    name: known.name,
                });
            }
        }
        let newest = records.last().map_or(i64::MIN, |record| record.version);
        let from = migrations.partition_point(|migration| migration.version <= newest);
        match migrations[..from]
            .iter()
            .find(|known| records.iter().all(|record| record.version != known.version))
        {
            Some(skipped) => Err(MigrateError::Disordered(skipped.version)),
            None => Ok(&migrations[from..]),
        }
    }
}

/// The statements of this crate itself.
pub(crate) static STATEMENTS: [&Sql; 4] = [&CREATE, &FIND, &READ, &RECORD];

static CREATE: Sql = own("CREATE TABLE IF NOT EXISTS schema_migrations (
         version BIGINT PRIMARY KEY,
         name TEXT NOT NULL,
         checksum TEXT NOT NULL,
         applied_at BIGINT NOT NULL
     )");

/// The catalogue is the one table that the two databases do not share.
static FIND: Sql = Sql::new(
    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
    "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_migrations'",
    file!(),
);

static READ: Sql = own("SELECT version, checksum FROM schema_migrations ORDER BY version");

static RECORD: Sql = Sql::new(
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
    file!(),
);

/// It asks for the rights and the server that a write needs, and changes no row.
const WRITE_NOTHING: &str = "UPDATE schema_migrations SET name = name WHERE version IS NULL";

const fn own(text: &'static str) -> Sql {
    Sql::new(text, text, file!())
}

/// The tables that migrations make, and the record of them. They are ours, so a line with `CREATE TABLE` names one.
fn tables<'m>(migrations: &[Migration]) -> Vec<&'m str> {
    let named = migrations
        .iter()
        .flat_map(|migration| migration.sql.lines())
        .filter_map(|line| line.trim_start().strip_prefix("CREATE TABLE "));
    let names = named.filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next());
    names.chain(["schema_migrations"]).collect()
}

async fn apply(schema: SchemaLock<'_>, migration: &Migration, now: i64) -> Result<(), StoreError> {
    schema.script(migration.sql).await?;
    schema.execute(&record(migration, now)).await?;
    schema.commit().await
}

fn in_order(migrations: &[Migration]) -> Result<(), MigrateError> {
    match migrations.windows(2).find(|pair| pair[0].version >= pair[1].version) {
        Some(pair) => Err(MigrateError::Disordered(pair[1].version)),
        None => Ok(()),
    }
}

fn record(migration: &Migration, now: i64) -> crate::Query {
    query(&RECORD)
        .bind(migration.version)
        .bind(migration.name)
        .bind(checksum(migration.sql))
        .bind(now)
}

fn failed(migration: &Migration, source: StoreError) -> MigrateError {
    MigrateError::Failed {
        version: migration.version,
        name: migration.name,
        source,
    }
}
