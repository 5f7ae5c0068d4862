//! The secret in the cookie of a signed-in browser. Its prefix differs from that of refresh tokens, so neither is accepted
//! as the other.

use crate::core::secret::secret;

secret!(
    /// The secret of a cookie that stands for a session.
    CookieSecret,
    CookieHash,
    "csb_"
);
