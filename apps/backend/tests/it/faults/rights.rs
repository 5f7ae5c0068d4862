//! A PostgreSQL role that lacks privileges a server needs: readiness reports it, and the doctor names the table, the
//! privilege and the statement that grants it.

use std::process::Command;

use countersign_store::{DatabaseOptions, Db, Role};
use countersign_testkit::{Database, HttpClient, Launch, PASSWORD, ScratchDatabase, ServerProcess};
use serde_json::{Value, json};

use super::writes::{as_role, run};
use super::{BINARY, get, sign_up};

const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// A server whose role owns nothing and was granted what it needs.
struct Lesser {
    scratch: ScratchDatabase,
    owner: Db,
    role: String,
    schema: String,
    server: Option<ServerProcess>,
}

impl Lesser {
    async fn start() -> Self {
        let mut scratch = ScratchDatabase::create(Database::Postgres).await;
        let owner = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
            .await
            .unwrap();
        let migrated = Command::new(BINARY)
            .args(["migrate", "--database-url", &scratch.url])
            .env_clear()
            .current_dir(scratch.folder())
            .output()
            .unwrap();
        assert!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        let schema = scratch.url.rsplit("%3D").next().unwrap().to_owned();
        let role = schema.replace("test_", "lesser_");
        run(
            &owner,
            &format!(
                "CREATE ROLE {role} LOGIN;GRANT USAGE ON SCHEMA {schema} TO {role};\
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
            ),
        )
        .await;
        scratch.url = as_role(&scratch.url, &role);
        let server = Launch::new(BINARY, &scratch).start().await;
        Self {
            scratch,
            owner,
            role,
            schema,
            server: Some(server),
        }
    }

    fn client(&self) -> HttpClient {
        self.server.as_ref().unwrap().client()
    }

    async fn tables(&self) -> Vec<String> {
        let mut tables: Vec<_> = self
            .owner
            .tables()
            .await
            .unwrap()
            .into_iter()
            .map(|table| table.name)
            .collect();
        tables.push("schema_migrations".to_owned());
        tables
    }

    /// The faults of the database that the doctor reports.
    fn doctor(&self) -> Vec<Value> {
        let output = Command::new(BINARY)
            .args(["doctor", "--json"])
            .env_clear()
            .current_dir(self.scratch.folder())
            .env("COUNTERSIGN_DATABASE_URL", &self.scratch.url)
            .env("COUNTERSIGN_KEYS_DIR", "keys")
            .env("COUNTERSIGN_ISSUER", &self.server.as_ref().unwrap().base)
            .output()
            .unwrap();
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert!(!findings.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let broken = |finding: &Value| finding["state"] == "fail" && finding["about"] == "database";
        findings.into_iter().filter(broken).collect()
    }

    /// The owner runs the remedies that the doctor reports.
    async fn obey(&self, finding: &Value) {
        let remedy = finding["remedy"].as_str().unwrap();
        let statement = remedy.split('`').nth(1).unwrap_or_else(|| panic!("{remedy}"));
        run(&self.owner, statement.trim_end_matches(';')).await;
    }

    async fn end(mut self) {
        drop(self.server.take());
        let role = &self.role;
        run(&self.owner, &format!("DROP OWNED BY {role};DROP ROLE {role}")).await;
        self.owner.close().await.unwrap();
    }
}

async fn is_ready(client: &HttpClient) {
    get(client, "/readyz").await.assert_status(200);
}

async fn lacks(client: &HttpClient, words: &[&str]) {
    let answer = get(client, "/readyz").await.assert_problem(503, "unavailable");
    assert!(!answer.header("retry-after").is_empty());
    for word in words {
        assert!(answer.text.contains(word), "{word}: {}", answer.text);
    }
}

async fn sign_in_status(client: &HttpClient) -> u16 {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    client.post("/api/auth/login", &body).await.unwrap().status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_create_tables_is_told_what_to_do() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let schema = scratch.url.rsplit("%3D").next().unwrap().to_owned();
    let role = schema.replace("test_", "guest_");
    let create = format!("CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}");
    scratch.administer(&create).await;
    let migrated = Command::new(BINARY)
        .args(["migrate", "--database-url", &as_role(&scratch.url, &role)])
        .env_clear()
        .current_dir(scratch.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&migrated.stderr).into_owned();
    scratch
        .administer(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
    assert!(!migrated.status.success());
    for words in [
        "the database role lacks a permission (42501 permission denied for schema",
        "`ALTER DATABASE … OWNER TO …`",
        "`countersign doctor`",
    ] {
        assert!(said.contains(words), "{words} is missing in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_a_role_without_a_privilege_is_not_ready_and_the_doctor_says_what_to_grant() {
    let lesser = Lesser::start().await;
    let (client, role) = (lesser.client(), &lesser.role);
    sign_up(&client, "ada").await;
    is_ready(&client).await;
    assert_eq!(lesser.doctor(), Vec::<Value>::new());
    let tables = lesser.tables().await;
    assert!(tables.len() > 15, "{tables:?}");
    for table in &tables {
        for right in RIGHTS {
            run(&lesser.owner, &format!("REVOKE {right} ON {table} FROM {role}")).await;
            lacks(&client, &[right, table]).await;
            run(&lesser.owner, &format!("GRANT {right} ON {table} TO {role}")).await;
        }
    }
    is_ready(&client).await;
    for (right, table) in [
        ("INSERT", "sessions"),
        ("INSERT", "audit_events"),
        ("UPDATE", "accounts"),
        ("SELECT", "schema_migrations"),
    ] {
        run(&lesser.owner, &format!("REVOKE {right} ON {table} FROM {role}")).await;
        if right == "INSERT" {
            assert_eq!(sign_in_status(&client).await, 503, "{right} {table}");
        }
        let found = lesser.doctor();
        let finding = found
            .iter()
            .find(|finding| finding["found"].as_str().unwrap().contains(table));
        let finding = finding.unwrap_or_else(|| panic!("{table}: {found:?}"));
        assert!(finding["found"].as_str().unwrap().contains(right), "{finding}");
        lesser.obey(finding).await;
        is_ready(&client).await;
        assert_eq!(sign_in_status(&client).await, 200, "{right} {table}");
    }
    // Several faults are reported together, and privileges on every column are as good as on the table.
    run(
        &lesser.owner,
        &format!("REVOKE INSERT, DELETE ON sessions FROM {role};REVOKE UPDATE ON outbox FROM {role}"),
    )
    .await;
    lacks(&client, &["sessions", "outbox"]).await;
    for finding in lesser.doctor() {
        lesser.obey(&finding).await;
    }
    run(&lesser.owner, &format!("REVOKE SELECT ON known_devices FROM {role}")).await;
    lacks(&client, &["known_devices"]).await;
    let columns = lesser
        .owner
        .tables()
        .await
        .unwrap()
        .into_iter()
        .find(|table| table.name == "known_devices")
        .unwrap();
    let columns: Vec<_> = columns.columns.iter().map(|column| column.name.as_str()).collect();
    run(
        &lesser.owner,
        &format!("GRANT SELECT ({}) ON known_devices TO {role}", columns.join(", ")),
    )
    .await;
    is_ready(&client).await;
    assert_eq!(sign_in_status(&client).await, 200);
    lesser.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f7_invisible_rows_or_schemas_make_a_server_unready() {
    let lesser = Lesser::start().await;
    let (client, role, schema) = (lesser.client(), &lesser.role, &lesser.schema);
    sign_up(&client, "ada").await;

    // Without a policy, no row is visible or may be written.
    run(&lesser.owner, "ALTER TABLE sessions ENABLE ROW LEVEL SECURITY").await;
    lacks(&client, &["sessions", "row-level security"]).await;
    let found = lesser.doctor();
    assert!(
        found
            .iter()
            .any(|finding| finding["found"].as_str().unwrap().contains("row-level security")),
        "{found:?}"
    );
    run(
        &lesser.owner,
        &format!("CREATE POLICY read_only ON sessions FOR SELECT TO {role} USING (true)"),
    )
    .await;
    lacks(&client, &["sessions"]).await;
    run(
        &lesser.owner,
        &format!("CREATE POLICY all_of_it ON sessions TO {role} USING (true)"),
    )
    .await;
    is_ready(&client).await;
    assert_eq!(sign_in_status(&client).await, 200);
    run(&lesser.owner, "ALTER TABLE sessions DISABLE ROW LEVEL SECURITY").await;

    run(&lesser.owner, &format!("REVOKE USAGE ON SCHEMA {schema} FROM {role}")).await;
    lacks(&client, &[]).await;
    assert_eq!(sign_in_status(&client).await, 503);
    let found = lesser.doctor();
    let finding = found
        .iter()
        .find(|finding| finding["found"].as_str().unwrap().contains("USAGE"));
    lesser.obey(finding.unwrap_or_else(|| panic!("{found:?}"))).await;
    is_ready(&client).await;
    assert_eq!(sign_in_status(&client).await, 200);

    // A missing table is not the client's fault.
    run(&lesser.owner, "ALTER TABLE sessions RENAME TO elsewhere").await;
    lacks(&client, &["sessions"]).await;
    assert_eq!(sign_in_status(&client).await, 503);
    assert!(!lesser.doctor().is_empty());
    run(&lesser.owner, "ALTER TABLE elsewhere RENAME TO sessions").await;
    is_ready(&client).await;
    lesser.end().await;
}
