//! The source of randomness: the operating system. Keys and signatures use the generator of `aws-lc-rs`.

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
}
