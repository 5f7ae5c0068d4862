//! The span of a request, from which each line of the log has the request's id.
//!
//! Most requests log nothing, and to make a span costs as much as the rest of the layers. So where [`RequestSpans`] is part of
//! the log, a span is made only when something is about to be logged in it.

use std::cell::{Cell, RefCell};

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

/// Runs a step of a request whose account is `account`, as far as it is known, and learns it from the step.
pub(super) fn of_account<T>(account: &mut Option<AccountId>, step: impl FnOnce() -> T) -> T {
    let _before = AccountBefore(ACCOUNT.replace(*account));
    let outcome = step();
    *account = ACCOUNT.get();
    outcome
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
