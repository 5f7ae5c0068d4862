//! The secrets of a hand-off: the one-time code in the URL, and the one in the browser's cookie.

use std::str::FromStr;

use crate::core::secret::{self, NotASecret, secret};

secret!(
    /// Takes a browser to an application's host, once.
    HandoffCode,
    HandoffHash,
    "csx_"
);

secret!(
    /// The content of a cookie on an application's host. A code is only valid in the browser that asked for it,
    /// so that no one can use their own code to sign in another person's browser.
    StateSecret,
    StateHash,
    "cst_"
);

impl StateHash {
    /// Returns the hash as text for a URL, from which the secret cannot be computed.
    pub fn to_text(self) -> String {
        secret::reveal("", &self.0)
    }
}

impl FromStr for StateHash {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        secret::parse("", text).map(|hash| Self(*hash))
    }
}
