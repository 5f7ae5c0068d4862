//! A separate database for each test, removed when the test ends.

use std::path::PathBuf;

use countersign::core::clock::Timestamp;
use tempfile::TempDir;

use crate::{postgres, template};

/// Which of the two databases a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// The embedded one.
    Sqlite,
    /// A new schema or database on the server of `COUNTERSIGN_TEST_POSTGRES_URL`.
    Postgres,
}

/// A database for one test. It is removed when this value is dropped.
pub struct ScratchDatabase {
    /// The URL for the server.
    pub url: String,
    folder: TempDir,
    /// The statement that removes it from the PostgreSQL server.
    removal: Option<String>,
}

impl ScratchDatabase {
    /// Creates an empty database.
    pub async fn create(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        match database {
            Database::Sqlite => {
                let url = format!("sqlite://{}", folder.path().join("test.db").display());
                Self {
                    url,
                    folder,
                    removal: None,
                }
            }
            Database::Postgres => {
                let (server, schema) = (postgres::url(), postgres::new_name());
                postgres::run(&server, &format!("CREATE SCHEMA {schema}")).await;
                let separator = if server.contains('?') { '&' } else { '?' };
                let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
                Self {
                    url,
                    folder,
                    removal: Some(format!("DROP SCHEMA {schema} CASCADE")),
                }
            }
        }
    }

    /// Creates a database that was migrated at this time, where a copy costs less than the migrations: on PostgreSQL. On SQLite,
    /// it is empty.
    pub(crate) async fn migrated(database: Database, at: Timestamp) -> Self {
        if database == Database::Sqlite {
            return Self::create(database).await;
        }
        let (server, name) = (postgres::url(), postgres::new_name());
        template::copy(&server, &name, at).await;
        Self {
            url: postgres::url_of(&server, &name),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            removal: Some(template::removal(&name)),
        }
    }

    /// Runs statements on the PostgreSQL server of this database, as its administrator and without a timeout.
    pub async fn administer(&self, statements: &str) {
        postgres::run(&postgres::url(), statements).await;
    }

    /// Returns a folder of this test.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        let Some(removal) = self.removal.take() else { return };
        // Drop is not async, and the test's runtime may be shutting down, so a separate thread does it.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(postgres::run(&postgres::url(), &removal));
        });
        let _ = dropping.join();
    }
}
