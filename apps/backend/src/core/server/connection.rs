//! One connection, from its first byte to its end.

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
use tokio::time::sleep_until;
use tower::Service;

use super::admission::UnderWay;
use super::host::{Host, Open};
use super::stream::Watched;
use super::watch::Watch;
use crate::core::layers::Told;
use crate::core::problem::{Code, Problem};

/// Serves one connection until either side ends it, or the watch does.
pub(super) async fn serve(host: Arc<Host>, socket: TcpStream, peer: SocketAddr, _open: Open) {
    let watch = Watch::new(&host.options.limits);
    let stream = Watched::new(socket, watch.clone(), host.options.shell.clone());
    let service = service_fn(|request| answer(&host, &watch, peer, request));
    let mut connection = pin!(host.http.serve_connection(TokioIo::new(stream), service));
    let mut alarm = pin!(sleep_until(watch.deadline().0));
    let mut last_call = pin!(host.last_call());
    let mut called = false;
    loop {
        tokio::select! {
            // In this order: the connection takes its step, and then the watch looks at what came of it.
            biased;
            until = &mut last_call, if !called => {
                called = true;
                watch.last_call(until);
            }
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            overdue = poll_fn(|cx| watch.poll_overdue(alarm.as_mut(), cx)) => {
                host.options.metrics.overdue(overdue);
                tracing::debug!(?overdue, "connection closed: the client took too long");
                return;
            }
        }
    }
}

/// A boxed answer: the future of a request is large, and hyper keeps room for one in each connection.
type Answer = Pin<Box<dyn Future<Output = Result<Response<Watching>, Infallible>> + Send>>;

fn answer(host: &Arc<Host>, watch: &Watch, peer: SocketAddr, mut request: Request<Incoming>) -> Answer {
    let (host, watch) = (host.clone(), watch.clone());
    let fault = watch.requested().err();
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let admitted = host.let_through(peer, request.headers());
    request.extensions_mut().insert(ConnectInfo(peer));
    Box::pin(async move {
        let refusal = match (fault, &admitted) {
            (Some(fault), _) => Some(Problem::new(Code::BadRequest).detail(fault)),
            (None, Err(_)) => Some(Host::too_many()),
            (None, Ok(_)) => None,
        };
        let mut response = match refusal {
            Some(problem) => host
                .options
                .shell
                .refuse(problem, &Told::of(request.uri().path(), request.headers())),
            None => match host.router.clone().call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        };
        if fault.is_some() || chunked || host.shutdown.has_begun() {
            say_close(response.headers_mut());
        }
        Ok(response.map(|body| Watching {
            body,
            watch,
            _under_way: admitted.ok().flatten(),
        }))
    })
}

/// RFC 9112 §9.6: this answer is the last one on its connection.
fn say_close(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}

/// The body of an answer; hyper drops it when it has taken all of it.
struct Watching {
    body: Body,
    watch: Watch,
    /// Until the client has all of it.
    _under_way: Option<UnderWay>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watch.answered();
    }
}

impl HttpBody for Watching {
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
