//! The SQL statements of the program: both databases accept each, and a sign-in to an application runs few.

use std::fmt;
use std::sync::{Arc, Mutex};

use countersign_store::{Db, Sql, query, row};
use countersign_testkit::{Database, TestServer, apply, on_both_databases, parameter};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

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

/// An account may have thousands of sessions that have ended: each sign-in beyond the limit ends one. A statement about the others
/// must not read those. Only SQLite's plan is the same for every content of the tables.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_searches_sessions_that_have_ended() {
    let server = TestServer::start(Database::Sqlite).await;
    let mut count = 0;
    for statement in countersign_store::statements() {
        let text = statement.sqlite();
        if !text.contains("sessions") || !["SELECT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb)) {
            continue;
        }
        let plan = plan(&server.services.db, statement).await;
        let place = statement.place();
        assert!(
            !plan.contains("sessions_by_account") || !text.contains("revoked_at IS NULL"),
            "{place}: {plan}\n{text}"
        );
        count += usize::from(plan.contains("sessions_not_ended") || plan.contains("sessions_of_clients"));
    }
    assert!(count >= 6, "only {count} statements use the indexes");
}

row! {
    struct Step {
        detail: String,
    }
}

/// Returns how SQLite runs a statement.
async fn plan(db: &Db, statement: &Sql) -> String {
    let text = statement.sqlite();
    let explained = Sql::new(format!("EXPLAIN QUERY PLAN {text}").leak(), "", "a plan");
    let parameters = (1..=20)
        .rev()
        .find(|number| text.contains(&format!("?{number}")))
        .unwrap_or(0);
    let nothing = || None::<String>;
    let asked = (0..parameters).fold(query(Box::leak(Box::new(explained))), |asked, _| asked.bind(nothing()));
    let steps: Vec<Step> = asked.all(db).await.unwrap_or_else(|error| panic!("{error}: {text}"));
    steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("; ")
}

/// Each statement of these requests costs PostgreSQL a round trip. If this fails, look in the list for what is read twice.
#[apply(on_both_databases!)]
async fn a_sign_in_to_an_application_runs_few_statements(database: Database) {
    let server = TestServer::start(database).await;
    server.api("https://api.example.com", &["orders:read"]).await;
    server.user("ada").await;
    // What an application costs that the user has agreed to, beyond a trusted one: its consents, each time.
    for (name, trusted, most) in [("intranet", true, [7, 13]), ("grafana", false, [8, 15])] {
        let client = server.client_with(name, json!({ "trusted": trusted })).await;
        let client = client
            .scope("openid email orders:read")
            .resource("https://api.example.com");
        let mut browser = server.browser();
        // The first sign-in asks the user, and reserves what later ones use.
        client.sign_in_with(&mut browser, "ada").await;
        for prompt in ["", "none"] {
            let url = client.authorization_url(&[("prompt", prompt)]);
            let (answer, of_authorize) = counted(browser.get(&url)).await;
            let code = parameter(answer.header("location"), "code").expect("nothing is asked");
            let (answer, of_token) = counted(client.redeem(&code)).await;
            answer.assert_status(200);
            for (what, statements, most) in [("authorize", of_authorize, most[0]), ("token", of_token, most[1])] {
                let (count, list) = (statements.len(), statements.join("\n"));
                assert!(
                    (5..=most).contains(&count),
                    "{name}, {prompt:?}, {what}: {count}\n{list}"
                );
            }
        }
    }
}

/// Returns the statements that a request runs, without those of the server's background work.
async fn counted<T>(request: impl Future<Output = T>) -> (T, Vec<String>) {
    let statements = Statements::default();
    let answer = request.with_subscriber(statements.clone()).await;
    let run = statements.0.lock().unwrap().clone();
    (answer, run)
}

/// Collects the statements that are run where it is the subscriber.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("countersign_store::")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Text(&self.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Adds the text of a statement to a list.
struct Text<'s>(&'s Mutex<Vec<String>>);

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, text: &str) {
        if field.name() == "statement" {
            let words: Vec<_> = text.split_ascii_whitespace().collect();
            self.0.lock().unwrap().push(words.join(" "));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
