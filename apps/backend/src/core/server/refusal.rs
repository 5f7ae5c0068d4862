//! Responses to clients that are rejected before hyper.

use std::fmt::Write;

use axum::body::Bytes;
use axum::response::Response;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::framing::Framing;
use super::limits::LINGER;
use crate::core::layers::EarlyRequest;

/// Serializes a complete response, which is the last on its connection (RFC 9112 §9.6).
pub(super) fn bytes(response: Response) -> Bytes {
    let (parts, body) = response.into_parts();
    // The body is complete, so this does not wait.
    let body = body
        .collect()
        .now_or_never()
        .and_then(Result::ok)
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let mut head = format!(
        "HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n",
        parts.status,
        body.len()
    );
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    head.push_str("\r\n");
    [head.as_bytes(), &body].concat().into()
}

/// Rejects a connection for lack of capacity, and closes it so that the client can read the response.
///
/// It waits for the request and reads its head: without CORS headers in the response, the script of a page would only
/// see a network error, and a browser that requests a page should get one.
pub(super) async fn send(mut socket: TcpStream, refusal: impl FnOnce(&EarlyRequest) -> Response) {
    let mut framing = Framing::new();
    let _ = timeout(LINGER, head(&mut socket, &mut framing)).await;
    let refusal = bytes(refusal(&framing.early_request()));
    let _ = timeout(LINGER, async {
        socket.write_all(&refusal).await?;
        socket.shutdown().await?;
        let mut room = [0; 1024];
        while socket.read(&mut room).await? > 0 {}
        std::io::Result::Ok(())
    })
    .await;
}

/// Reads the head of the first request, or as much of it as arrives.
async fn head(socket: &mut TcpStream, framing: &mut Framing) {
    let mut room = [0; 4096];
    while !framing.has_verdict() {
        match socket.read(&mut room).await {
            Ok(read @ 1..) => framing.received(&room[..read]),
            _ => break,
        }
    }
}
