//! Email during development: each is written to a file, and its link is printed at the terminal.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::{Mail, SendError};

#[derive(Clone)]
pub(super) struct MailFolder(pub(super) Arc<Path>);

impl MailFolder {
    /// Writes an email to `<id>.eml`. A retry overwrites the same file.
    pub(super) fn keep(&self, mail: &Mail, formatted: &[u8]) -> Result<(), SendError> {
        let path = self.0.join(format!("{}.eml", mail.id));
        write(&self.0, &path, formatted)
            .map_err(|error| SendError::Unavailable(format!("cannot write {}: {error}", path.display())))?;
        print(mail, &path);
        Ok(())
    }
}

/// Writes a file that only its owner can read, because an email can give access to an account.
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

/// Prints the link, but only at a terminal. It must not appear in logs or redirected output.
fn print(mail: &Mail, path: &Path) {
    tracing::info!(path = %path.display(), "wrote an email to a file");
    let mut out = io::stdout();
    if out.is_terminal() {
        let link = mail.link.as_deref().unwrap_or_default();
        // Failing to print does not matter.
        let _ = writeln!(out, "\n  Email to {}: {}\n  {link}\n", mail.to, mail.subject);
    }
}
