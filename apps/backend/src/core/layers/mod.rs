//! The middleware of all routes.
//!
//! One service instead of a stack of them: each step is a function in its own file, `Layered::call` and `Ending::end`
//! show the order, and a request needs no boxed future. It does not depend on any feature.

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
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use ipnet::IpNet;
use tower::{Layer, Service};
use tracing::Span;

pub use self::early::{EarlyPages, EarlyRequest};
pub use self::line::TerminalFormat;
pub use self::metrics::Metrics;
pub use self::span::{Continued, RequestSpans, note_account};
pub use self::time::LONGEST_WAIT;
use self::{
    body::{Admitted, BodyFailure},
    cors::{Page, RefusedOrigins, Visitor},
    headers::Headers,
    metrics::{Observed, Tally},
    problems::Form,
    span::{RequestSpan, of_account},
    time::TimeLimit,
};
use super::address::ClientAddress;
use super::applications::Applications;
use super::ids::AccountId;
use super::problem::Problem;
use super::random::SecureRandom;
use super::refusals::Refusals;
use super::request_id::{RequestId, RequestIds};
use super::trace_context;

/// The options of the middleware.
#[derive(Clone)]
pub struct LayerOptions {
    /// The issuer: the base URL of problem types. `https://` means that TLS is used.
    pub issuer: String,
    /// The peers whose `X-Request-Id` is accepted.
    pub trusted_proxies: Vec<IpNet>,
    /// The applications whose scripts may call `/api`.
    pub applications: Applications,
    /// The time limit for receiving the whole body.
    pub body_timeout: Duration,
    /// The paths whose handlers work without the body, even if it is invalid.
    pub optional_bodies: &'static [&'static str],
    /// The time limit of a whole request, after which the response is 503.
    pub request_timeout: Duration,
    pub random: SecureRandom,
    pub traced: bool,
    /// Counts rejected requests.
    pub refusals: Refusals,
    /// The pages for requests rejected before routing; without them, all clients get problems.
    pub early_pages: Option<EarlyPages>,
}

/// The middleware, to be added to a router with [`axum::Router::layer`]. Routes added later do not get it. Cheap to
/// clone.
#[derive(Clone)]
pub struct Middleware(Arc<Inner>);

struct Inner {
    options: LayerOptions,
    ids: RequestIds,
    headers: Headers,
    metrics: Metrics,
    refused_origins: RefusedOrigins,
}

/// A route with the middleware.
#[derive(Clone)]
pub struct Layered<S> {
    inner: S,
    middleware: Middleware,
    usual: Arc<OnceLock<Tally>>,
}

impl Middleware {
    /// Creates the middleware, which counts in `metrics`.
    pub fn new(options: LayerOptions, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            ids: RequestIds::new(options.random),
            headers: Headers::new(options.issuer.starts_with("https://")),
            options,
            metrics,
            refused_origins: RefusedOrigins::default(),
        }))
    }

    /// Returns the response to a request that is rejected before routing. It looks like any other problem or page, and
    /// has the CORS headers of the API.
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
        let form = told.path.as_deref().map_or(Form::Problem, Form::of);
        let mut response = problems::complete(problem.into_response(), form, &options.issuer, &id);
        if let Some(pages) = &options.early_pages {
            response = pages.dress(response, told);
        }
        let visitor = Visitor::from_head(told, &options.applications);
        headers.protect(&mut response, &visitor, &id);
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
    S::Future: Unpin,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    /// Processes a request; [`Ending::end`] processes the response.
    fn call(&mut self, mut request: Request) -> Self::Future {
        let started = Instant::now();
        let Inner { options, ids, .. } = &*self.middleware.0;
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
        let visitor = Visitor::of(&request, &options.applications);
        let form = Form::of(request.uri().path());
        if let Some(start) = visitor.start_page(&options.applications) {
            request.extensions_mut().insert(start);
        }
        let page = Page::of(&request);
        let answer = span.scope(|| match visitor.preflight(&request) {
            Some(preflight) => Answer::Ready(preflight),
            None => Answer::begin(request, options, &mut self.inner),
        });
        let ending = Ending {
            middleware: self.middleware.clone(),
            usual: self.usual.clone(),
            started,
            id,
            traced,
            observed,
            visitor,
            page,
            form,
        };
        Answering {
            span,
            account: None,
            answer,
            ending: Some(ending),
        }
    }
}

/// A request in progress. Each step runs within its span.
pub struct Answering<F> {
    span: RequestSpan,
    /// The account of the request, once known.
    account: Option<AccountId>,
    answer: Answer<F>,
    /// `None` once the request has ended.
    ending: Option<Ending>,
}

impl<F: Future<Output = Result<Response, Infallible>> + Unpin> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            span,
            account,
            answer,
            ending,
        } = &mut *self;
        let step = || {
            let Some(still) = ending else { return Poll::Pending };
            let response = ready!(answer.poll(cx, &still.middleware.0.metrics));
            Poll::Ready(Ok(match ending.take() {
                Some(ending) => ending.end(response),
                None => response,
            }))
        };
        of_account(account, || span.scope(step))
    }
}

/// The processing of a response, and what it needs.
struct Ending {
    middleware: Middleware,
    usual: Arc<OnceLock<Tally>>,
    started: Instant,
    id: RequestId,
    traced: Option<Span>,
    observed: Observed,
    visitor: Visitor,
    page: Option<Page>,
    form: Form,
}

impl Ending {
    fn end(self, response: Response) -> Response {
        let Inner {
            options,
            headers,
            metrics,
            refused_origins,
            ..
        } = &*self.middleware.0;
        let mut response = problems::complete(response, self.form, &options.issuer, &self.id);
        headers.protect(&mut response, &self.visitor, &self.id);
        self.observed.note_refusal(response.status(), &options.refusals);
        if let Some(page) = &self.page {
            let code = problems::of(&response).map(Problem::code);
            if let Some(fault) = self.visitor.fault(page, code, &options.issuer) {
                refused_origins.name(&page.origin, fault);
            }
        }
        if let Some(span) = self.traced {
            self.observed.describe(&span, response.status());
        }
        metrics.observe(&self.usual, self.observed, &response, self.started.elapsed());
        response
    }
}

/// The state of the response, within its limits of size and time.
enum Answer<F> {
    Ready(Response),
    Handled {
        handler: TimeLimit<F>,
        failure: BodyFailure,
    },
    /// The response has been returned.
    Given,
}

impl<F: Future<Output = Result<Response, Infallible>> + Unpin> Answer<F> {
    fn begin(request: Request, options: &LayerOptions, inner: &mut impl Service<Request, Future = F>) -> Self {
        let without = options.optional_bodies.contains(&request.uri().path());
        match body::admit(request, options.body_timeout, without) {
            Ok(Admitted { request, failure }) => {
                let limit = time::limit(&request, options.request_timeout);
                Self::Handled {
                    handler: TimeLimit::new(inner.call(request), limit),
                    failure,
                }
            }
            Err(code) => Self::Ready(body::refuse(code)),
        }
    }

    /// Polls the handler, and drops it once it has responded.
    fn poll(&mut self, cx: &mut Context<'_>, metrics: &Metrics) -> Poll<Response> {
        let answered = match self {
            Self::Handled { handler, failure } => {
                let response =
                    ready!(handler.poll(cx, |handler, cx| panics::catch(|| handler.poll_unpin(cx), metrics)));
                Some(failure.overrule(response))
            }
            Self::Ready(_) | Self::Given => None,
        };
        match (std::mem::replace(self, Self::Given), answered) {
            (_, Some(response)) | (Self::Ready(response), None) => Poll::Ready(response),
            (Self::Handled { .. } | Self::Given, None) => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
