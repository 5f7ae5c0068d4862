//! The source of randomness: the operating system. Keys and signatures use that of `aws-lc-rs`.

/// A cryptographically secure random number generator. Free to clone.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecureRandom;

impl SecureRandom {
    /// Returns `N` random bytes.
    ///
    /// # Panics
    /// The operating system provides no randomness. The server cannot operate securely without it.
    #[expect(clippy::disallowed_methods, reason = "the one home of randomness")]
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the operating system gives randomness once it has booted");
        bytes
    }

    /// Triggers the self-test of the random source in `aws-lc-rs`, which takes 40 ms of another thread, before the first
    /// signature.
    #[expect(clippy::disallowed_methods, reason = "the one home of randomness; one short job")]
    pub async fn warm_up() {
        // A failure is reported when signing.
        let _ = tokio::task::spawn_blocking(|| aws_lc_rs::rand::fill(&mut [0])).await;
    }
}
