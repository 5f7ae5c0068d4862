//! Traces, as received by an OpenTelemetry collector.

use std::collections::HashSet;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::routing::post;
use countersign_testkit::{Database, Launch, PASSWORD, ScratchDatabase, ServerProcess, apply, on_both_databases};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
/// `SPAN_KIND_SERVER`
const OF_A_SERVER: i32 = 2;

/// Receives what a server sends and stores it.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Collector {
    async fn start() -> (Self, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let app = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        let lots = self.0.lock().unwrap();
        let requests = lots
            .iter()
            .map(|(_, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Whether anything that was sent contains these bytes.
    fn heard(&self, secret: &str) -> bool {
        let lots = self.0.lock().unwrap();
        let holds = |body: &Bytes| body.windows(secret.len()).any(|window| window == secret.as_bytes());
        lots.iter().any(|(_, body)| holds(body))
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) {
    collector.0.lock().unwrap().push((headers, body));
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| {
        let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
        panic!("{name} is not among {names:?}")
    })
}

fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    found.map_or_else(String::new, |attribute| format!("{:?}", attribute.value))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn sign_in(server: &ServerProcess) -> serde_json::Value {
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    let client = server.client();
    client
        .post("/api/auth/register", &ada)
        .await
        .unwrap()
        .assert_status(201);
    client
        .post("/api/auth/login", &ada)
        .await
        .unwrap()
        .assert_status(200)
        .json()
}

/// Sends a request like a proxy that traces.
fn ask_traced(server: &ServerProcess, trace: &str) {
    let parent = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01");
    let url = format!("{}/api/auth/me?canary=5", server.base);
    let asked = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-H", &parent, &url])
        .status();
    assert!(asked.unwrap().success());
}

fn stop(server: ServerProcess) {
    tokio::task::block_in_place(|| server.terminate());
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[apply(on_both_databases!)]
async fn a_trace_shows_where_the_time_of_a_request_went_and_no_secret(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let (collector, address) = Collector::start().await;
    let launch = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_TELEMETRY__OTLP_ENDPOINT", &address)
        .with(
            "COUNTERSIGN_TELEMETRY__OTLP_HEADERS",
            "authorization=Bearer collector-key",
        )
        .with("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1/32")
        .with("COUNTERSIGN_LOG__FORMAT", "json");
    let server = launch.start().await;
    let tokens = sign_in(&server).await;
    ask_traced(&server, TRACE);
    // Buffered spans are sent at the end.
    stop(server);

    let spans = collector.spans();
    let login = named(&spans, "POST /api/auth/login");
    assert!(attribute(login, "http.response.status_code").contains("200"));
    assert!(attribute(login, "http.route").contains("/api/auth/login"));
    assert_eq!(login.kind, OF_A_SERVER);
    let within: Vec<_> = spans.iter().filter(|span| span.trace_id == login.trace_id).collect();
    for name in [
        "wait for a hashing thread",
        "hash a password",
        "transaction",
        "statement",
    ] {
        assert!(within.iter().any(|span| span.name == name), "{name}");
    }
    let statement = within.iter().find(|span| span.name == "statement").unwrap();
    assert!(attribute(statement, "db.query.text").contains("SELECT"));
    // The proxy's trace is continued, and the log names it.
    let me = named(&spans, "GET /api/auth/me");
    assert_eq!(
        (hex(&me.trace_id), hex(&me.parent_span_id)),
        (TRACE.to_owned(), "00f067aa0ba902b7".to_owned())
    );
    assert!(
        launch.log().contains(&format!("\"trace_id\":\"{TRACE}\"")),
        "{}",
        launch.log()
    );
    // The server's own background work is not traced.
    let of_requests: HashSet<_> = spans
        .iter()
        .filter(|span| span.kind == OF_A_SERVER)
        .map(|span| span.trace_id.clone())
        .collect();
    assert!(spans.iter().all(|span| of_requests.contains(&span.trace_id)));
    let [access_token, refresh_token] = ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap());
    for secret in [PASSWORD, "ada@", "canary", access_token, refresh_token] {
        assert!(!collector.heard(secret), "{secret}");
    }
    let lots = collector.0.lock().unwrap();
    assert!(
        lots.iter()
            .all(|(headers, _)| headers["authorization"] == "Bearer collector-key")
    );
}

#[apply(on_both_databases!)]
async fn an_unknown_traceparent_is_ignored_and_a_share_of_zero_traces_nothing(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let (collector, address) = Collector::start().await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_TELEMETRY__OTLP_ENDPOINT", &address);
    let server = launch.start().await;
    ask_traced(&server, TRACE);
    stop(server);
    let spans = collector.spans();
    assert!(named(&spans, "GET /api/auth/me").parent_span_id.is_empty());

    let server = launch.with("COUNTERSIGN_TELEMETRY__SAMPLE_RATIO", "0").start().await;
    ask_traced(&server, TRACE);
    stop(server);
    assert_eq!(collector.spans().len(), spans.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_collector_is_logged_once_and_stops_nothing() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_TELEMETRY__OTLP_ENDPOINT", format!("http://{nobody}"));
    let server = launch.start().await;
    sign_in(&server).await;
    let began = Instant::now();
    while !launch.log().contains("failed to export traces") {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", launch.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ready = server.client().send((Method::GET, "/readyz"), None, "").await;
    ready.unwrap().assert_status(200);
    stop(server);
    assert_eq!(
        launch.log().matches("failed to export traces").count(),
        1,
        "{}",
        launch.log()
    );
}
