//! Secrets of which the database stores only a hash: 256 random bits with a prefix. Each kind has its own types for the
//! secret and its hash, so that kinds cannot be confused.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// The bits of a secret, zeroized when dropped.
pub type Bits = Zeroizing<[u8; 32]>;

/// Declares a kind of secret: its type, the type of its hash, and the prefix that identifies a leaked one.
///
/// The secret implements neither `Debug` nor comparison: it is looked up by its hash.
macro_rules! secret {
    ($(#[$doc:meta])+ $secret:ident, $hash:ident, $prefix:literal) => {
        $(#[$doc])+
        pub struct $secret($crate::core::secret::Bits);

        /// SHA-256 of the secret's random bits, as stored in the database. 256 random bits need no slow hash.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $hash(pub [u8; 32]);

        ::countersign_store::column!($hash as [u8; 32]);

        impl $secret {
            pub fn generate(random: $crate::core::random::SecureRandom) -> Self {
                Self(::zeroize::Zeroizing::new(random.bytes()))
            }

            pub fn hash(&self) -> $hash {
                $hash($crate::core::secret::sha256(&*self.0))
            }

            /// Returns the secret as text, for its holder.
            pub fn reveal(&self) -> String {
                $crate::core::secret::reveal($prefix, &*self.0)
            }
        }

        impl ::std::str::FromStr for $secret {
            type Err = $crate::core::secret::NotASecret;

            /// Accepts exactly one spelling: no other prefix, case, padding or trailing bits.
            fn from_str(text: &str) -> Result<Self, $crate::core::secret::NotASecret> {
                $crate::core::secret::parse($prefix, text).map(Self)
            }
        }
    };
}

pub(crate) use secret;

/// The text is not a secret of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid token of this kind")]
pub struct NotASecret;

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

pub(crate) fn reveal(prefix: &str, bytes: &[u8]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Decodes `N` bytes. The length is checked first.
pub(crate) fn parse<const N: usize>(prefix: &str, text: &str) -> Result<Zeroizing<[u8; N]>, NotASecret> {
    let encoded = text.strip_prefix(prefix).ok_or(NotASecret)?;
    let mut bytes = Zeroizing::new([0; N]);
    if encoded.len() != (4 * N).div_ceil(3) || URL_SAFE_NO_PAD.decode_slice(encoded, &mut *bytes) != Ok(N) {
        return Err(NotASecret);
    }
    Ok(bytes)
}
