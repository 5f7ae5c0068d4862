//! Several nodes on one PostgreSQL, as processes: with Redis, without it, and behind a pooler.

mod pooler;
mod redis;
mod servers;

use std::time::{Duration, Instant};

use countersign_testkit::{Answer, HttpClient, Launch, PASSWORD, ScratchDatabase, ServerProcess};
use serde_json::{Value, json};

/// The timeout for everything whose duration is not tested.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node and its metrics endpoint.
struct Node {
    server: ServerProcess,
    metrics: HttpClient,
}

impl Node {
    async fn start(scratch: &ScratchDatabase, environment: &[(&'static str, &str)]) -> Self {
        let operator = servers::free_port();
        let mut launch = Launch::new(env!("CARGO_BIN_EXE_countersign"), scratch)
            .with("COUNTERSIGN_METRICS_LISTEN", format!("127.0.0.1:{operator}"));
        for (variable, value) in environment {
            launch = launch.with(variable, *value);
        }
        Self {
            server: launch.start().await,
            metrics: HttpClient::of(&format!("http://127.0.0.1:{operator}")),
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.server.client().post(path, body).await.expect("the node answers")
    }

    async fn register(&self, name: &str) {
        self.post("/api/auth/register", &credentials(name, PASSWORD))
            .await
            .assert_status(201);
    }

    async fn sign_in(&self, name: &str) -> Value {
        let answer = self.post("/api/auth/login", &credentials(name, PASSWORD)).await;
        answer.assert_status(200).json()
    }

    async fn guess(&self, name: &str) -> u16 {
        let answer = self.post("/api/auth/login", &credentials(name, "wrong")).await;
        answer.status.as_u16()
    }

    async fn me(&self, token: &str) -> u16 {
        let answer = self.server.client().get_as("/api/auth/me", token).await;
        answer.expect("the node answers").status.as_u16()
    }

    /// The owner ends the session.
    async fn log_out(&self, tokens: &Value) {
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        self.post("/api/auth/logout", &body).await.assert_status(204);
    }

    async fn metric(&self, name: &str) -> Option<i64> {
        let answer = self.metrics.get_as("/metrics", "").await?;
        let line = answer
            .text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.parse().ok()
    }

    async fn wait_for_metric(&self, name: &str, value: i64) {
        let began = Instant::now();
        while self.metric(name).await != Some(value) {
            assert!(began.elapsed() < PATIENCE, "{name} is {:?}", self.metric(name).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns how long it takes until the token is rejected.
    async fn refuses(&self, token: &str) -> Duration {
        let began = Instant::now();
        while self.me(token).await != 401 {
            assert!(began.elapsed() < PATIENCE, "a revoked token is still accepted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }
}

fn credentials(name: &str, password: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "password": password })
}

fn token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

fn log(scratch: &ScratchDatabase) -> String {
    std::fs::read_to_string(scratch.folder().join("server.log")).unwrap()
}
