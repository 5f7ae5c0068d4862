//! Any bytes on a connection: the verdict on each head does not depend on how the bytes are split, and hyper creates no request
//! without a verdict.
#![no_main]

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use countersign::core::server::Framing;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

type Shared = Rc<RefCell<Framing>>;

/// A client that has sent everything and accepts any response.
struct Wire {
    bytes: Vec<u8>,
    sent: usize,
    cut: usize,
    framing: Shared,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let end = (self.sent + self.cut.min(room.remaining())).min(self.bytes.len());
        let part = self.bytes[self.sent..end].to_vec();
        room.put_slice(&part);
        self.framing.borrow_mut().received(&part);
        self.sent = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The verdicts on the requests that hyper created, until the connection ends.
fn verdicts(bytes: &[u8], cut: usize) -> Vec<bool> {
    let framing = Shared::default();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let wire = Wire {
        bytes: bytes.to_vec(),
        sent: 0,
        cut,
        framing: framing.clone(),
    };
    let service = service_fn(|request: Request<Incoming>| {
        let verdict = framing.borrow_mut().judge();
        assert_ne!(
            verdict,
            Err("The headers are malformed."),
            "hyper read on where nothing is followed"
        );
        seen.borrow_mut().push(verdict.is_ok());
        let length = length(request.headers());
        let last = verdict.is_err() || request.headers().contains_key("transfer-encoding");
        async move {
            let body = request.into_body().collect().await;
            if let (Ok(body), Some(length), false) = (body, length, last) {
                assert_eq!(body.to_bytes().len() as u64, length);
            }
            let mut response = Response::new(Empty::<Bytes>::new());
            if last {
                response
                    .headers_mut()
                    .insert("connection", http::HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = Builder::new();
    builder.header_read_timeout(None).max_buf_size(16 * 1024);
    let connection = builder.serve_connection(TokioIo::new(wire), service);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let _ = runtime.block_on(connection);
    seen.borrow().clone()
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get("content-length")?.to_str().ok()?.parse().ok()
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, bytes) = input;
    assert_eq!(verdicts(&bytes, usize::MAX), verdicts(&bytes, usize::from(cut).max(1)));
});
