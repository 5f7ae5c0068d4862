//! The one source of randomness: the operating system's, through `aws-lc-rs`.

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
        aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives randomness once it has booted");
        bytes
    }
}
