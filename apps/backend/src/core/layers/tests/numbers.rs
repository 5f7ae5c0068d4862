//! What operators count and read.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::Request;
use tracing_subscriber::fmt::MakeWriter;

use super::layers;

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
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let tested = layers("http://localhost");
    let request = Request::get("/api/things/1?token=SECRET").header("authorization", "Bearer SECRET");
    let answer = tested.ask(request).await;
    let failed = tested.ask(Request::get("/api/panic")).await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("SECRET"), "{text}");
    let of = |id: &str| text.lines().filter(|line| line.contains(id)).count();
    assert_eq!(of(answer.header("x-request-id")), 1, "{text}");
    assert!(
        text.contains("method=\"GET\" route=\"/api/things/{id}\" status=200"),
        "{text}"
    );
    assert!(text.contains("DEBUG"), "what is only read is told on demand: {text}");
    // The cause of a failure is one more line, with the same id.
    assert_eq!(of(failed.header("x-request-id")), 2, "{text}");
    assert!(text.contains("a handler panicked: on purpose"), "{text}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

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
