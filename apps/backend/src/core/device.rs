//! The secret that identifies a browser at later sign-ins, independent of the account.

use super::secret::secret;

secret!(
    /// The content of a browser's device cookie. It does not authenticate.
    DeviceSecret,
    DeviceHash,
    "csd_"
);
