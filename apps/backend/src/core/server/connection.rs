//! Serves one connection.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Request};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tower::Service;

use super::limiter::RequestPermit;
use super::state::{OpenConnection, ServerState};
use super::stream::TimedStream;
use super::timer::ConnectionTimer;
use crate::core::layers::EarlyRequest;
use crate::core::problem::{Code, Problem};

/// Serves one connection until either side closes it or its timer expires.
pub(super) async fn serve(state: Arc<ServerState>, socket: TcpStream, peer: SocketAddr, _open: OpenConnection) {
    let timer = ConnectionTimer::new(&state.options.limits);
    let stream = TimedStream::new(socket, timer.clone(), state.options.middleware.clone());
    let service = service_fn(|request| answer(&state, &timer, peer, request));
    let mut connection = pin!(state.http.serve_connection(TokioIo::new(stream), service));
    let mut alarm = pin!(sleep(state.options.limits.header_timeout));
    let mut drain_deadline = pin!(state.drain_deadline());
    let mut is_draining = false;
    loop {
        tokio::select! {
            // In this order: the connection makes progress, and then the timer checks the result.
            biased;
            until = &mut drain_deadline, if !is_draining => {
                is_draining = true;
                timer.drain_deadline(until);
            }
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection closed with an error");
                }
                return;
            }
            timeout = poll_fn(|cx| timer.poll_timeout(alarm.as_mut(), cx)) => {
                state.options.metrics.timeout(timeout);
                tracing::debug!(?timeout, "closed a connection: the client took too long");
                return;
            }
        }
    }
}

/// A boxed response: the future of a request is large, and hyper reserves space for one in each connection.
type Answer = Pin<Box<dyn Future<Output = Result<Response<TimedBody>, Infallible>> + Send>>;

fn answer(
    state: &Arc<ServerState>,
    timer: &ConnectionTimer,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Answer {
    let (state, timer) = (state.clone(), timer.clone());
    let fault = timer.requested().err();
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let admitted = state.acquire_for_request(peer, request.headers());
    request.extensions_mut().insert(ConnectInfo(peer));
    Box::pin(async move {
        let refusal = match (fault, &admitted) {
            (Some(fault), _) => Some(Problem::new(Code::BadRequest).detail(fault)),
            (None, Err(_)) => Some(ServerState::too_many()),
            (None, Ok(_)) => None,
        };
        let mut response = match refusal {
            Some(problem) => state
                .options
                .middleware
                .refuse(problem, &EarlyRequest::of(request.uri().path(), request.headers())),
            None => match state.router.clone().call(request.map(bare)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        };
        if fault.is_some() || chunked || state.shutdown.has_begun() {
            say_close(response.headers_mut());
        }
        Ok(response.map(|body| TimedBody {
            body,
            timer,
            _under_way: admitted.ok().flatten(),
        }))
    })
}

/// Returns the body. Most requests have none, so it need not be boxed.
fn bare(body: Incoming) -> Body {
    match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(body),
    }
}

/// Marks this response as the last on its connection (RFC 9112 §9.6).
fn say_close(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}

/// The body of a response. hyper drops it once it has read all of it.
struct TimedBody {
    body: Body,
    timer: ConnectionTimer,
    /// Held until the client has received the whole body.
    _under_way: Option<RequestPermit>,
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        self.timer.answered();
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
