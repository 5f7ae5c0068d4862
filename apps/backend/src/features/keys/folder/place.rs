//! Where the folder is, and what is called how in it.

use std::path::{Path, PathBuf};

pub(super) const PRIVATE: &str = "private.pem";
pub(super) const PUBLIC: &str = "public.pem";
pub(super) const NEXT: &str = "next";
pub(super) const NEXT_PRIVATE: &str = "next/private.pem";
pub(super) const NEXT_PUBLIC: &str = "next/public.pem";
pub(super) const RETIRED: &str = "retired";

/// A folder of keys, which may not exist yet.
#[derive(Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// `retired/<kid>.pem`. A `kid` is base64url, which holds nothing that a path would take otherwise.
pub(super) fn retired_name(kid: &str) -> String {
    format!("{RETIRED}/{kid}.pem")
}
