//! What the cookie of a signed-in browser carries: 256 random bits, of which the database knows a hash.

use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_store::column;
use zeroize::Zeroizing;

use crate::core::chance::Chance;

/// A kind of secret by itself: no refresh token is a cookie, and no cookie a refresh token.
const PREFIX: &str = "csb_";

/// A cookie's secret. No `Debug`, no comparison: it is looked up by its hash.
pub(super) struct CookieSecret(Zeroizing<[u8; 32]>);

/// SHA-256 of a cookie's random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CookieHash(pub [u8; 32]);

column!(CookieHash as [u8; 32]);

/// The text is no cookie of ours.
pub(super) struct NotACookie;

impl CookieSecret {
    pub(super) fn generate(chance: Chance) -> Self {
        Self(Zeroizing::new(chance.bytes()))
    }

    pub(super) fn reveal(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*self.0))
    }

    pub(super) fn hash(&self) -> CookieHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &*self.0).as_ref());
        CookieHash(hash)
    }
}

impl FromStr for CookieSecret {
    type Err = NotACookie;

    fn from_str(text: &str) -> Result<Self, NotACookie> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotACookie)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if encoded.len() != 43 || URL_SAFE_NO_PAD.decode_slice(encoded, &mut *bytes) != Ok(32) {
            return Err(NotACookie);
        }
        Ok(Self(bytes))
    }
}
