//! Both databases accept every SQL statement of the program.

use countersign_testkit::{Database, TestServer, apply, on_both_databases};

#[apply(on_both_databases!)]
async fn every_statement_can_be_prepared(database: Database) {
    let server = TestServer::start(database).await;
    let mut count = 0;
    for statement in countersign_store::statements() {
        let prepared = server.services.db.prepare(statement).await;
        prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.place()));
        count += 1;
    }
    assert!(count > 40, "only {count} statements were found");
}
