//! What holds after a crash: nothing that was acknowledged is lost, and nothing is acknowledged before it is on disk.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_store::{DatabaseOptions, Db, Role, query, sql};
use countersign_testkit::{Answer, Database, HttpClient, Launch, PASSWORD, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};
use tokio::sync::Mutex;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
/// How often the server is killed, unless `COUNTERSIGN_TEST_KILLS` is set.
const KILLS: usize = 6;
const FAMILIES: usize = 8;
/// The time that the writers have for their first sign-out.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server has acknowledged so far.
#[derive(Default)]
struct Acknowledged {
    /// Registered email addresses.
    registered: HashSet<String>,
    /// Tokens of sessions that were ended.
    ended: Vec<String>,
    /// Each refresh token that was spent, and its successor.
    successors: HashMap<String, String>,
}

#[apply(on_both_databases!)]
async fn f3_kills_lose_no_acknowledged_write(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_TOKENS__REFRESH_REPLAY_WINDOW", "5m");
    let kills = std::env::var("COUNTERSIGN_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let mut families: Vec<Option<String>> = vec![None; FAMILIES];
    // Sign-up costs hashes; the writes are what should be interrupted.
    let server = launch.start().await;
    for (index, family) in families.iter_mut().enumerate() {
        let writer = Writer {
            client: server.client(),
            round: kills,
            index,
            acknowledged: acknowledged.clone(),
        };
        *family = writer.sign_up().await;
    }
    server.kill();

    for round in 0..kills {
        let server = launch.start().await;
        verify(&server.client(), &acknowledged, &families).await;
        let writers: Vec<_> = (0..FAMILIES)
            .map(|index| {
                let work = Writer {
                    client: server.client(),
                    round,
                    index,
                    acknowledged: acknowledged.clone(),
                };
                tokio::spawn(work.run(families[index].take()))
            })
            .collect();
        // A different moment in each round, from early to late.
        tokio::time::sleep(Duration::from_millis(150 + u64::try_from(350 * round / kills).unwrap())).await;
        // The last kill waits until there is something to lose, however busy the machine is.
        let began = Instant::now();
        while round + 1 == kills && !acknowledged.lock().await.is_worth_it() && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.kill();
        for (index, writer) in writers.into_iter().enumerate() {
            families[index] = writer.await.unwrap();
        }
    }
    let server = launch.start().await;
    verify(&server.client(), &acknowledged, &families).await;
    assert!(acknowledged.lock().await.is_worth_it(), "the writers did write");
    let spent = acknowledged.lock().await.successors.len();
    assert!(spent > 100, "only {spent} tokens were ever spent");
    drop(server);
    assert_rows_hold_what_was_answered(&scratch.url, families.iter().flatten()).await;
}

impl Acknowledged {
    /// Records the successor of a token, which must be the same each time, however often the token is presented.
    fn given(&mut self, spent: &str, answer: &Answer) -> String {
        let successor = answer.json()["refresh_token"].as_str().unwrap().to_owned();
        let first = self
            .successors
            .entry(spent.to_owned())
            .or_insert_with(|| successor.clone());
        assert_eq!(*first, successor, "a token has two successors");
        successor
    }

    /// Whether users have signed up and out since the first of them did.
    fn is_worth_it(&self) -> bool {
        self.registered.len() > FAMILIES && !self.ended.is_empty()
    }
}

/// A user who signs up, refreshes continuously, signs out at times, and records what was acknowledged.
struct Writer {
    client: HttpClient,
    round: usize,
    index: usize,
    acknowledged: Arc<Mutex<Acknowledged>>,
}

impl Writer {
    /// Returns the refresh token of the last acknowledged response of the session that is still active, if any.
    async fn run(self, family: Option<String>) -> Option<String> {
        let mut token = match family {
            Some(token) => token,
            None => self.sign_up().await?,
        };
        for step in 0.. {
            let body = json!({ "refresh_token": token });
            if step == 8 && self.index.is_multiple_of(4) {
                let Some(answer) = self.client.post("/api/auth/logout", &body).await else {
                    return None; // It may or may not have ended: nothing was promised.
                };
                assert_eq!(answer.status, 204, "{}", answer.text);
                self.acknowledged.lock().await.ended.push(token);
                return None;
            }
            match self.client.post("/api/auth/refresh", &body).await {
                Some(answer) => {
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    token = self.acknowledged.lock().await.given(&token, &answer);
                }
                None => return Some(token),
            }
        }
        None
    }

    async fn sign_up(&self) -> Option<String> {
        let email = format!("r{}w{}@example.com", self.round, self.index);
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = self.client.post("/api/auth/register", &body).await?;
        assert_eq!(answer.status, 201, "{}", answer.text);
        self.acknowledged.lock().await.registered.insert(email);
        let answer = self.client.post("/api/auth/login", &body).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["refresh_token"].as_str().map(str::to_owned)
    }
}

/// Every acknowledged account exists, every acknowledged token works (again, within the window), and every ended
/// session remains ended.
async fn verify(client: &HttpClient, acknowledged: &Mutex<Acknowledged>, families: &[Option<String>]) {
    let mut acknowledged = acknowledged.lock().await;
    let refresh = async |token: &str| {
        client
            .post("/api/auth/refresh", &json!({ "refresh_token": token }))
            .await
            .unwrap()
    };
    for token in families.iter().flatten() {
        let answer = refresh(token).await;
        assert_eq!(
            answer.status, 200,
            "an acknowledged refresh token was lost: {}",
            answer.text
        );
        acknowledged.given(token, &answer);
    }
    for token in &acknowledged.ended {
        assert_eq!(refresh(token).await.status, 401, "an acknowledged sign-out was undone");
    }
    // A second sign-up is refused only if the account exists. A few are enough, because each costs a hash.
    for email in acknowledged.registered.iter().take(5) {
        let body = json!({ "email": email, "password": PASSWORD });
        assert_eq!(
            client.post("/api/auth/register", &body).await.unwrap().status,
            409,
            "{email} was lost"
        );
    }
}

/// Each family's row is at the last acknowledged token, or at its successor.
async fn assert_rows_hold_what_was_answered(url: &str, families: impl Iterator<Item = &String>) {
    let db = Db::open(&DatabaseOptions::new(url, Role::Admin)).await.unwrap();
    for token in families {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("csr_").unwrap()).unwrap();
        let id = uuid::Uuid::from_slice(&bytes[..16]).unwrap();
        let hash = digest(&SHA256, &bytes[32..]).as_ref().to_vec();
        let rows: i64 = query(sql!(
            "SELECT count(*) FROM sessions WHERE id = $1 AND (refresh_hash = $2 OR previous_hash = $2)"
        ))
        .bind(id)
        .bind(hash)
        .one(&db)
        .await
        .unwrap();
        assert_eq!(rows, 1, "the database has lost where a family stands");
    }
}

/// F-4 (a): for every acknowledged write, the log was synced between the request and its response.
#[tokio::test(flavor = "multi_thread")]
async fn f4_the_log_is_synced_between_each_write_and_its_response() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let trace = scratch.folder().join("trace");
    let mut launch = Launch::new(BINARY, &scratch);
    // With `-D`, the test starts and ends the traced server, not strace.
    let strace = [
        "strace",
        "-D",
        "-f",
        "-y",
        "-q",
        "-s",
        "64",
        "-e",
        "trace=recvfrom,read,sendto,write,writev,fdatasync,fsync",
        "-o",
    ];
    launch.command = strace
        .iter()
        .map(ToString::to_string)
        .chain([trace.display().to_string(), BINARY.to_owned()])
        .collect();
    let server = launch.start().await;
    let client = server.client();
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let mut acknowledged = 0;
    for path in ["/api/auth/register", "/api/auth/login", "/api/auth/login"] {
        assert!(client.post(path, &body).await.unwrap().status.is_success());
        acknowledged += 1;
    }
    let tokens = client.post("/api/auth/login", &body).await.unwrap().json();
    let mut refresh_token = tokens["refresh_token"].clone();
    for _ in 0..20 {
        let answer = client
            .post("/api/auth/refresh", &json!({ "refresh_token": refresh_token }))
            .await
            .unwrap();
        refresh_token = answer.json()["refresh_token"].clone();
        acknowledged += 1;
    }
    let access_token = tokens["access_token"].as_str().unwrap();
    let answer = client
        .send((Method::POST, "/api/auth/logout-all"), None, access_token)
        .await
        .unwrap();
    assert_eq!(answer.status, 204);
    acknowledged += 2;
    server.terminate();

    let trace = whole_trace(&trace).await;
    let (mut answered, mut synced, mut pending) = (0, false, false);
    for line in trace.lines() {
        let call = line.split_once(' ').map_or("", |(_, call)| call.trim_start());
        if call.contains("\"POST /api/auth/") || call.contains("resumed>\"POST /api/auth/") {
            (pending, synced) = (true, false);
        } else if (call.starts_with("fdatasync(") && call.contains("-wal>") && call.ends_with("= 0"))
            || (call.contains("fdatasync resumed>") && call.ends_with("= 0"))
        {
            synced = true;
        } else if pending && call.contains("HTTP/1.1 2") {
            assert!(synced, "an answer left before the log was synced:\n{line}");
            (pending, answered) = (false, answered + 1);
        }
    }
    assert_eq!(answered, acknowledged, "the trace shows every acknowledged write");
}

/// Returns the trace once strace has written it completely.
async fn whole_trace(path: &std::path::Path) -> String {
    for _ in 0..200 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.trim_end().ends_with("+++ exited with 0 +++") {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("strace did not come to an end");
}

/// R-33 with two processes on one PostgreSQL: fifty concurrent requests, one successor.
#[tokio::test(flavor = "multi_thread")]
async fn r33_fifty_concurrent_refreshes_on_two_nodes_get_the_same_successor() {
    let scratch = ScratchDatabase::create(Database::Postgres).await;
    let launch = Launch::new(BINARY, &scratch);
    let (one, two) = (launch.start().await, launch.start().await);
    let (one, two) = (one.client(), two.client());
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    one.post("/api/auth/register", &body).await.unwrap().assert_status(201);
    let mut token = two
        .post("/api/auth/login", &body)
        .await
        .unwrap()
        .assert_status(200)
        .json()["refresh_token"]
        .clone();
    for _ in 0..super::refresh::rounds(10) {
        let body = json!({ "refresh_token": token });
        let racers = (0..50).map(|index| {
            if index % 2 == 0 {
                one.post("/api/auth/refresh", &body)
            } else {
                two.post("/api/auth/refresh", &body)
            }
        });
        let answers = futures_util::future::join_all(racers).await;
        let successors: Vec<Value> = answers
            .into_iter()
            .map(|answer| answer.unwrap().assert_status(200).json()["refresh_token"].clone())
            .collect();
        assert!(successors.windows(2).all(|pair| pair[0] == pair[1]), "{successors:?}");
        token = successors[0].clone();
    }
    let db = Db::open(&DatabaseOptions::new(&scratch.url, Role::Admin))
        .await
        .unwrap();
    let rows: i64 = query(sql!("SELECT count(*) FROM sessions")).one(&db).await.unwrap();
    assert_eq!(rows, 1, "however often it is refreshed");
}

/// R-33c with two processes: a repetition gets the same successor from a process that only shares the database and the
/// keys.
#[apply(on_both_databases!)]
async fn r33c_a_lost_response_is_repeated_by_another_process(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_TOKENS__REFRESH_REPLAY_WINDOW", "5m");
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    let one = launch.start().await;
    let client = one.client();
    client
        .post("/api/auth/register", &ada)
        .await
        .unwrap()
        .assert_status(201);
    let tokens = client
        .post("/api/auth/login", &ada)
        .await
        .unwrap()
        .assert_status(200)
        .json();
    let spent = json!({ "refresh_token": tokens["refresh_token"] });
    let lost = client
        .post("/api/auth/refresh", &spent)
        .await
        .unwrap()
        .assert_status(200)
        .json();
    one.kill();
    let two = launch.start().await;
    let client = two.client();
    let again = client
        .post("/api/auth/refresh", &spent)
        .await
        .unwrap()
        .assert_status(200)
        .json();
    assert_eq!(again["refresh_token"], lost["refresh_token"]);
    let next = json!({ "refresh_token": again["refresh_token"] });
    client
        .post("/api/auth/refresh", &next)
        .await
        .unwrap()
        .assert_status(200);
}
