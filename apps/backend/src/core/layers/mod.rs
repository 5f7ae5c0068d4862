//! What every request passes on its way in and every answer on its way out, whatever the route.
//!
//! One service, read from top to bottom, rather than a tower of them: each step is a function of its own file, the order
//! can be seen in `Layered::call`, and a request costs one boxed future instead of nine. It knows no feature.

mod body;
mod cors;
mod early;
mod headers;
mod line;
mod metrics;
mod panics;
mod problems;
mod span;
mod time;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tower::{Layer, Service};

pub use self::early::{EarlyPages, EarlyRequest};
pub use self::line::TerminalFormat;
pub use self::metrics::Metrics;
pub use self::span::{RequestSpans, note_account};
pub use self::time::LONGEST_WAIT;
use self::{
    body::{Admitted, BodyFailure},
    cors::{RefusedOrigins, Visitor},
    headers::Headers,
    metrics::{Observed, Tally},
    span::{InSpan, RequestSpan},
};
use super::address::ClientAddress;
use super::problem::Problem;
use super::random::SecureRandom;
use super::refusals::Refusals;
use super::request_id::RequestIds;
use super::trace_context;

/// What the layers need to know.
#[derive(Clone)]
pub struct LayerOptions {
    /// The issuer: where problems are explained, and whether TLS is used (`https://`).
    pub issuer: String,
    /// The peers whose `X-Request-Id` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The exact origins whose scripts may call `/api`.
    pub cors_origins: Vec<String>,
    /// How long the body of a request may take, all of it.
    pub body_timeout: Duration,
    /// The paths whose handlers can do without the body, whatever is wrong with it.
    pub optional_bodies: &'static [&'static str],
    /// How long a whole request may take before it is answered 503.
    pub request_timeout: Duration,
    pub random: SecureRandom,
    pub traced: bool,
    /// Where those are counted who were turned away.
    pub refusals: Refusals,
    /// What a person is shown who is refused before a route is found; none shows problems alone.
    pub early_pages: Option<EarlyPages>,
}

/// The layers, ready to be put around a router with [`axum::Router::layer`]: routes that are added later have none.
/// Cloning is cheap.
#[derive(Clone)]
pub struct Middleware(Arc<Inner>);

struct Inner {
    options: LayerOptions,
    ids: RequestIds,
    headers: Headers,
    metrics: Metrics,
    refused_origins: RefusedOrigins,
}

/// A route within the layers.
#[derive(Clone)]
pub struct Layered<S> {
    inner: S,
    middleware: Middleware,
    usual: Arc<OnceLock<Tally>>,
}

impl Middleware {
    /// The layers, counting in `metrics`.
    pub fn new(options: LayerOptions, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            ids: RequestIds::new(options.random),
            headers: Headers::new(options.issuer.starts_with("https://")),
            options,
            metrics,
            refused_origins: RefusedOrigins::default(),
        }))
    }

    /// The answer to something that never became a request for the router: it looks like any other problem, or page, and
    /// the scripts of its origin may read it if they may read the API.
    pub fn refuse(&self, problem: Problem, told: &EarlyRequest) -> Response {
        let Inner {
            options, ids, headers, ..
        } = &*self.0;
        let id = ids.fresh();
        let (status, code) = (problem.http_status().as_u16(), problem.code().name());
        match status {
            500.. => tracing::error!(request_id = %id, status, code, "refused a connection or request before routing"),
            _ => tracing::debug!(request_id = %id, status, code, "refused a request before routing"),
        }
        let mut response = problems::complete(problem.into_response(), &options.issuer, &id);
        if let Some(pages) = &options.early_pages {
            response = pages.dress(response, told);
        }
        Visitor::from_origin(told.origin(), &options.cors_origins).admit(&mut response);
        headers.protect(&mut response);
        id.echo(&mut response);
        response
    }
}

impl<S> Layer<S> for Middleware {
    type Service = Layered<S>;

    fn layer(&self, inner: S) -> Layered<S> {
        Layered {
            inner,
            middleware: self.clone(),
            usual: Arc::default(),
        }
    }
}

impl<S> Service<Request> for Layered<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = InSpan<Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    /// Every request walks down this function, and every answer walks up.
    fn call(&mut self, mut request: Request) -> Self::Future {
        let started = Instant::now();
        let (middleware, usual) = (self.middleware.clone(), self.usual.clone());
        let Inner {
            options,
            ids,
            refused_origins,
            ..
        } = &*middleware.0;
        let id = ids.assign(&mut request, &options.trusted_proxies);
        let address = ClientAddress::assign(&mut request, &options.trusted_proxies);
        let traced = options
            .traced
            .then(|| trace_context::span(&request, &id, &options.trusted_proxies));
        let mut span = match &traced {
            Some(span) => RequestSpan::Made(span.clone()),
            None => RequestSpan::of(&id),
        };
        let observed = Observed::of(&request, address);
        let visitor = Visitor::of(&request, &options.cors_origins);
        let answer = span.scope(|| match visitor.preflight(&request, refused_origins) {
            Some(preflight) => Answer::Ready(preflight),
            None => {
                visitor.note(&request, &options.issuer, refused_origins);
                Answer::begin(request, options, &mut self.inner)
            }
        });
        let answered = Box::pin(async move {
            let Inner {
                options,
                headers,
                metrics,
                ..
            } = &*middleware.0;
            let mut response = problems::complete(answer.end(metrics).await, &options.issuer, &id);
            visitor.admit(&mut response);
            headers.protect(&mut response);
            id.echo(&mut response);
            observed.note_refusal(response.status(), &options.refusals);
            if let Some(span) = traced {
                observed.describe(&span, response.status());
            }
            metrics.observe(&usual, observed, &response, started.elapsed());
            Ok(response)
        });
        InSpan::new(span, answered)
    }
}

/// The answer itself: within its limits of size and time, and whatever the handler does.
enum Answer<F> {
    Ready(Response),
    Handled {
        handler: F,
        limit: Duration,
        failure: BodyFailure,
    },
}

impl<F: Future<Output = Result<Response, Infallible>>> Answer<F> {
    fn begin(request: Request, options: &LayerOptions, inner: &mut impl Service<Request, Future = F>) -> Self {
        let without = options.optional_bodies.contains(&request.uri().path());
        match body::admit(request, options.body_timeout, without) {
            Ok(Admitted { request, failure }) => Self::Handled {
                limit: time::limit(&request, options.request_timeout),
                handler: inner.call(request),
                failure,
            },
            Err(code) => Self::Ready(body::refuse(code)),
        }
    }

    async fn end(self, metrics: &Metrics) -> Response {
        match self {
            Self::Ready(response) => response,
            Self::Handled {
                handler,
                limit,
                failure,
            } => failure.overrule(time::within(limit, panics::catch(handler, metrics)).await),
        }
    }
}

#[cfg(test)]
mod tests;
