//! The system's random numbers, for new keys and for their encryption.

use super::KeyError;

#[expect(
    clippy::disallowed_methods,
    reason = "this crate has no SecureRandom; a new key needs the system's"
)]
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::Unavailable)?;
    Ok(bytes)
}
