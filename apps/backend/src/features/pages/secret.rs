//! What the cookie of a signed-in browser carries. No refresh token is a cookie, and no cookie a refresh token.

use crate::core::secret::secret;

secret!(
    /// A cookie that stands for a session.
    CookieSecret,
    CookieHash,
    "csb_"
);
