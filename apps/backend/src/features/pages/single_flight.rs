//! Forms being handled. A double click sends a form twice, and the browser shows the response to the second request. The
//! second waits for the first, and both get the same response.

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

use crate::core::ids::AccountId;
use crate::core::layers::{Continued, note_account};
use crate::core::problem::{Code, Problem};

/// Identifies a form sent by a browser.
type Key = [u8; 32];
/// A complete response, with the account that it concerns, if known.
type Handled = (Arc<(response::Parts, Bytes)>, Option<AccountId>);
/// Shared by all requests that wait for it; `None` if its handler failed.
type Answer = Shared<BoxFuture<'static, Option<Handled>>>;

/// The forms being handled.
#[derive(Clone, Default)]
pub(super) struct SingleFlight(Arc<Mutex<HashMap<Key, Answer>>>);

impl SingleFlight {
    /// Handles a request, unless the same one is already being handled; then it gets the same response. `browser` is a
    /// secret of the browser; with `None`, requests are not compared.
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
        // The layers outside this one limit the size of the body.
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
            Some((answer, account)) => {
                if let Some(account) = account {
                    note_account(account);
                }
                let (parts, body) = &*answer;
                Response::from_parts(parts.clone(), Body::from(body.clone()))
            }
            None => Problem::internal("the handler of a form broke").into_response(),
        }
    }

    /// Handles a request in its own task, because a browser cancels its first request when a button is clicked again.
    fn begin(&self, key: Key, response: impl Future<Output = Response> + Send + 'static) -> Answer {
        let flight = Flight(self.clone(), key);
        let handled = async move {
            let _flight = flight;
            let (parts, body) = response.await.into_parts();
            Some(Arc::new((parts, to_bytes(body, usize::MAX).await.ok()?)))
        };
        let task = tokio::spawn(Continued::of(handled));
        task.map(|done| done.ok().and_then(|(answer, account)| Some((answer?, account))))
            .boxed()
            .shared()
    }
}

/// Keeps a form registered until its handler has finished or failed.
struct Flight(SingleFlight, Key);

impl Drop for Flight {
    fn drop(&mut self) {
        let Self(SingleFlight(forms), key) = self;
        forms.lock().unwrap_or_else(PoisonError::into_inner).remove(&*key);
    }
}

/// Hashes everything in a request that its response may depend on.
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
