//! Publishes the content of a document like an issuer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

pub(crate) struct Published {
    pub(crate) issuer: String,
    pub(crate) jwks: String,
    pub(crate) status_lists: BTreeMap<String, String>,
    /// Other key sets, below `/sets/0`, `/sets/1` and so on, each with its own base URL.
    pub(crate) key_sets: Vec<String>,
}

type Answer = (StatusCode, String);

/// Serves until the test ends. Returns the base URL.
pub(crate) async fn serve(published: Published) -> String {
    let paths = Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/oauth2/status-lists/{number}", get(list));
    let app = Router::new()
        .merge(paths.clone())
        .route("/.well-known/jwks.json", get(keys))
        .nest("/sets/{set}", paths.route("/.well-known/jwks.json", get(key_set)))
        .with_state(Arc::new(published));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn metadata(State(published): State<Arc<Published>>) -> String {
    let issuer = &published.issuer;
    json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json") }).to_string()
}

async fn keys(State(published): State<Arc<Published>>) -> String {
    published.jwks.clone()
}

async fn key_set(State(published): State<Arc<Published>>, Path(set): Path<usize>) -> String {
    published.key_sets[set].clone()
}

/// The number is the last path segment; below a set, the path has an additional segment.
async fn list(State(published): State<Arc<Published>>, Path(parts): Path<Vec<(String, String)>>) -> Answer {
    let number = parts.last().map_or("", |(_, number)| number);
    let uri = format!("{}/oauth2/status-lists/{number}", published.issuer);
    match published.status_lists.get(&uri) {
        Some(token) => (StatusCode::OK, token.clone()),
        None => (StatusCode::NOT_FOUND, String::new()),
    }
}
