//! Reading the files that settings name. Only regular files are read: a device may have no end, and a pipe no writer, so the
//! server would never start. Symbolic links are followed, because orchestrators mount secrets as links.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// The maximum length of a secret, in bytes.
pub const LONGEST_SECRET: usize = 64 << 10;
/// The maximum length of the settings file, in bytes.
pub const LONGEST_SETTINGS: usize = 4 << 20;

/// Opens a regular file for reading.
///
/// # Errors
/// The file cannot be opened, or is not a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens a regular file for appending, and creates it if it does not exist.
///
/// # Errors
/// As for [`open`].
pub fn append(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().create(true).append(true))
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As for [`open`], or the file is longer.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    read_at_most(open(path)?, most)
}

/// Reads a regular file of at most `most` bytes as text.
///
/// # Errors
/// As for [`read`], or the file is not UTF-8.
pub fn read_text(path: &Path, most: usize) -> io::Result<String> {
    as_text(read(path, most)?)
}

/// The same, or reads a pipe, once a process writes to it: for a file named by the caller, as in `--config <(decrypt …)`.
///
/// # Errors
/// As for [`read_text`].
pub fn read_text_or_pipe(path: &Path, most: usize) -> io::Result<String> {
    let file = match std::fs::metadata(path)?.file_type().is_fifo() {
        true => File::open(path)?,
        false => open(path)?,
    };
    as_text(read_at_most(file, most)?)
}

fn read_at_most(file: File, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let longest = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(longest).read_to_end(&mut bytes)?;
    match bytes.len() <= most {
        true => Ok(bytes),
        false => {
            let text = format!("it is longer than {} KB", most >> 10);
            Err(io::Error::new(ErrorKind::InvalidData, text))
        }
    }
}

fn as_text(bytes: Vec<u8>) -> io::Result<String> {
    let text = String::from_utf8(bytes);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Otherwise, opening a pipe would wait for the process at its other end, and a terminal could become ours.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    // Of the open file, because the path may name another one by now.
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_regular_file_is_read_up_to_its_limit_also_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        symlink("file", &link).unwrap();
        for (length, is_read) in [(0, true), (1024, true), (1025, false)] {
            std::fs::write(&file, vec![b'x'; length]).unwrap();
            for path in [&file, &link] {
                assert_eq!(read(path, 1024).is_ok(), is_read, "{length}");
            }
        }
        std::fs::write(&file, [0xff]).unwrap();
        assert_eq!(read_text(&file, 1024).unwrap_err().kind(), ErrorKind::InvalidData);
        let missing = folder.path().join("missing");
        assert_eq!(read(&missing, 1024).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn nothing_but_a_regular_file_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let link = folder.path().join("link");
        symlink("/dev/zero", &link).unwrap();
        for path in [&pipe, &link, Path::new("/dev/zero"), folder.path()] {
            assert!(open(path).is_err(), "{path:?}");
            assert!(append(path).is_err(), "{path:?}");
        }
    }
}
