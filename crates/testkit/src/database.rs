//! A separate database for each test, removed when the test ends.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio_postgres::NoTls;

/// Which of the two databases a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// The embedded one.
    Sqlite,
    /// A new schema on the server of `COUNTERSIGN_TEST_POSTGRES_URL`.
    Postgres,
}

/// A database for one test. It is removed when this value is dropped.
pub struct ScratchDatabase {
    /// The URL for the server.
    pub url: String,
    folder: TempDir,
    schema: Option<String>,
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
                    schema: None,
                }
            }
            Database::Postgres => {
                let server = postgres_url();
                let schema = format!(
                    "test_{}",
                    uuid::Uuid::from_bytes(countersign::core::random::SecureRandom.bytes()).simple()
                );
                run(&server, &format!("CREATE SCHEMA {schema}")).await;
                let separator = if server.contains('?') { '&' } else { '?' };
                let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
                Self {
                    url,
                    folder,
                    schema: Some(schema),
                }
            }
        }
    }

    /// Runs statements on the PostgreSQL server of this database, as its administrator and without a timeout.
    pub async fn administer(&self, statements: &str) {
        run(&postgres_url(), statements).await;
    }

    /// Returns a folder of this test.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        let Some(schema) = self.schema.take() else { return };
        // Drop is not async, and the test's runtime may be shutting down, so a separate thread does it.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(run(&postgres_url(), &format!("DROP SCHEMA {schema} CASCADE")));
        });
        let _ = dropping.join();
    }
}

/// Returns the URL of the server that `scripts/test` starts.
#[expect(
    clippy::disallowed_methods,
    reason = "the test's environment says where its PostgreSQL is"
)]
fn postgres_url() -> String {
    std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").expect(
        "COUNTERSIGN_TEST_POSTGRES_URL is not set; run the tests with `scripts/test`, which starts a PostgreSQL server",
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tested server creates no schemas, databases or roles"
)]
async fn run(url: &str, statements: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the test's PostgreSQL answers");
    let driving = tokio::spawn(connection);
    client.batch_execute(statements).await.expect("the statements run");
    drop(client);
    let _ = driving.await;
}
