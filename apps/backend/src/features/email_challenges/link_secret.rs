//! What a mailed link carries.

use crate::core::secret::secret;

secret!(
    /// The token of a mailed link. Nothing at all is none.
    LinkSecret,
    LinkHash,
    "csl_"
);
