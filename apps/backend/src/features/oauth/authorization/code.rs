//! Authorization codes (RFC 6749 §4.1.2).

use crate::core::secret::secret;

secret!(
    /// An authorization code: taken to the client by the browser, and exchanged once for tokens.
    AuthorizationCode,
    CodeHash,
    "csa_"
);
