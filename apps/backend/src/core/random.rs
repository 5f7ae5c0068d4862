//! The one source of randomness: the operating system's. Keys and signatures take theirs from `aws-lc-rs`.

/// Hands out random bytes that nobody can guess. Cloning it is free.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecureRandom;

impl SecureRandom {
    /// `N` random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing safe can be done without it.
    #[expect(clippy::disallowed_methods, reason = "the one home of randomness")]
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the operating system gives randomness once it has booted");
        bytes
    }

    /// Has `aws-lc-rs` test its own source, which takes it 40 ms, before the first signature needs it.
    #[expect(clippy::disallowed_methods, reason = "the one home of randomness")]
    pub fn warm_up() {
        // Whoever signs is told if it fails.
        let _ = aws_lc_rs::rand::fill(&mut [0]);
    }
}
