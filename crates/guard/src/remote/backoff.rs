//! Exponential backoff with jitter.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LAST: Duration = Duration::from_secs(5);

pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST }
    }

    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Between half of the time and all of it, so that verifiers do not all return to a recovered issuer at once.
    pub(super) fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(LAST);
        whole.mul_f64(0.5 + 0.5 * jitter())
    }
}

/// From 0 to 1.
#[expect(
    clippy::disallowed_methods,
    reason = "this crate has no SecureRandom; tests do not depend on jitter"
)]
fn jitter() -> f64 {
    let mut byte = [0];
    match aws_lc_rs::rand::fill(&mut byte) {
        Ok(()) => f64::from(byte[0]) / 255.0,
        // Without random numbers, it waits without jitter.
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, FIRST, LAST};

    #[test]
    fn pauses_double_up_to_an_end() {
        let mut backoff = Backoff::new();
        let mut whole = FIRST;
        for _ in 0..10 {
            let pause = backoff.pause();
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
            whole = (whole * 2).min(LAST);
        }
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
