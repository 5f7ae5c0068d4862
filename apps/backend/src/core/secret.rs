//! Secrets that somebody holds and the database does not: 256 random bits behind a prefix, of which a hash is stored.
//! Each kind has two types of its own, the secret and its hash, so that none can pass for another.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// The bits of a secret, wiped when they are dropped.
pub type Bits = Zeroizing<[u8; 32]>;

/// Declares a kind of secret: its type, the type of its hash, and the prefix by which one that leaked is recognised.
///
/// The secret has no `Debug` and no comparison: it is looked up by its hash.
macro_rules! secret {
    ($(#[$doc:meta])+ $secret:ident, $hash:ident, $prefix:literal) => {
        $(#[$doc])+
        pub struct $secret($crate::core::secret::Bits);

        /// SHA-256 of the secret's random bits: what the database knows. 256 random bits need no slow hash.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $hash(pub [u8; 32]);

        ::countersign_store::column!($hash as [u8; 32]);

        impl $secret {
            pub fn generate(random: $crate::core::random::SecureRandom) -> Self {
                Self(::zeroize::Zeroizing::new(random.bytes()))
            }

            pub fn hash(&self) -> $hash {
                $hash($crate::core::secret::sha256(&self.0))
            }

            /// The text that its holder gets.
            pub fn reveal(&self) -> String {
                $crate::core::secret::reveal($prefix, &self.0)
            }
        }

        impl ::std::str::FromStr for $secret {
            type Err = $crate::core::secret::NotASecret;

            /// One secret has one spelling: no other prefix, case, padding or trailing bits.
            fn from_str(text: &str) -> Result<Self, $crate::core::secret::NotASecret> {
                $crate::core::secret::parse($prefix, text).map(Self)
            }
        }
    };
}

pub(crate) use secret;

/// The text is no secret of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a secret of this kind")]
pub struct NotASecret;

pub(crate) fn sha256(bits: &Bits) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &**bits).as_ref());
    hash
}

pub(crate) fn reveal(prefix: &str, bits: &Bits) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(**bits))
}

pub(crate) fn parse(prefix: &str, text: &str) -> Result<Bits, NotASecret> {
    let encoded = text.strip_prefix(prefix).ok_or(NotASecret)?;
    let mut bits = Zeroizing::new([0; 32]);
    if encoded.len() != 43 || URL_SAFE_NO_PAD.decode_slice(encoded, &mut *bits) != Ok(32) {
        return Err(NotASecret);
    }
    Ok(bits)
}
