//! Publishes what the document holds, as the issuer does.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use serde_json::json;
use tokio::net::TcpListener;

use crate::DOCUMENT;

/// Serves until the test ends. Gives the address.
pub(crate) async fn serve() -> String {
    let issuer = &DOCUMENT.issuer;
    let metadata = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json") }).to_string();
    let app = Router::new()
        .route("/.well-known/oauth-authorization-server", get(async || metadata))
        .route("/.well-known/jwks.json", get(async || DOCUMENT.jwks.to_string()))
        .route("/oauth2/status-lists/{number}", get(list));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn list(Path(number): Path<String>) -> (StatusCode, &'static str) {
    let uri = format!("{}/oauth2/status-lists/{number}", DOCUMENT.issuer);
    match DOCUMENT.status_lists.get(&uri) {
        Some(token) => (StatusCode::OK, token),
        None => (StatusCode::NOT_FOUND, ""),
    }
}
