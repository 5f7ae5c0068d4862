//! The timer of a connection: what it waits for, and until when.
//!
//! hyper's own timer only limits a new head on a kept-alive connection, and does not detect a client that stops reading
//! the response. So the stream, the service and the response body report here, and the connection's task checks the
//! deadline after each step.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::framing::{Framing, FramingError};
use super::limits::{ConnectionLimits, LINGER};
use crate::core::layers::EarlyRequest;

/// Shared by the parts of one connection, all of which run in its task, so it is never contended.
#[derive(Clone)]
pub(super) struct ConnectionTimer(Arc<Shared>);

struct Shared {
    header_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    framing: Framing,
    /// The time by which the client must read more of a response.
    unread: Option<Instant>,
    /// The time by which a head must have arrived, once the server is stopping.
    drain_deadline: Option<Instant>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// A head is being received, or the connection is new.
    Head(Instant),
    /// A response was sent; another request may follow.
    Idle(Instant),
    /// A request is being processed. Its limits are in the layers.
    Answering,
    /// The response is complete, but not fully sent.
    Leaving,
    /// The last response was sent.
    Closing(Instant),
}

/// What the client did not do in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timeout {
    Head,
    Idle,
    Unread,
    Close,
}

impl ConnectionTimer {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        let state = State {
            phase: Phase::Head(Instant::now() + limits.header_timeout),
            framing: Framing::new(),
            unread: None,
            drain_deadline: None,
        };
        Self(Arc::new(Shared {
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            write_timeout: limits.body_timeout,
            state: Mutex::new(state),
        }))
    }

    pub(super) fn received(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if let Phase::Idle(_) = state.phase {
            state.phase = Phase::Head(Instant::now() + self.0.header_timeout);
        }
        state.framing.received(bytes);
    }

    /// A complete head arrived and hyper created a request from it. Checks that it is unambiguous.
    pub(super) fn requested(&self) -> Result<(), FramingError> {
        let mut state = self.lock();
        state.phase = Phase::Answering;
        state.framing.judge()
    }

    /// Records that hyper responds to an unreadable head, of which no more is needed.
    pub(super) fn refusing(&self) {
        self.lock().phase = Phase::Leaving;
    }

    /// Returns whether the rest of a head that hyper cannot read may identify the client. Not if the bytes do not even
    /// look like the start of a head.
    pub(super) fn head_may_come(&self) -> bool {
        let state = self.lock();
        !state.framing.has_verdict() && state.framing.may_be_a_head()
    }

    /// Returns the readable part of a head that hyper cannot parse.
    pub(super) fn early_request(&self) -> EarlyRequest {
        self.lock().framing.early_request()
    }

    pub(super) fn answered(&self) {
        let mut state = self.lock();
        if let Phase::Answering = state.phase {
            state.phase = Phase::Leaving;
        }
    }

    /// Records that the client has stopped reading the response.
    pub(super) fn blocked(&self) {
        self.lock()
            .unread
            .get_or_insert_with(|| Instant::now() + self.0.write_timeout);
    }

    /// Records that the client has read some of it.
    pub(super) fn progressed(&self) {
        self.lock().unread = None;
    }

    /// Records that everything written has been sent.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        if let Phase::Leaving = state.phase {
            state.phase = Phase::Idle(Instant::now() + self.0.idle_timeout);
        }
    }

    /// Returns whether no response is in progress. What is written then is hyper's own response to an unreadable head.
    pub(super) fn is_between_answers(&self) -> bool {
        matches!(self.lock().phase, Phase::Head(_) | Phase::Idle(_))
    }

    /// Records that our side is closed; the client has a moment to close its own.
    pub(super) fn closing(&self) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Closing(_)) {
            state.phase = Phase::Closing(Instant::now() + LINGER);
        }
    }

    /// Sets the time by which a head must have arrived, because the server is stopping.
    pub(super) fn drain_deadline(&self, until: Instant) {
        self.lock().drain_deadline = Some(until);
    }

    /// Returns the client's current deadline and what it would miss. There is none while a request is being processed.
    pub(super) fn deadline(&self) -> Option<(Instant, Timeout)> {
        let state = self.lock();
        let called = |until: Instant| state.drain_deadline.map_or(until, |call| call.min(until));
        let waiting = match state.phase {
            Phase::Head(until) => Some((called(until), Timeout::Head)),
            Phase::Idle(until) => Some((called(until), Timeout::Idle)),
            Phase::Closing(until) => Some((until, Timeout::Close)),
            Phase::Answering | Phase::Leaving => None,
        };
        let unread = state.unread.map(|until| (until, Timeout::Unread));
        waiting.into_iter().chain(unread).min_by_key(|(until, _)| *until)
    }

    /// Ready when the client has missed its deadline. Poll it after each step of the connection.
    pub(super) fn poll_timeout(&self, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Timeout> {
        loop {
            let Some((until, timeout)) = self.deadline() else {
                return Poll::Pending;
            };
            // A later deadline is set only when the alarm fires, so a busy connection rarely touches the timer.
            if until < alarm.deadline() {
                alarm.as_mut().reset(until);
            }
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() >= until {
                return Poll::Ready(timeout);
            }
            alarm.as_mut().reset(until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while holding the lock, and each field is consistent by itself.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
