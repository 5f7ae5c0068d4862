//! Many more sign-ins than can be hashed (F-20): rejected requests get a response, everything else works, and the
//! memory is bounded and released. The figures are printed (`--no-capture`); no duration is checked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_testkit::{Database, HttpClient, Launch, PASSWORD, ScratchDatabase, ServerProcess};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::probes::PATIENCE;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// The load as a multiple of the hashing capacity.
const FACTOR: u32 = 10;

/// The minimum per second: a machine that is busy with something else must be overloaded too.
const LEAST: u32 = 200;

/// How long it lasts; the queue is full after a fraction of it. For figures, use `COUNTERSIGN_TEST_STORM_SECONDS=30`.
const SECONDS: &str = "3";

/// The maximum number of concurrent sign-ins. Further ones are not sent, only counted.
const IN_FLIGHT: usize = 1_000;

const WORKERS: u32 = 2;

/// The memory of one hash: `passwords.memory_kib`.
const HASH_KIB: u64 = 19_456;

/// Other requests during the storm.
const WATCHED: [&str; 2] = ["/healthz", "/api/auth/me"];

#[tokio::test(flavor = "multi_thread")]
async fn f20_a_storm_of_sign_ins_does_not_block_other_requests() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_LIMITS__ENABLED", "true")
        .with("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1/32")
        // Responses with 503 do not count, so a short storm does not reach the usual limit.
        .with("COUNTERSIGN_LIMITS__LOGIN_PER_ADDRESS", "8/1m")
        .with("COUNTERSIGN_HASHING__WORKERS", WORKERS.to_string());
    let server = launch.start().await;
    let client = server.client();
    let base = server.resident_kib();
    sign_up(&client, "ada").await;
    // Of another account, because an account has a limited number of sessions and the oldest are ended.
    let token = sign_up(&client, "bystander").await;
    let mut calm = Watch::new(&server, &token);
    calm.during(sleep(Duration::from_secs(1))).await;

    let capacity = capacity(&client).await;
    let per_second = LEAST.max(capacity * FACTOR);
    println!("{capacity} sign-ins a second can be hashed, {per_second} come");
    let mut watch = Watch::new(&server, &token);
    let answers = watch.during(storm(&client, per_second)).await;
    for (status, times) in &answers {
        println!("  {status}: {times}");
    }
    for (index, path) in WATCHED.iter().enumerate() {
        println!("  {path}: before {}; during {}", calm.times[index], watch.times[index]);
    }
    // Both outcomes of a sign-in, and both kinds of rejection.
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [200, 401, 429, 503]);
    assert!(
        watch.times.iter().all(|times| times.0.len() > 1),
        "no other request was answered"
    );

    let after = fallen_to(base + 16 * 1024, &server).await;
    println!(
        "  memory in KiB: before {base}, at most {}, after {after}",
        watch.peak_kib
    );
    let bound = base + u64::from(WORKERS) * HASH_KIB + 64 * 1024;
    assert!(
        watch.peak_kib <= bound,
        "{} KiB were in use, {bound} are allowed",
        watch.peak_kib
    );
    assert!(
        after <= base + 16 * 1024,
        "{after} KiB are kept, {base} were in use before"
    );
    let answer = client.post("/api/auth/login", &credentials("ada", PASSWORD)).await;
    answer.unwrap().assert_status(200);
}

fn credentials(name: &str, password: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "password": password })
}

async fn sign_up(client: &HttpClient, name: &str) -> String {
    let person = credentials(name, PASSWORD);
    client
        .post("/api/auth/register", &person)
        .await
        .unwrap()
        .assert_status(201);
    let answer = client
        .post("/api/auth/login", &person)
        .await
        .unwrap()
        .assert_status(200);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// An IP address of a client behind the proxy, which is this test.
fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number).into()
}

/// The number of sign-ins per second that the hashing threads can do, measured by keeping them busy for a moment.
async fn capacity(client: &HttpClient) -> u32 {
    const ROUNDS: u32 = 6;
    let began = Instant::now();
    let mut busy = JoinSet::new();
    for worker in 0..WORKERS {
        let client = client.on_behalf_of(address(worker));
        busy.spawn(async move {
            for _ in 0..ROUNDS {
                let answer = client.post("/api/auth/login", &credentials("ada", PASSWORD)).await;
                answer.unwrap().assert_status(200);
            }
        });
    }
    busy.join_all().await;
    let micros = u32::try_from(began.elapsed().as_micros()).unwrap();
    (ROUNDS * WORKERS * 1_000_000 / micros).max(1)
}

/// Sends this many sign-ins per second, whether or not they are answered, and returns the durations by status.
async fn storm(client: &HttpClient, per_second: u32) -> BTreeMap<u16, Times> {
    let seconds = std::env::var("COUNTERSIGN_TEST_STORM_SECONDS");
    let lasts = Duration::from_secs(seconds.as_deref().unwrap_or(SECONDS).parse().unwrap());
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    let (began, mut sent, mut unsent) = (Instant::now(), 0, 0);
    let mut under_way = JoinSet::new();
    while began.elapsed() < lasts {
        let due = u32::try_from(began.elapsed().as_millis()).unwrap() * per_second / 1000;
        for number in sent..due {
            match places.clone().try_acquire_owned() {
                Ok(place) => {
                    let request = sign_in(client.clone(), number);
                    under_way.spawn(async move { (request.await, place).0 });
                }
                Err(_) => unsent += 1,
            }
        }
        sent = due.max(sent);
        sleep(Duration::from_millis(5)).await;
    }
    println!(
        "sent {}, and {unsent} not, for {IN_FLIGHT} were under way",
        sent - unsent
    );
    let mut answers = BTreeMap::<u16, Times>::new();
    for (status, time) in under_way.join_all().await {
        answers.entry(status).or_default().0.push(time);
    }
    answers
}

/// Every tenth knows a password, every tenth comes from the same IP address; the others guess, each from its own.
async fn sign_in(client: HttpClient, number: u32) -> (u16, Duration) {
    let (name, password, from) = match number % 10 {
        0 => ("ada".to_owned(), PASSWORD, address(1_000 + number)),
        1 => (format!("listed{number}"), "a stolen guess", address(999)),
        _ => (format!("nobody{number}"), "a wild guess", address(1_000 + number)),
    };
    let began = Instant::now();
    let answer = client
        .on_behalf_of(from)
        .post("/api/auth/login", &credentials(&name, password))
        .await;
    let answer = answer.expect("an answer");
    let refused = matches!(answer.status.as_u16(), 429 | 503);
    assert!(
        !refused
            || answer
                .header("retry-after")
                .parse::<u32>()
                .is_ok_and(|seconds| seconds > 0),
        "{answer:?}"
    );
    (answer.status.as_u16(), began.elapsed())
}

/// Repeats requests that must continue to work, and observes the memory.
struct Watch<'a> {
    server: &'a ServerProcess,
    client: HttpClient,
    token: &'a str,
    times: [Times; WATCHED.len()],
    peak_kib: u64,
}

impl<'a> Watch<'a> {
    fn new(server: &'a ServerProcess, token: &'a str) -> Self {
        Self {
            server,
            client: server.client(),
            token,
            times: Default::default(),
            peak_kib: 0,
        }
    }

    async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            () = self.ask_forever() => panic!("for ever is over"),
        }
    }

    async fn ask_forever(&mut self) {
        loop {
            for (path, times) in WATCHED.iter().zip(&mut self.times) {
                let began = Instant::now();
                let answer = self.client.get_as(path, self.token).await;
                times.0.push(began.elapsed());
                answer.expect("an answer").assert_status(200);
            }
            self.peak_kib = self.peak_kib.max(self.server.resident_kib());
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Returns the memory in use once it is at most `enough`, or after a long timeout: hashing threads release theirs after
/// being idle for some seconds.
async fn fallen_to(enough: u64, server: &ServerProcess) -> u64 {
    let began = Instant::now();
    while server.resident_kib() > enough && began.elapsed() < PATIENCE {
        sleep(Duration::from_millis(100)).await;
    }
    server.resident_kib()
}

/// The durations of many requests.
#[derive(Default)]
struct Times(Vec<Duration>);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let part = |percent| sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default();
        write!(f, "{} in p50 {:.1?}, p99 {:.1?}", sorted.len(), part(50), part(99))
    }
}
