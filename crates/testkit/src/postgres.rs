//! The PostgreSQL server of the tests, as its administrator sees it.

use tokio_postgres::{Client, NoTls};

/// Returns the URL of the server that `scripts/test` starts.
#[expect(
    clippy::disallowed_methods,
    reason = "the test's environment says where its PostgreSQL is"
)]
pub(crate) fn url() -> String {
    std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").expect(
        "COUNTERSIGN_TEST_POSTGRES_URL is not set; run the tests with `scripts/test`, which starts a PostgreSQL server",
    )
}

/// Returns the URL of another database of a server.
pub(crate) fn url_of(server: &str, database: &str) -> String {
    let (address, parameters) = match server.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (server, String::new()),
    };
    let (host, _) = address.rsplit_once('/').expect("the URL names a database");
    format!("{host}/{database}{parameters}")
}

/// Returns a name that no other test has.
pub(crate) fn new_name() -> String {
    let id = uuid::Uuid::from_bytes(countersign::core::random::SecureRandom.bytes());
    format!("test_{}", id.simple())
}

/// Runs statements, without a timeout.
pub(crate) async fn run(url: &str, statements: &str) {
    let run = async |client: &Client| client.batch_execute(statements).await.expect("the statements run");
    connected(url, run).await;
}

/// Does `work` on a new connection, and waits until it is closed.
#[expect(
    clippy::disallowed_methods,
    reason = "the tested server creates no schemas, databases or roles"
)]
pub(crate) async fn connected<T>(url: &str, work: impl AsyncFnOnce(&Client) -> T) -> T {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the test's PostgreSQL answers");
    let driving = tokio::spawn(connection);
    let done = work(&client).await;
    drop(client);
    let _ = driving.await;
    done
}
