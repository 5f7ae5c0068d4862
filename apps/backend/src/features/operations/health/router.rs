//! `/healthz`, `/readyz`, and `/metrics` on the operator's own listener.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::readings::readings;
use super::service::{Health, NotReady};
use crate::core::address::ClientAddress;
use crate::core::metrics::process;
use crate::core::probes::Seen;
use crate::core::problem::{Code, Problem};

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Arc<Health>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// The routes of the operator's listener, which should not be reachable by others.
pub fn metrics_router(health: Health) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/seen/{mark}", get(seen))
        .with_state(health)
}

/// Liveness
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = OK, description = "The process is running", body = String, content_type = "text/plain")))]
async fn healthz(State(health): State<Arc<Health>>, request: Request) -> &'static str {
    let extensions = request.extensions();
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    if let (Some(ConnectInfo(peer)), Some(client)) = (peer, extensions.get::<ClientAddress>()) {
        health
            .probes
            .note(request.headers(), peer.ip().to_canonical(), client.ip());
    }
    "ok\n"
}

/// Returns how a request of `countersign doctor` arrived.
async fn seen(State(health): State<Health>, Path(mark): Path<String>) -> Result<Json<Seen>, StatusCode> {
    health.probes.find(&mark).map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// Readiness
///
/// The server is ready if the database responds and accepts writes, its schema is up to date, there is a signing key,
/// and the server is not shutting down.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses(
        (status = OK, description = "Ready", body = String, content_type = "text/plain"),
        Problem,
    ))]
async fn readyz(State(health): State<Arc<Health>>) -> Result<&'static str, Problem> {
    health.check().await?;
    Ok("ready\n")
}

async fn metrics(State(health): State<Health>) -> Response {
    let mut text = String::new();
    let Ok(registry) = health.registry.lock() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let parts = [&*registry, &readings(&health), &process()];
    let encoded = parts.into_iter().try_for_each(|part| encode_registry(&mut text, part));
    match encoded.and_then(|()| encode_eof(&mut text)) {
        Ok(()) => (
            [(
                CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl From<NotReady> for Problem {
    fn from(why: NotReady) -> Self {
        let problem = Self::new(Code::Unavailable).detail(why.to_string()).retry_after(1);
        match std::error::Error::source(&why) {
            Some(cause) => problem.caused_by(cause),
            None => problem,
        }
    }
}
