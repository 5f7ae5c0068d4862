//! The checksums by which a migration's script is known after it was applied.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

/// The checksums of scripts, each reckoned once: readiness asks for them every time. A script is a constant of the program,
/// so it can be told by where it lies.
#[derive(Default)]
pub(crate) struct Checksums(Mutex<HashMap<(usize, usize), String>>);

impl Checksums {
    /// Whether this is the checksum of the script.
    pub(crate) fn is(&self, script: &'static str, checksum: &str) -> bool {
        let place = (script.as_ptr().addr(), script.len());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(place).or_insert_with(|| self::checksum(script)) == checksum
    }
}

/// SHA-256 of the script in hexadecimal; a checkout that turns line ends does not change it.
pub(crate) fn checksum(script: &str) -> String {
    let script = script.replace('\r', "");
    digest(&SHA256, script.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
