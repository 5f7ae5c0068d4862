//! The secret in an emailed link.

use crate::core::secret::secret;

secret!(
    /// The token of an emailed link. An empty one is invalid.
    LinkSecret,
    LinkHash,
    "csl_"
);
