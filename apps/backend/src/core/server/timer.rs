//! The timer of one connection: what it waits for, and until when.
//!
//! hyper's own timer would give a kept-alive connection no more than a new head, and knows nothing of a client that
//! does not read its answer. So the stream, the service and the answer's body report here, and the connection's task
//! asks after each step when it is to give up.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::framing::{Framing, FramingError};
use super::limits::{ConnectionLimits, LINGER};
use crate::core::layers::EarlyRequest;

/// Shared by the parts of one connection, which all run in its task: it is never contended.
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
    /// Until when the client must make room for more of an answer.
    unread: Option<Instant>,
    /// Until when a head must have come, once the server is to stop.
    drain_deadline: Option<Instant>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// A head is coming in, or the connection is new.
    Head(Instant),
    /// An answer was given; another request may come.
    Idle(Instant),
    /// A request is being answered. Its limits stand in the layers.
    Answering,
    /// The answer is complete, but has not left whole.
    Leaving,
    /// We have said our last word.
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

    /// A whole head came, and hyper made a request of it: is there only one way to read it?
    pub(super) fn requested(&self) -> Result<(), FramingError> {
        let mut state = self.lock();
        state.phase = Phase::Answering;
        state.framing.judge()
    }

    /// hyper answers a head that it cannot read: nothing more of it has to come.
    pub(super) fn refusing(&self) {
        self.lock().phase = Phase::Leaving;
    }

    /// Whether the rest of a head that hyper cannot read may tell who asks. What does not even begin like one tells nothing.
    pub(super) fn head_may_come(&self) -> bool {
        let state = self.lock();
        !state.framing.has_verdict() && state.framing.may_be_a_head()
    }

    /// What the head tells that hyper cannot read, as far as it came.
    pub(super) fn early_request(&self) -> EarlyRequest {
        self.lock().framing.early_request()
    }

    pub(super) fn answered(&self) {
        let mut state = self.lock();
        if let Phase::Answering = state.phase {
            state.phase = Phase::Leaving;
        }
    }

    /// The client does not take more of the answer for now.
    pub(super) fn blocked(&self) {
        self.lock()
            .unread
            .get_or_insert_with(|| Instant::now() + self.0.write_timeout);
    }

    /// The client took some of it.
    pub(super) fn progressed(&self) {
        self.lock().unread = None;
    }

    /// All that was written has left.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        if let Phase::Leaving = state.phase {
            state.phase = Phase::Idle(Instant::now() + self.0.idle_timeout);
        }
    }

    /// Whether no answer is under way: what is written then is hyper's own, about a head it cannot read.
    pub(super) fn is_between_answers(&self) -> bool {
        matches!(self.lock().phase, Phase::Head(_) | Phase::Idle(_))
    }

    /// Our side is closed; the client has a moment to close its own.
    pub(super) fn closing(&self) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Closing(_)) {
            state.phase = Phase::Closing(Instant::now() + LINGER);
        }
    }

    /// The server is to stop: a head must have come until then.
    pub(super) fn drain_deadline(&self, until: Instant) {
        self.lock().drain_deadline = Some(until);
    }

    /// When the client has missed its time, and with what, if it does not do its part until then. While a request is answered it
    /// has none.
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

    /// Ready when the client has missed its time. To be polled after each step of the connection.
    pub(super) fn poll_timeout(&self, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Timeout> {
        loop {
            let Some((until, timeout)) = self.deadline() else {
                return Poll::Pending;
            };
            // A later deadline is set when the alarm rings: so a busy connection hardly ever touches the timer.
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
        // Nothing panics while it is held, and each field is whole by itself.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
