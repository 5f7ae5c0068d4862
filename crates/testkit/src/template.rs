//! Copies of a PostgreSQL database that has been migrated once. Copying its files takes half of the processor time that the
//! migrations take.

#[expect(clippy::disallowed_types, reason = "a build looks for its own template only")]
use std::hash::DefaultHasher;
use std::hash::{Hash, Hasher};

use countersign::core::clock::Timestamp;
use countersign::migrations;
use countersign_store::{DatabaseOptions, Db, Role};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::postgres::{connected, new_name, run, url_of};

/// Creates this database as a copy of the template. The first test of all makes the template, which remains on the server.
pub(crate) async fn copy(server: &str, database: &str, migrated_at: Timestamp) {
    let template = name();
    if let Err(error) = try_copy(server, database, &template).await {
        assert_eq!(error.code(), Some(&SqlState::INVALID_CATALOG_NAME), "{error}");
        make(server, &template, migrated_at).await;
        let copied = try_copy(server, database, &template).await;
        copied.expect("the template exists now");
    }
}

/// Returns the statement that removes a copy, even if a connection is still open.
pub(crate) fn removal(database: &str) -> String {
    format!("DROP DATABASE {database} WITH (FORCE)")
}

async fn try_copy(server: &str, database: &str, template: &str) -> Result<(), Error> {
    let copy = async |client: &Client| {
        let strategy = match copies_files(client).await? {
            true => " STRATEGY = file_copy",
            false => "",
        };
        let create = format!("CREATE DATABASE {database} TEMPLATE {template}{strategy}");
        client.batch_execute(&create).await
    };
    connected(server, copy).await
}

/// Returns whether to copy the files, which costs less than writing all pages to the write-ahead log if files are not synced.
/// PostgreSQL 15 introduced the choice.
async fn copies_files(client: &Client) -> Result<bool, Error> {
    let asked = "SELECT current_setting('server_version_num')::int >= 150000 AND current_setting('fsync') = 'off'";
    client.query_one(asked, &[]).await?.try_get(0)
}

/// Makes the template, under another name at first, so that no test copies an unfinished one. If several tests do so at once,
/// the fastest wins.
async fn make(server: &str, template: &str, now: Timestamp) {
    let unfinished = new_name();
    run(server, &format!("CREATE DATABASE {unfinished}")).await;
    let options = DatabaseOptions::new(url_of(server, &unfinished), Role::Admin);
    let db = Db::open(&options).await.expect("the new database can be opened");
    let migrated = db.migrate(migrations::ALL, now.millis()).await;
    migrated.expect("the migrations can be applied");
    db.close().await.expect("the new database can be closed");
    let rename = format!("ALTER DATABASE {unfinished} RENAME TO {template}");
    let renamed = connected(server, async |client: &Client| client.batch_execute(&rename).await).await;
    if let Err(error) = renamed {
        // The second one of two that rename at the same moment violates the index of the names.
        let is_there = [&SqlState::DUPLICATE_DATABASE, &SqlState::UNIQUE_VIOLATION];
        assert!(error.code().is_some_and(|code| is_there.contains(&code)), "{error}");
        run(server, &removal(&unfinished)).await;
    }
}

/// Returns the name of the template for the migrations of this build.
#[expect(clippy::disallowed_types, reason = "a build looks for its own template only")]
fn name() -> String {
    let mut hasher = DefaultHasher::new();
    for migration in migrations::ALL {
        (migration.version, migration.sql).hash(&mut hasher);
    }
    format!("countersign_template_{:016x}", hasher.finish())
}
