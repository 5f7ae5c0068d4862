//! The span of a request, from which each line of the log has the request's id.
//!
//! Most requests log nothing, and to make a span costs as much as the rest of the layers. So where [`RequestSpans`] is part of
//! the log, a span is made only when something is about to be logged in it.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context as Waker, Poll};

use futures_util::future::BoxFuture;
use tracing::level_filters::LevelFilter;
use tracing::span::EnteredSpan;
use tracing::{Dispatch, Event, Span, Subscriber, dispatcher};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::core::ids::AccountId;
use crate::core::request_id::RequestId;

/// Makes the span of a request before the first event in it is logged. To be added to the global subscriber.
pub struct RequestSpans;

/// A request's span.
pub(super) enum RequestSpan {
    Made(Span),
    /// Not yet.
    Due(RequestId),
}

/// What a request still has to do, each step of it within its span.
pub struct InSpan<T> {
    span: RequestSpan,
    account: Option<AccountId>,
    request: BoxFuture<'static, T>,
}

// A layer of the log is told neither the request nor its task: they meet on the thread that runs a step.
thread_local! {
    /// The request whose step is run on this thread, if its span is due, and the span once it is made.
    static UNDER_WAY: RefCell<Option<(RequestId, Option<EnteredSpan>)>> = const { RefCell::new(None) };
    /// The account of the request whose step is run on this thread, once it is known.
    static ACCOUNT: Cell<Option<AccountId>> = const { Cell::new(None) };
}

/// Tells the log which account the request under way belongs to: its line names the account.
pub fn note_account(account: AccountId) {
    ACCOUNT.set(Some(account));
}

/// The account of the request under way, if it is known.
pub(super) fn account() -> Option<AccountId> {
    ACCOUNT.get()
}

impl RequestSpan {
    pub(super) fn of(id: &RequestId) -> Self {
        // Other spans would be made within it from DEBUG on.
        let is_quiet = LevelFilter::current() <= LevelFilter::INFO;
        match is_quiet && dispatcher::get_default(Dispatch::is::<RequestSpans>) {
            true => Self::Due(id.clone()),
            false => Self::Made(make(id)),
        }
    }

    /// Runs a step of the request within its span.
    pub(super) fn scope<T>(&mut self, step: impl FnOnce() -> T) -> T {
        let id = match self {
            Self::Made(span) => return span.in_scope(step),
            Self::Due(id) => id.clone(),
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

impl<T> InSpan<T> {
    pub(super) fn new(span: RequestSpan, request: BoxFuture<'static, T>) -> Self {
        Self {
            span,
            account: None,
            request,
        }
    }
}

impl<T> Future for InSpan<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<T> {
        let Self { span, account, request } = &mut *self;
        let _before = AccountBefore(ACCOUNT.replace(*account));
        let polled = span.scope(|| request.as_mut().poll(cx));
        *account = ACCOUNT.get();
        polled
    }
}

fn make(id: &RequestId) -> Span {
    tracing::info_span!("request", request_id = %id)
}

/// What was under way on this thread before, and is again, even after a panic.
struct Before(Option<(RequestId, Option<EnteredSpan>)>);

impl Drop for Before {
    fn drop(&mut self) {
        UNDER_WAY.set(self.0.take());
    }
}

/// The account of what was under way on this thread before, likewise.
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
