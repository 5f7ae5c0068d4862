//! The code that a device polls with.

use crate::core::secret::secret;

secret!(
    /// Lets a device ask for the user's decision, and then for its tokens, once (`device_code`, RFC 8628 §3.2).
    DeviceCode,
    DeviceCodeHash,
    "csv_"
);
