//! Tests of metrics and logs.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::Request;
use serde_json::json;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;

use super::{TerminalFormat, layers};

#[tokio::test]
async fn labels_have_few_values_whatever_clients_send() {
    let tested = layers("http://localhost");
    for number in 0..20 {
        tested
            .ask(Request::get(format!("/api/things/{number}?token={number}")))
            .await;
        tested.ask(Request::get(format!("/nowhere/{number}"))).await;
        tested
            .ask(
                Request::builder()
                    .method(format!("BREW{number}").as_str())
                    .uri("/api/id"),
            )
            .await;
    }
    tested.ask(Request::get("/api/panic")).await;
    let metrics = tested.metrics();
    for line in [
        r#"http_requests_total{method="GET",route="/api/things/{id}",status="200"} 20"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"} 20"#,
        r#"http_requests_total{method="other",route="/api/id",status="405"} 20"#,
        r#"http_request_duration_seconds_count{method="GET",route="/api/things/{id}"} 20"#,
        "http_panics_total 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert_eq!(
        metrics
            .lines()
            .filter(|line| line.starts_with("http_requests_total{"))
            .count(),
        4,
        "{metrics}"
    );
}

#[tokio::test]
async fn the_log_has_one_line_per_request_and_no_secret() {
    let log = Log::default();
    let lines = fmt::layer().with_ansi(false).event_format(TerminalFormat);
    let _guard = log.receive(lines.with_writer(log.clone()), LevelFilter::DEBUG);
    let tested = layers("http://localhost");
    let request = Request::get("/api/things/1?token=SECRET").header("authorization", "Bearer SECRET");
    let answer = tested.ask(request).await;
    let failed = tested.ask(Request::get("/api/panic")).await;

    let text = log.text();
    assert!(!text.contains("SECRET"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert_eq!(
        log.line(answer.header("x-request-id")),
        "DEBUG GET /api/things/{id} 200 _ ms client_ip=10.1.2.3 request_id=_"
    );
    assert_eq!(
        log.line(failed.header("x-request-id")),
        "ERROR GET /api/panic 500 _ ms client_ip=10.1.2.3 code=internal \
         cause=\"handler panicked: on purpose\" request_id=_"
    );
}

#[tokio::test]
async fn the_line_of_a_request_names_its_account_and_no_other() {
    let log = Log::default();
    let lines = fmt::layer().with_ansi(false).event_format(TerminalFormat);
    let _guard = log.receive(lines.with_writer(log.clone()), LevelFilter::INFO);
    let tested = layers("http://localhost");
    let mine = tested.ask(Request::post("/api/mine")).await;
    let others = tested.ask(Request::get("/api/limited")).await;
    tested.ask(Request::get("/api/things/1")).await;

    assert_eq!(
        log.text().lines().count(),
        2,
        "a read is logged at debug: {}",
        log.text()
    );
    assert_eq!(
        log.line(mine.header("x-request-id")),
        "INFO POST /api/mine 200 _ ms client_ip=10.1.2.3 account=00000000-0000-0000-0000-000000000007 request_id=_"
    );
    assert_eq!(
        log.line(others.header("x-request-id")),
        "INFO GET /api/limited 429 _ ms client_ip=10.1.2.3 code=rate_limited request_id=_"
    );
}

#[tokio::test]
async fn a_collector_gets_the_parts_of_a_request_as_fields() {
    let log = Log::default();
    let lines = fmt::layer().json().flatten_event(true).with_span_list(false);
    let _guard = log.receive(lines.with_writer(log.clone()), LevelFilter::INFO);
    let tested = layers("http://localhost");
    let answer = tested.ask(Request::post("/api/mine")).await;

    let line: serde_json::Value = serde_json::from_str(&log.text()).unwrap();
    let duration = line["duration_ms"].as_f64().unwrap();
    assert_eq!(line["message"], format!("POST /api/mine 200 {duration:.3} ms"));
    assert_eq!(line["target"], "countersign::request");
    assert_eq!(line["span"]["request_id"], answer.header("x-request-id"));
    for (field, value) in [
        ("method", json!("POST")),
        ("route", json!("/api/mine")),
        ("status", json!(200)),
        ("client_ip", json!("10.1.2.3")),
        ("account", json!("00000000-0000-0000-0000-000000000007")),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert!(line.get("code").is_none() && line.get("cause").is_none(), "{line}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn receive<L>(&self, lines: L, level: LevelFilter) -> DefaultGuard
    where
        L: tracing_subscriber::Layer<tracing_subscriber::layer::Layered<LevelFilter, Registry>> + Send + Sync,
    {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(level).with(lines))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Returns the only log line of a request, without the parts that vary.
    fn line(&self, request_id: &str) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(request_id)).collect();
        let [line] = lines.as_slice() else {
            panic!("not one line for {request_id}: {text}")
        };
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let line = words.join(" ").replace(request_id, "_");
        let (before, duration) = line.split_once(" ms").unwrap().0.rsplit_once(' ').unwrap();
        let (_, digits) = duration.split_once('.').unwrap();
        assert_eq!(digits.len(), 3, "{line}");
        let (_, after) = line.split_once(" ms").unwrap();
        format!("{before} _ ms{after}")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
