//! Checksums that identify the scripts of applied migrations.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

/// The checksums of scripts, each computed once, because every readiness check needs them. Scripts are constants, so their
/// memory location identifies them.
#[derive(Default)]
pub(crate) struct Checksums(Mutex<HashMap<(usize, usize), String>>);

impl Checksums {
    /// Returns whether this is the checksum of the script.
    pub(crate) fn is(&self, script: &'static str, checksum: &str) -> bool {
        let place = (script.as_ptr().addr(), script.len());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(place).or_insert_with(|| self::checksum(script)) == checksum
    }
}

/// Returns the SHA-256 of the script in hexadecimal, independent of line endings.
pub(crate) fn checksum(script: &str) -> String {
    let script = script.replace('\r', "");
    digest(&SHA256, script.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
