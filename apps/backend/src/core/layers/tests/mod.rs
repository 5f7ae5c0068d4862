//! Tests of the middleware around a router, called through `oneshot`.

mod browsers;
mod numbers;
mod oauth;
mod requests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Extension, Json};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::*;
use crate::core::applications::applications;
use crate::core::ids::AccountId;
use crate::core::oauth_problem::OauthProblem;
use crate::core::problem::Code;
use crate::core::request_id::RequestId;

struct Tested {
    router: Router,
    registry: Registry,
    /// Counts the dropped handlers of `/stuck`.
    dropped: Arc<Semaphore>,
}

/// A response as the client sees it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

fn layers(issuer: &str) -> Tested {
    layers_within(issuer, Duration::from_millis(200))
}

/// With a limit on whole requests that is longer than the one on bodies.
fn layers_with_patience() -> Tested {
    layers_within("http://localhost", Duration::from_secs(30))
}

fn layers_within(issuer: &str, request_timeout: Duration) -> Tested {
    let mut registry = Registry::default();
    let options = LayerOptions {
        issuer: issuer.into(),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        applications: applications("issuer = 'https://auth.example'\napp_origins = ['https://app.example']"),
        body_timeout: Duration::from_secs(15),
        optional_bodies: &[],
        request_timeout,
        random: SecureRandom,
        traced: false,
        refusals: crate::core::refusals::Refusals::default(),
        early_pages: None,
    };
    let middleware = Middleware::new(options, Metrics::register(&mut registry));
    let dropped = Arc::new(Semaphore::new(0));
    Tested {
        router: routes(dropped.clone()).layer(middleware),
        registry,
        dropped,
    }
}

fn routes(dropped: Arc<Semaphore>) -> Router {
    let stuck = || async move {
        let _guard = Dropped(dropped);
        std::future::pending::<()>().await;
    };
    let own = [
        ("content-security-policy", "default-src 'self'"),
        ("cache-control", "public, max-age=300"),
    ];
    Router::new()
        .route(
            "/api/id",
            get(|Extension(id): Extension<RequestId>| async move { id.to_string() }),
        )
        .route("/api/echo", post(|body: Bytes| async move { body }))
        .route(
            "/api/json",
            post(|Json(value): Json<u64>| async move { value.to_string() }),
        )
        .route("/api/things/{id}", get(|| async { "thing" }))
        .route(
            "/api/mine",
            post(|| async {
                note_account(AccountId(uuid::Uuid::from_u128(7)));
                tokio::task::yield_now().await;
                "mine"
            }),
        )
        .route(
            "/api/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
        .route("/api/internal", get(|| async { Problem::internal("the disk is full") }))
        .route(
            "/api/limited",
            get(|| async {
                (
                    [("ratelimit", "r=0"), ("content-length", "7")],
                    Problem::new(Code::RateLimited).retry_after(3),
                )
            }),
        )
        .route(
            "/api/challenge",
            get(|| async { (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")]) }),
        )
        .route(
            "/api/page",
            get(|| async { (StatusCode::NOT_FOUND, axum::response::Html("<p>no")) }),
        )
        .route("/api/stuck", get(stuck))
        .route(
            "/oauth2/token",
            post(|headers: HeaderMap| async move {
                match headers.get("x-do").and_then(|todo| todo.to_str().ok()) {
                    Some("panic") => panic!("on purpose"),
                    Some("wait") => std::future::pending().await,
                    Some("limited") => Problem::new(Code::RateLimited).retry_after(3).into_response(),
                    Some("refuse") => OauthProblem::described(Code::InvalidClient, "No \"secret\".").into_response(),
                    Some("bare") => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                    _ => "token".into_response(),
                }
            }),
        )
        .route("/oauth2/introspect", post(|| async { "{}" }))
        .route("/docs", get(move || async move { (own, "docs") }))
        .route("/.well-known/jwks.json", get(|| async { "{}" }))
}

struct Dropped(Arc<Semaphore>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl Tested {
    async fn ask(&self, request: http::request::Builder) -> Answer {
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, mut request: http::Request<Body>) -> Answer {
        let peer: SocketAddr = "10.1.2.3:4".parse().unwrap();
        request.extensions_mut().get_or_insert_with(|| ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem["code"].as_str().unwrap().to_owned()
    }
}
