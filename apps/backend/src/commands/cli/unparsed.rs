//! What is known of a command line that is not parsed yet, or cannot be parsed.

use std::ffi::OsString;

/// Whether `--json` stands on a command line that cannot be read.
pub fn asks_for_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let options = arguments.into_iter().take_while(|argument| argument != "--");
    options.skip(1).any(|argument| {
        let argument = argument.to_string_lossy();
        argument == "--json" || argument.starts_with("--json=")
    })
}

/// Whether a command line seems to be one of a server, before it is read: it names no other command. (A value may be
/// spelled like one; then a server only notices signals some milliseconds later.)
pub fn serves(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let is_other = |argument: OsString| OTHERS.iter().any(|other| argument == *other);
    !arguments.into_iter().skip(1).any(is_other)
}

/// Every command but `serve`, and what makes clap print something instead.
const OTHERS: [&str; 25] = [
    "dev",
    "health",
    "doctor",
    "migrate",
    "keys",
    "users",
    "sessions",
    "grants",
    "clients",
    "apis",
    "mail",
    "token",
    "audit",
    "backup",
    "restore",
    "migrate-database",
    "openapi",
    "settings",
    "errors",
    "completions",
    "help",
    "-h",
    "--help",
    "-V",
    "--version",
];
