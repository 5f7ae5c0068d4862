//! Migrations: forward only, each in its own transaction, under a lock, and unchanged once applied.

use crate::checksums::checksum;
use crate::db::Engine;
use crate::postgres::{Postgres, SchemaLock};
use crate::sqlite::Sqlite;
use crate::{Db, Shortfall, Sql, StoreError, query, row};

/// A step of the schema. Its script runs unchanged on both databases.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, starting from 1.
    pub version: i64,
    /// A short description.
    pub name: &'static str,
    /// Any number of statements, without placeholders, BEGIN or COMMIT.
    pub sql: &'static str,
}

/// The applied migrations, in order. Empty if the schema was current.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied(pub Vec<i64>);

/// The state of the schema, compared with the migrations of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// All migrations are applied.
    Current,
    /// No migration is applied: there is no schema.
    Absent,
    /// This many migrations are missing, and others are applied.
    Behind(usize),
    /// This migration is applied but unknown: the program is older than the schema.
    Newer(i64),
}

/// Why migrating failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The schema is newer than the program.
    #[error(
        "the database schema has migration {0}, which this version does not know; use the version that applied it, or a newer one"
    )]
    Newer(i64),
    /// An applied migration was edited.
    #[error("migration {version} ({name}) was changed after it was applied; add a new migration instead")]
    Changed {
        /// Its number.
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
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// The error of the database.
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
    /// Applies missing migrations, and records `now` (milliseconds since the epoch) with each. If several processes migrate
    /// at the same time, one does it and the others wait.
    ///
    /// # Errors
    /// See [`MigrateError`]. Migrations before the failing one remain applied.
    pub async fn migrate(&self, migrations: &[Migration], now: i64) -> Result<Applied, MigrateError> {
        in_order(migrations)?;
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => self.migrate_file(sqlite, migrations, now).await,
            Engine::Postgres(postgres) => self.migrate_server(postgres, migrations, now).await,
        }
    }

    /// Returns the state of the schema without changing it.
    ///
    /// # Errors
    /// [`MigrateError::Changed`], [`MigrateError::Disordered`], or an error of the database.
    pub async fn pending(&self, migrations: &[Migration]) -> Result<Schema, MigrateError> {
        in_order(migrations)?;
        let records = match self.records().await {
            // Before the first migration, the table of migrations does not exist.
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

    /// Checks that the database responds and accepts the writes of a server. These do not: a standby, a read-only server or
    /// role, a full or read-only file system, and an SQLite file whose last sync failed. The database must be migrated.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or an error of the database.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.check_writable().await,
            Engine::Postgres(postgres) => postgres.check_writable(WRITE_NOTHING).await,
        }
    }

    /// Returns the privileges on the tables of these migrations that the role of this connection lacks, by one statement.
    /// Nothing on SQLite, which has no roles.
    ///
    /// # Errors
    /// As for any statement.
    pub async fn shortfalls(&self, migrations: &[Migration]) -> Result<Vec<Shortfall>, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(_) => Ok(Vec::new()),
            Engine::Postgres(postgres) => postgres.shortfalls(&tables(migrations)).await,
        }
    }

    /// On SQLite, the file's write lock is enough: the primary key of the record rejects the second of two processes, which
    /// then checks again and continues.
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

    /// On PostgreSQL, an advisory lock of the schema is used. Each migration takes it again and checks again.
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
            // A role that may not create tables can continue if they exist.
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

    /// Runs on the calling thread on SQLite, because there are few migrations.
    async fn records(&self) -> Result<Vec<Record>, StoreError> {
        query(&READ).few(self).await
    }

    async fn has_records(&self) -> Result<bool, StoreError> {
        Ok(query(&FIND).optional::<i64>(self).await?.is_some())
    }

    /// Returns the migrations that are not applied yet. All applied ones must be known and unchanged.
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

/// The statements of this crate.
pub(crate) static STATEMENTS: [&Sql; 4] = [&CREATE, &FIND, &READ, &RECORD];

static CREATE: Sql = own("CREATE TABLE IF NOT EXISTS schema_migrations (
         version BIGINT PRIMARY KEY,
         name TEXT NOT NULL,
         checksum TEXT NOT NULL,
         applied_at BIGINT NOT NULL
     )");

/// The system catalog is the only table that differs between the two databases.
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

/// Needs the same privileges and server state as a write, and changes no row.
const WRITE_NOTHING: &str = "UPDATE schema_migrations SET name = name WHERE version IS NULL";

const fn own(text: &'static str) -> Sql {
    Sql::new(text, text, file!())
}

/// The tables that migrations create, and the table of migrations. Migrations are our own, so a line with `CREATE TABLE`
/// names one.
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
