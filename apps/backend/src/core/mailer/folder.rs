//! Mail while developing: a file for each in a folder, and its link printed where the developer looks.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::{Mail, SendError};

#[derive(Clone)]
pub(super) struct MailFolder(pub(super) Arc<Path>);

impl MailFolder {
    /// Keeps a mail as `<id>.eml`: a second attempt writes the same file.
    pub(super) fn keep(&self, mail: &Mail, formatted: &[u8]) -> Result<(), SendError> {
        let path = self.0.join(format!("{}.eml", mail.id));
        write(&self.0, &path, formatted)
            .map_err(|error| SendError::Unavailable(format!("cannot write {}: {error}", path.display())))?;
        print(mail, &path);
        Ok(())
    }
}

/// For its owner alone: who reads a mail can open an account.
fn write(folder: &Path, path: &Path, formatted: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = path.with_extension("part");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(formatted)?;
    std::fs::rename(&unfinished, path)
}

/// A developer at a terminal has to get at the link. The log, and whatever else reads what we print, stays free of it.
fn print(mail: &Mail, path: &Path) {
    tracing::info!(path = %path.display(), "wrote an email to a file");
    let mut out = io::stdout();
    if out.is_terminal() {
        let link = mail.link.as_deref().unwrap_or_default();
        // Printing may fail, which does not matter.
        let _ = writeln!(out, "\n  Email to {}: {}\n  {link}\n", mail.to, mail.subject);
    }
}
