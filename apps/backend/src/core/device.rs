//! The secret by which a browser is recognised at the next sign-in, whoever signs in with it.

use super::secret::secret;

secret!(
    /// What the device cookie of a browser carries. It signs nobody in.
    DeviceSecret,
    DeviceHash,
    "csd_"
);
