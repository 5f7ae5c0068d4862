//! The limits on the body of a request: 64 KiB, not compressed, and all of it within a time.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_ENCODING, HeaderValue};
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::core::problem::{Code, Problem};

/// The largest body. The largest honest one, a form, takes a few hundred bytes.
pub(super) const LIMIT: u64 = 64 * 1024;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// A request whose body will stay within its limits, or ends with an error, and what becomes of it.
pub(super) struct Admitted {
    pub(super) request: Request,
    pub(super) failure: BodyFailure,
}

/// Whether the body went beyond a limit while it was read.
#[derive(Clone, Default)]
pub(super) struct BodyFailure(Option<Arc<OnceLock<Code>>>);

/// Puts the limits around the body, and refuses at once what can be seen to break them; unless the handler can do
/// `without` its body: then it finds out when it reads.
pub(super) fn admit(request: Request, timeout: Duration, without: bool) -> Result<Admitted, Code> {
    // First, because a proxy that asks us about a compressed upload sends its headers without its body.
    if request.body().is_end_stream() {
        return Ok(Admitted {
            request,
            failure: BodyFailure::default(),
        });
    }
    let foreseen = foreseen(&request);
    if let Some(code) = foreseen.filter(|_| !without) {
        return Err(code);
    }
    let exceeded = Arc::new(OnceLock::new());
    let failure = BodyFailure(Some(exceeded.clone()));
    let bounded = |inner| Bounded {
        inner,
        foreseen,
        left: LIMIT,
        sleep: Box::pin(tokio::time::sleep(timeout)),
        exceeded,
    };
    Ok(Admitted {
        request: request.map(|inner| Body::new(bounded(inner))),
        failure,
    })
}

/// The limit that the headers show to be broken.
fn foreseen(request: &Request) -> Option<Code> {
    let encoding = request.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != HeaderValue::from_static("identity")) {
        Some(Code::UnsupportedMediaType)
    } else if request.body().size_hint().lower() > LIMIT {
        Some(Code::BodyTooLarge)
    } else {
        None
    }
}

impl BodyFailure {
    /// A handler sees only that the body ended with an error; the client is told which limit it met. What was done without
    /// the body is done.
    pub(super) fn overrule(&self, mut response: Response) -> Response {
        match self.0.as_ref().and_then(|exceeded| exceeded.get()) {
            None => response,
            Some(_) if response.status().is_success() => {
                response.headers_mut().insert(CONNECTION, CLOSE);
                response
            }
            Some(code) => refuse(*code),
        }
    }
}

/// The rest of the body is not read, so the connection cannot be used again (RFC 9112 §9.3).
pub(super) fn refuse(code: Code) -> Response {
    Problem::new(code).header(CONNECTION, CLOSE).into_response()
}

/// A body that ends with an error beyond its limits of size and time.
struct Bounded {
    inner: Body,
    /// The limit that the body is known to break before any of it is read.
    foreseen: Option<Code>,
    left: u64,
    sleep: Pin<Box<Sleep>>,
    exceeded: Arc<OnceLock<Code>>,
}

impl Bounded {
    fn end(&self, code: Code) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let code = *self.exceeded.get_or_init(|| code);
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other(code.title())))))
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(code) = self.foreseen {
            return self.end(code);
        }
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            ready!(self.sleep.as_mut().poll(cx));
            return self.end(Code::RequestTimeout);
        };
        let length = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok())
            .and_then(Frame::data_ref)
            .map_or(0, Bytes::len);
        match self.left.checked_sub(length as u64) {
            Some(left) => self.left = left,
            None => return self.end(Code::BodyTooLarge),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
