//! The span of a request, which adds the request ID to its log lines.
//!
//! Most requests log nothing, and creating a span costs as much as the rest of the middleware. With [`RequestSpans`] in
//! the subscriber, a span is created only before the first event in it is logged.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{self, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tracing::level_filters::LevelFilter;
use tracing::span::EnteredSpan;
use tracing::{Dispatch, Event, Span, Subscriber, dispatcher};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::core::ids::AccountId;
use crate::core::request_id::RequestId;

/// Creates the span of a request before its first event is logged. Added to the global subscriber.
pub struct RequestSpans;

/// A request's span.
pub(super) enum RequestSpan {
    Made(Span),
    /// Not created yet.
    Due(RequestId),
}

// A tracing layer receives neither the request nor its task, so they are passed through the thread that runs the step.
thread_local! {
    /// The request whose step runs on this thread, if its span is not created yet, and the span once it is.
    static UNDER_WAY: RefCell<Option<(RequestId, Option<EnteredSpan>)>> = const { RefCell::new(None) };
    /// The account of the request whose step runs on this thread, once known.
    static ACCOUNT: Cell<Option<AccountId>> = const { Cell::new(None) };
}

/// Sets the account of the current request, which its log line contains.
pub fn note_account(account: AccountId) {
    ACCOUNT.set(Some(account));
}

/// Returns the account of the current request, if known.
pub(super) fn account() -> Option<AccountId> {
    ACCOUNT.get()
}

impl RequestSpan {
    pub(super) fn of(id: &RequestId) -> Self {
        // From DEBUG on, other spans would be created within it.
        let is_quiet = LevelFilter::current() <= LevelFilter::INFO;
        match is_quiet && dispatcher::get_default(Dispatch::is::<RequestSpans>) {
            true => Self::Due(*id),
            false => Self::Made(make(id)),
        }
    }

    /// Runs a step of the request within its span.
    pub(super) fn scope<T>(&mut self, step: impl FnOnce() -> T) -> T {
        let id = match self {
            Self::Made(span) => return span.in_scope(step),
            Self::Due(id) => *id,
        };
        let before = Before(UNDER_WAY.replace(Some((id, None))));
        let outcome = step();
        let made = UNDER_WAY.with_borrow_mut(|under_way| under_way.as_mut().and_then(|(_, span)| span.take()));
        if let Some(span) = made {
            *self = Self::Made(span.exit());
        }
        drop(before);
        outcome
    }
}

/// Runs a step of a request with its account, if known, and stores the account that the step determines.
pub(super) fn of_account<T>(account: &mut Option<AccountId>, step: impl FnOnce() -> T) -> T {
    let _before = AccountBefore(ACCOUNT.replace(*account));
    let outcome = step();
    *account = ACCOUNT.get();
    outcome
}

/// The work of a request that continues in a separate task. Its log lines carry the request ID.
pub struct Continued<T> {
    span: RequestSpan,
    account: Option<AccountId>,
    work: BoxFuture<'static, T>,
}

impl<T> Continued<T> {
    /// Continues the current request.
    pub fn of(work: impl Future<Output = T> + Send + 'static) -> Self {
        let span = UNDER_WAY.with_borrow(|under_way| match under_way {
            Some((id, None)) => RequestSpan::Due(*id),
            Some((_, Some(span))) => RequestSpan::Made(Span::clone(span)),
            None => RequestSpan::Made(Span::current()),
        });
        Self {
            span,
            account: account(),
            work: work.boxed(),
        }
    }
}

impl<T> Future for Continued<T> {
    /// With the account of the request, if known. It is not set on the request, which may wait for the work of another one.
    type Output = (T, Option<AccountId>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let Self { span, account, work } = &mut *self;
        let done = of_account(account, || span.scope(|| work.poll_unpin(cx)));
        done.map(|done| (done, *account))
    }
}

fn make(id: &RequestId) -> Span {
    tracing::info_span!("request", request_id = %id)
}

/// Restores the previous request of this thread when dropped, even after a panic.
struct Before(Option<(RequestId, Option<EnteredSpan>)>);

impl Drop for Before {
    fn drop(&mut self) {
        UNDER_WAY.set(self.0.take());
    }
}

/// Restores the previous account of this thread when dropped, even after a panic.
struct AccountBefore(Option<AccountId>);

impl Drop for AccountBefore {
    fn drop(&mut self) {
        ACCOUNT.set(self.0.take());
    }
}

impl<S: Subscriber> Layer<S> for RequestSpans {
    fn event_enabled(&self, _: &Event<'_>, _: Context<'_, S>) -> bool {
        UNDER_WAY.with_borrow_mut(|under_way| {
            if let Some((id, span @ None)) = under_way {
                *span = Some(make(id).entered());
            }
        });
        true
    }
}
