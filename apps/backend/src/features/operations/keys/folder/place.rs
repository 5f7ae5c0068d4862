//! The location of the folder and the names of its files.

use std::path::{Path, PathBuf};

use crate::core::clock::Timestamp;

pub(super) const PRIVATE: &str = "private.pem";
pub(super) const PUBLIC: &str = "public.pem";
pub(super) const NEXT: &str = "next";
pub(super) const NEXT_PRIVATE: &str = "next/private.pem";
pub(super) const NEXT_PUBLIC: &str = "next/public.pem";
pub(super) const RETIRED: &str = "retired";
pub(super) const RSA: &str = "rsa";
pub(super) const SEALING: &str = "sealing";
/// The extension of a sealing key's file.
pub(super) const SEALING_END: &str = ".key";

/// A folder of keys, which may not exist yet.
#[derive(Clone)]
pub(crate) struct KeyFolder {
    dir: PathBuf,
}

impl KeyFolder {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of the sealing keys.
    pub(crate) fn sealing(&self) -> PathBuf {
        self.path(SEALING)
    }

    /// The folder of the RS256 keys.
    pub(crate) fn rsa(&self) -> PathBuf {
        self.path(RSA)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Returns `sealing/<time>-<id>.key`, with a time such as `20261128T091500Z`.
pub(super) fn sealing_name(made_at: Timestamp, id: &str) -> String {
    let time = made_at.to_string().replace(['-', ':'], "");
    format!("{SEALING}/{time}-{id}{SEALING_END}")
}

/// Returns `retired/<kid>.pem`. A `kid` is base64url, which is safe in a path.
pub(super) fn retired_name(kid: &str) -> String {
    format!("{RETIRED}/{kid}.pem")
}
