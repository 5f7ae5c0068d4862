//! Forms in flight. A double click sends a form twice, and the browser shows the answer to the second: it waits for the
//! first, and both get its answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context as Digest, SHA256};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, ORIGIN, USER_AGENT};
use http::request::Parts;
use http::{Method, response};
use tracing::Instrument;

use crate::core::problem::{Code, Problem};

/// The same form of the same browser.
type Key = [u8; 32];
/// A whole answer, for each who waits for it; none if its handler broke.
type Answer = Shared<BoxFuture<'static, Option<Arc<(response::Parts, Bytes)>>>>;

/// The forms that are being handled.
#[derive(Clone, Default)]
pub(super) struct SingleFlight(Arc<Mutex<HashMap<Key, Answer>>>);

impl SingleFlight {
    /// Handles a request; one that is being handled already is not handled once more. `browser` is what only one browser
    /// knows, and none if nothing tells it from others.
    pub(super) async fn once<F>(
        &self,
        browser: Option<&str>,
        request: Request,
        handle: impl FnOnce(Request) -> F,
    ) -> Response
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let Some(browser) = browser.filter(|_| *request.method() == Method::POST) else {
            return handle(request).await;
        };
        let (parts, body) = request.into_parts();
        // Its limits are around it already, and have the last word on what is answered.
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            return Problem::new(Code::MalformedBody).into_response();
        };
        let key = key(browser, &parts, &body);
        let answer = {
            let mut in_flight = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match in_flight.entry(key) {
                Entry::Occupied(first) => first.get().clone(),
                Entry::Vacant(free) => {
                    let answer = self.begin(key, handle(Request::from_parts(parts, Body::from(body))));
                    free.insert(answer).clone()
                }
            }
        };
        match answer.await {
            Some(answer) => {
                let (parts, body) = &*answer;
                Response::from_parts(parts.clone(), Body::from(body.clone()))
            }
            None => Problem::internal("the handler of a form broke").into_response(),
        }
    }

    /// In a task of its own: a browser that clicks once more gives up its first request.
    fn begin(&self, key: Key, response: impl Future<Output = Response> + Send + 'static) -> Answer {
        let flight = Flight(self.clone(), key);
        let handled = async move {
            let _flight = flight;
            let (parts, body) = response.await.into_parts();
            Some(Arc::new((parts, to_bytes(body, usize::MAX).await.ok()?)))
        };
        let task = tokio::spawn(handled.in_current_span());
        task.map(|answer| answer.ok().flatten()).boxed().shared()
    }
}

/// Keeps a form among those in flight until it was handled, or its handler broke.
struct Flight(SingleFlight, Key);

impl Drop for Flight {
    fn drop(&mut self) {
        let Self(SingleFlight(forms), key) = self;
        forms.lock().unwrap_or_else(PoisonError::into_inner).remove(&*key);
    }
}

/// Everything of a request that its answer may depend on.
fn key(browser: &str, parts: &Parts, body: &Bytes) -> Key {
    let mut digest = Digest::new(&SHA256);
    let mut add = |bytes: &[u8]| {
        digest.update(&(bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    add(browser.as_bytes());
    add(parts.uri.to_string().as_bytes());
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    add(peer.map_or_else(String::new, |peer| peer.0.ip().to_string()).as_bytes());
    for name in [COOKIE, CONTENT_TYPE, ORIGIN, ACCEPT_LANGUAGE, USER_AGENT] {
        for value in parts.headers.get_all(&name) {
            add(value.as_bytes());
        }
        add(name.as_str().as_bytes());
    }
    for name in ["sec-fetch-site", "x-forwarded-for", "forwarded"] {
        for value in parts.headers.get_all(name) {
            add(value.as_bytes());
        }
        add(name.as_bytes());
    }
    add(body);
    let mut key = [0; 32];
    key.copy_from_slice(digest.finish().as_ref());
    key
}
