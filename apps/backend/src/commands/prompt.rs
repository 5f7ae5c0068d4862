//! Prompts for a password, without echo, and for confirmation.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// The maximum input length in bytes. Longer than any password the settings allow.
const MOST_BYTES: usize = 8 * 1024;

/// The hint if there is no terminal to prompt for a password.
const PASS_IT: &str = "pass the password with --password-stdin";
/// The hint if there is no terminal to ask for confirmation.
const SAY_YES: &str = "confirm with --yes";

/// Why a prompt failed.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The process has no terminal.
    #[error("cannot prompt without a terminal; {0}")]
    NoTerminal(&'static str),
    /// The two passwords differ.
    #[error("the passwords do not match")]
    Differ,
    /// The input is empty or not UTF-8.
    #[error("the password is empty, not valid UTF-8, or longer than {MOST_BYTES} bytes")]
    NoPassword,
    /// Reading the terminal or the standard input failed.
    #[error("cannot read the password: {0}")]
    Io(#[from] io::Error),
}

/// Prompts twice for a new password on the terminal, without echo.
///
/// # Errors
/// [`PromptError`].
pub fn new_password() -> Result<SecretString, PromptError> {
    let mut terminal = open_terminal(PASS_IT)?;
    let first = ask_hidden(&mut terminal, "Password: ")?;
    let second = ask_hidden(&mut terminal, "Repeat password: ")?;
    if *first == *second {
        Ok(SecretString::from(first.as_str()))
    } else {
        Err(PromptError::Differ)
    }
}

/// Reads a password from the first line of a reader: the standard input with `--password-stdin`.
///
/// # Errors
/// [`PromptError::NoPassword`] if the line is empty, too long or not UTF-8; [`PromptError::Io`].
pub fn password_from(input: impl Read) -> Result<SecretString, PromptError> {
    Ok(SecretString::from(first_line(input)?.as_str()))
}

/// Asks a question on the terminal. Only `y` and `yes` confirm it.
///
/// # Errors
/// [`PromptError::NoTerminal`] or [`PromptError::Io`].
pub fn confirm(question: &str) -> Result<bool, PromptError> {
    let mut terminal = open_terminal(SAY_YES)?;
    write!(terminal, "{} [y/N] ", super::output::harmless(question))?;
    let answer = first_line(&terminal);
    Ok(answer.is_ok_and(|answer| matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")))
}

/// Opens the terminal itself, so that prompts work with redirected input and output.
fn open_terminal(instead: &'static str) -> Result<File, PromptError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|_| PromptError::NoTerminal(instead))
}

fn ask_hidden(terminal: &mut File, question: &str) -> Result<Zeroizing<String>, PromptError> {
    write!(terminal, "{question}")?;
    let quiet = Quiet::begin(terminal)?;
    let line = first_line(quiet.terminal);
    drop(quiet);
    writeln!(terminal)?;
    line
}

/// Disables the terminal's echo until dropped.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn begin(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // An error means that the terminal was closed.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Returns the first line without its line ending. Spaces are kept because a password may begin or end with them.
#[expect(
    clippy::unbuffered_bytes,
    reason = "a buffer would keep a copy of the password that is never zeroized"
)]
fn first_line(input: impl Read) -> Result<Zeroizing<String>, PromptError> {
    let mut line = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 1));
    for byte in input.take(MOST_BYTES as u64 + 1).bytes() {
        match byte? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    match std::str::from_utf8(line) {
        Ok(line) if !line.is_empty() && line.len() <= MOST_BYTES => Ok(Zeroizing::new(line.to_owned())),
        _ => Err(PromptError::NoPassword),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_first_line_is_the_password_and_nothing_is_trimmed_from_it() {
        let cases = [
            ("a b", "a b"),
            (" a \n", " a "),
            ("a\r\nb\n", "a"),
            ("pässwörd\n", "pässwörd"),
        ];
        for (input, password) in cases {
            assert_eq!(password_from(input.as_bytes()).unwrap().expose_secret(), password);
        }
    }

    #[test]
    fn what_is_no_password_is_refused() {
        let long = "x".repeat(8 * 1024 + 1);
        for input in [&b""[..], b"\n", b"\r\n", b"\xff\n", long.as_bytes()] {
            assert!(matches!(password_from(input), Err(PromptError::NoPassword)));
        }
        assert!(password_from(&long.as_bytes()[1..]).is_ok());
    }
}
