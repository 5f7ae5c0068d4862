//! `countersign dev` as used by the fixtures of applications: the real program, from its first line of output to its
//! exit.

mod application;
mod clients;
mod endpoints;
mod process;
mod tokens;

use axum::http::Method;
use countersign_testkit::{Answer, DevServer, DevToken, HttpClient};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");

struct Dev {
    server: DevServer,
    client: HttpClient,
}

impl Dev {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(arguments: &[&str]) -> Self {
        let server = DevServer::run(PROGRAM, arguments).await;
        let client = HttpClient::of(server.issuer());
        Self { server, client }
    }

    async fn send(&self, (method, path): (Method, &str), body: Option<Value>, bearer: &str) -> Answer {
        self.client.send((method, path), body.as_ref(), bearer).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send((Method::POST, path), Some(body), "").await
    }

    async fn get(&self, path: &str, token: &DevToken) -> Answer {
        self.send((Method::GET, path), None, &token.access_token).await
    }

    async fn refresh(&self, token: &DevToken) -> Answer {
        self.post("/api/auth/refresh", json!({ "refresh_token": token.refresh_token }))
            .await
    }
}

fn list_of(token: &DevToken) -> String {
    claims(token)["status"]["status_list"]["uri"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn claims(token: &DevToken) -> Value {
    countersign_jose::decode_without_verifying(&token.access_token)
        .unwrap()
        .claims
}
