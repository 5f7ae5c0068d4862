//! A database for one test.

use std::env;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign_store::{DatabaseOptions, Db, Role, Sql, query};

/// Runs each named test on both databases, in a module for each.
macro_rules! both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::place::on(crate::place::Place::sqlite(), super::$test).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::place::on(crate::place::Place::postgres().await, super::$test).await;
            })*
        }
    };
}
pub(crate) use both;

/// Where the test's database is.
pub(crate) struct Place {
    pub(crate) url: String,
    kept: Kept,
}

enum Kept {
    Folder(tempfile::TempDir),
    Schema(String),
}

/// Runs the test, and removes its database even if it fails.
pub(crate) async fn on<F, R>(place: Place, test: F)
where
    F: FnOnce(String) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let outcome = tokio::spawn(test(place.url.clone())).await;
    place.remove().await;
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed.into_panic());
    }
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/data/test.db", folder.path().display());
        Self {
            url,
            kept: Kept::Folder(folder),
        }
    }

    pub(crate) async fn postgres() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("store_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let server = server();
        server_runs(&format!("CREATE SCHEMA {name}")).await;
        let sign = if server.contains('?') { '&' } else { '?' };
        Self {
            url: format!("{server}{sign}options=-c%20search_path%3D{name}"),
            kept: Kept::Schema(name),
        }
    }

    async fn remove(self) {
        match self.kept {
            Kept::Folder(folder) => folder.close().unwrap(),
            Kept::Schema(name) => server_runs(&format!("DROP SCHEMA {name} CASCADE")).await,
        }
    }
}

fn server() -> String {
    env::var("COUNTERSIGN_TEST_POSTGRES_URL")
        .expect("set COUNTERSIGN_TEST_POSTGRES_URL to a PostgreSQL whose user may create schemas")
}

async fn server_runs(text: &str) {
    let db = Db::open(&DatabaseOptions {
        pool_size: Some(1),
        prepared: true,
        ..DatabaseOptions::new(server(), Role::Admin)
    })
    .await
    .unwrap();
    run(&db, text).await;
    db.close().await.unwrap();
}

/// Opens it as a server.
pub(crate) async fn open(url: &str) -> Db {
    Db::open(&DatabaseOptions {
        pool_size: Some(12),
        prepared: true,
        ..DatabaseOptions::new(url, Role::Server)
    })
    .await
    .unwrap()
}

/// Opens it as a server, with the tables that the tests use.
pub(crate) async fn opened(url: &str) -> Db {
    let db = open(url).await;
    for table in [
        "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)",
        "CREATE TABLE tokens (id BIGINT PRIMARY KEY, spent_by BIGINT, parent BIGINT)",
        "INSERT INTO counters (id, value) VALUES (1, 0)",
        "INSERT INTO tokens (id) VALUES (1)",
    ] {
        run(&db, table).await;
    }
    db
}

/// Runs a statement created for the test.
pub(crate) async fn run(db: &Db, text: &str) -> u64 {
    query(made(text)).execute(db).await.unwrap()
}

pub(crate) fn made(text: &str) -> &'static Sql {
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    Box::leak(Box::new(Sql::new(text, text, "a test")))
}
