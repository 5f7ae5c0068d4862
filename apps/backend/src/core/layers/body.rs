//! Limits on the body of a request: 64 KiB, uncompressed, within a time limit.

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

/// The maximum body size. The largest legitimate one, a form, has a few hundred bytes.
pub(super) const LIMIT: u64 = 64 * 1024;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// A request whose body is limited, and the outcome of the limits.
pub(super) struct Admitted {
    pub(super) request: Request,
    pub(super) failure: BodyFailure,
}

/// Whether the body exceeded a limit while it was read.
#[derive(Clone, Default)]
pub(super) struct BodyFailure(Option<Arc<OnceLock<Code>>>);

/// Limits the body, and rejects a request at once if its headers show that it exceeds them, unless the handler works `without`
/// its body; then the error occurs when it is read.
pub(super) fn admit(request: Request, timeout: Duration, without: bool) -> Result<Admitted, Code> {
    // First, because a proxy that asks about a compressed upload sends its headers without its body.
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

/// Returns the limit that the headers show to be exceeded.
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
    /// Tells the client which limit was exceeded; the handler only sees that the body ended with an error. What was done without
    /// the body remains done.
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

/// The rest of the body is not read, so the connection cannot be reused (RFC 9112 §9.3).
pub(super) fn refuse(code: Code) -> Response {
    Problem::new(code).header(CONNECTION, CLOSE).into_response()
}

/// A body that ends with an error when it exceeds its size or time limit.
struct Bounded {
    inner: Body,
    /// A limit that the body is known to exceed before it is read.
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
