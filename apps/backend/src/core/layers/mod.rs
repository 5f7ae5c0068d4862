//! What every request passes on its way in and every answer on its way out, whatever the route.
//!
//! One middleware, read from top to bottom, rather than a tower of them: each step is a function of its own file, the
//! order can be seen in `handle`, and a request costs one boxed future instead of nine. It knows no feature.

mod body;
mod cors;
mod early;
mod headers;
mod metrics;
mod panics;
mod problems;
mod time;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tracing::Instrument;

pub use self::early::{EarlyPages, EarlyRequest};
pub use self::metrics::Metrics;
pub use self::time::LONGEST_WAIT;
use self::{
    body::Admitted,
    cors::{RefusedOrigins, Visitor},
    metrics::Observed,
};
use super::address::ClientAddress;
use super::problem::Problem;
use super::random::SecureRandom;
use super::refusals::Refusals;
use super::request_id::RequestId;
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

/// The layers, ready to be put around a router. Cloning is cheap.
#[derive(Clone)]
pub struct Middleware(Arc<Inner>);

struct Inner {
    options: LayerOptions,
    metrics: Metrics,
    refused_origins: RefusedOrigins,
}

impl Middleware {
    /// The layers, counting in `metrics`.
    pub fn new(options: LayerOptions, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            options,
            metrics,
            refused_origins: RefusedOrigins::default(),
        }))
    }

    /// Puts the layers around everything that `router` already has: routes added later would have none.
    pub fn wrap(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), handle))
    }

    /// The answer to something that never became a request for the router: it looks like any other problem, or page, and
    /// the scripts of its origin may read it if they may read the API.
    pub fn refuse(&self, problem: Problem, told: &EarlyRequest) -> Response {
        let id = RequestId::random(self.0.options.random);
        let mut response = problems::complete(problem.into_response(), &self.0.options.issuer, &id);
        if let Some(pages) = &self.0.options.early_pages {
            response = pages.dress(response, told);
        }
        Visitor::from_origin(told.origin(), &self.0.options.cors_origins).admit(&mut response);
        headers::protect(&mut response, self.is_https());
        id.echo(&mut response);
        response
    }

    fn is_https(&self) -> bool {
        self.0.options.issuer.starts_with("https://")
    }
}

/// Every request walks down this function, and every answer walks up.
async fn handle(State(middleware): State<Middleware>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let Inner {
        options,
        metrics,
        refused_origins,
    } = &*middleware.0;
    let id = RequestId::assign(&mut request, &options.trusted_proxies, options.random);
    let address = ClientAddress::assign(&mut request, &options.trusted_proxies);
    let traced = options
        .traced
        .then(|| trace_context::span(&request, &id, &options.trusted_proxies));
    let span = traced
        .clone()
        .unwrap_or_else(|| tracing::info_span!("request", request_id = %id));
    async {
        let observed = Observed::of(&request, address);
        let visitor = Visitor::of(&request, &options.cors_origins);
        let response = match visitor.preflight(&request, refused_origins) {
            Some(preflight) => preflight,
            None => {
                visitor.note(&request, &options.issuer, refused_origins);
                answer(&middleware, request, next).await
            }
        };
        let mut response = problems::complete(response, &options.issuer, &id);
        visitor.admit(&mut response);
        headers::protect(&mut response, middleware.is_https());
        id.echo(&mut response);
        observed.note_refusal(response.status(), &options.refusals);
        if let Some(span) = traced {
            observed.describe(&span, response.status());
        }
        metrics.observe(observed, response.status(), started.elapsed());
        response
    }
    .instrument(span)
    .await
}

/// The answer itself: within its limits of size and time, and whatever the handler does.
async fn answer(middleware: &Middleware, request: Request, next: Next) -> Response {
    let Inner { options, metrics, .. } = &*middleware.0;
    let without = options.optional_bodies.contains(&request.uri().path());
    let Admitted { request, failure } = match body::admit(request, options.body_timeout, without) {
        Ok(admitted) => admitted,
        Err(code) => return body::refuse(code),
    };
    let limit = time::limit(&request, options.request_timeout);
    let response = time::within(limit, panics::catch(next.run(request), metrics)).await;
    failure.overrule(response)
}

#[cfg(test)]
mod tests;
