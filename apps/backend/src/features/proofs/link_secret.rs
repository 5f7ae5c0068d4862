//! What a mailed link carries: 256 random bits, of which the database knows a hash.

use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_store::column;
use zeroize::Zeroizing;

use crate::core::chance::Chance;

/// What every token of a link begins with, so that one that leaked is recognised.
const PREFIX: &str = "csl_";

/// The token of a link. No `Debug`, no comparison: it is looked up by its hash.
pub struct LinkSecret(Zeroizing<[u8; 32]>);

/// SHA-256 of a link's random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkHash(pub [u8; 32]);

column!(LinkHash as [u8; 32]);

/// The text is no token of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the token of a link")]
pub struct NotALink;

impl LinkSecret {
    /// A new one.
    pub fn generate(chance: Chance) -> Self {
        Self(Zeroizing::new(chance.bytes()))
    }

    /// The text that stands in the link.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*self.0))
    }

    pub(super) fn hash(&self) -> LinkHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &*self.0).as_ref());
        LinkHash(hash)
    }
}

impl FromStr for LinkSecret {
    type Err = NotALink;

    /// One token has one spelling; nothing at all is none.
    fn from_str(text: &str) -> Result<Self, NotALink> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotALink)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if encoded.len() != 43 || URL_SAFE_NO_PAD.decode_slice(encoded, &mut *bytes) != Ok(32) {
            return Err(NotALink);
        }
        Ok(Self(bytes))
    }
}
