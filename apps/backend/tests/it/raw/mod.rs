//! F-10: requests that no client library sends, byte by byte. The response is always documented or the connection is
//! closed, and never a 5xx.

mod answer;
mod inputs;

use std::net::SocketAddr;

use countersign_testkit::{Database, Launch, PASSWORD, ScratchDatabase, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use self::answer::RawAnswer;
use self::inputs::{ambiguous, bodies, framings, headers, request_lines, targets};
use crate::probes::{PATIENCE, until_closed};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// The server closes the connection without a response.
const NOTHING: u16 = 0;

/// The bytes to send, and the status of each response in order.
#[derive(Clone)]
struct Probe {
    sent: Vec<u8>,
    expected: Vec<u16>,
}

impl Probe {
    fn new(sent: impl Into<Vec<u8>>, expected: u16) -> Self {
        Self {
            sent: sent.into(),
            expected: vec![expected],
        }
    }
}

#[apply(on_both_databases!)]
async fn f10_every_bad_input_gets_a_documented_answer(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.0/8")
        .with("COUNTERSIGN_HTTP__HEADER_TIMEOUT", "1s")
        .with("COUNTERSIGN_HTTP__BODY_TIMEOUT", "2s")
        .with("COUNTERSIGN_HTTP__IDLE_TIMEOUT", "300ms");
    let server = launch.start().await;
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    server
        .client()
        .post("/api/auth/register", &ada)
        .await
        .unwrap()
        .assert_status(201);
    let tokens = server
        .client()
        .post("/api/auth/login", &ada)
        .await
        .unwrap()
        .assert_status(200)
        .json();
    let token = tokens["access_token"].as_str().unwrap();
    let probes = [
        request_lines(),
        targets(token),
        headers(token),
        framings(),
        ambiguous(),
        bodies(token),
    ]
    .concat();
    assert!(probes.len() > 150, "only {} probes", probes.len());
    let mut wrong = Vec::new();
    for probes in probes.chunks(120) {
        let outcomes = join_all(probes.iter().map(|probe| judge(server.address, probe))).await;
        wrong.extend(outcomes.into_iter().filter_map(Result::err));
    }
    assert!(
        wrong.is_empty(),
        "{} of {} probes:\n{}",
        wrong.len(),
        probes.len(),
        wrong.join("\n\n")
    );
    server
        .client()
        .get_as("/api/auth/me", token)
        .await
        .unwrap()
        .assert_status(200);
    for word in ["panicked", "\"level\":\"ERROR\""] {
        assert!(!launch.log().contains(word), "{}", launch.log());
    }
}

/// Sends it, and returns what is wrong with the responses.
async fn judge(address: SocketAddr, probe: &Probe) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has rejected a request need not read the rest.
    let _ = stream.write_all(&probe.sent).await;
    let said = until_closed(&mut stream, PATIENCE).await;
    let shown = String::from_utf8_lossy(&probe.sent);
    let shown = match shown.char_indices().nth_back(200) {
        Some((end, _)) if end > 300 => format!("{} … {}", shown.chars().take(60).collect::<String>(), &shown[end..]),
        _ => shown.into_owned(),
    };
    let wrong = |why: String| format!("{shown:?}: {why}\n  said: {said:?}");
    let Some(said) = &said else {
        return Err(wrong("held for ever".into()));
    };
    let mut statuses = Vec::new();
    let mut rest = said.as_str();
    let is_head = probe.sent.starts_with(b"HEAD ");
    while !rest.is_empty() {
        let (answer, after) = RawAnswer::read(rest, is_head).map_err(wrong)?;
        answer.is_documented().map_err(wrong)?;
        statuses.push(answer.status);
        rest = after;
    }
    let expected: Vec<_> = probe
        .expected
        .iter()
        .copied()
        .filter(|status| *status != NOTHING)
        .collect();
    if statuses == expected {
        Ok(())
    } else {
        Err(wrong(format!("{statuses:?} instead of {expected:?}")))
    }
}
