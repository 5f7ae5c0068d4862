//! The command line as types: what may be written, its help, and its examples. It runs nothing.
//!
//! A password is never an argument, where every user of the machine could read it: it is asked for, or read from the
//! standard input with `--password-stdin`.

mod arguments;
mod audit;
mod dev;
mod global;
mod keys;
mod mail;
mod sessions;
#[cfg(test)]
mod tests;
mod token;
mod transfer;
mod unparsed;
mod users;

use std::ffi::OsString;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

pub use self::arguments::Account;
pub use self::audit::{Audit, ExportAudit, ListAudit, ListKinds, VerifyAudit};
pub use self::dev::Dev;
pub use self::global::Global;
pub use self::keys::{Keys, Rotate, Sealing};
pub use self::mail::{ListMail, Mail};
pub use self::sessions::{RevokeSessions, Sessions};
pub use self::token::{IssueToken, PresentedToken, Token};
pub use self::transfer::{Backup, MigrateDatabase, Restore};
pub use self::unparsed::{asks_for_json, serves};
pub use self::users::{ListUsers, UserOrder, Users, WithPassword, WithScopes};

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage; 78 the settings or the keys cannot be used.
With --json an error is an object on the standard error too: its `code` is for programs, its `error` for people.

Examples:
  countersign     serve on http://127.0.0.1:8000, data in ./data
  countersign serve --listen 0.0.0.0:8000 --issuer https://auth.example.com
  countersign users create ada@example.com";

/// What the command line says.
#[derive(Parser)]
#[command(name = "countersign", version, about = "The authentication server that a team owns itself.", after_help = EXIT_CODES)]
pub struct CommandLine {
    /// Which output is wanted, and settings that go over file and environment.
    #[command(flatten)]
    pub global: Global,
    /// What to do; to serve, if nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Serve until told to stop (this is what happens without a command)
    ///
    /// SIGTERM, SIGINT and SIGQUIT stop it: requests that have begun are answered; a second one stops at once. SIGHUP,
    /// SIGUSR1 and SIGUSR2 are ignored, and said to be in the log: a change of the settings takes a restart.
    #[command(
        after_help = "Example:\n  countersign serve --listen 127.0.0.1:9000 --database-url postgres://auth@db/auth"
    )]
    Serve,
    /// Serve for the tests of an application: in memory, with users, and a token for anyone who asks
    ///
    /// Listens on loopback addresses alone. Of all settings only --listen and --issuer are taken: it reads no
    /// countersign.toml, and of the environment nothing (but TMPDIR, where there is no /dev/shm), so that no setting of
    /// a real server leaks in. With --json, the first line tells the issuer and the users, for a program.
    #[command(
        after_help = "Examples:\n  countersign dev\n  countersign dev --listen 127.0.0.1:0 --json --until-stdin-closes"
    )]
    Dev(Dev),
    /// Ask the server of these settings whether it is ready
    #[command(after_help = "Example:\n  countersign health || echo 'take it out of the balancer'")]
    Health,
    /// Look at this installation from all sides, and say what is wrong and how to mend it
    ///
    /// Changes nothing, and a server may run meanwhile. Fails if something must be mended.
    #[command(after_help = "Example:\n  countersign doctor --config /etc/countersign.toml")]
    Doctor,
    /// Bring the database's schema up to date, and stop
    #[command(after_help = "Example:\n  countersign migrate --database-url postgres://auth@db/auth")]
    Migrate,
    /// Make, list, rotate and retire signing keys
    #[command(subcommand, after_help = "Example:\n  countersign keys rotate --wait")]
    Keys(Keys),
    /// Make, list and change accounts
    #[command(subcommand, after_help = "Example:\n  countersign users create ada@example.com")]
    Users(Users),
    /// List and revoke sessions
    #[command(
        subcommand,
        after_help = "Example:\n  countersign sessions revoke --all ada@example.com"
    )]
    Sessions(Sessions),
    /// See which mails were sent, and try again
    #[command(subcommand, after_help = "Example:\n  countersign mail list --queued")]
    Mail(Mail),
    /// Issue, verify and look into access tokens
    #[command(subcommand, after_help = "Example:\n  countersign token verify < token.txt")]
    Token(Token),
    /// List, export and verify the audit log
    #[command(subcommand, after_help = "Example:\n  countersign audit verify")]
    Audit(Audit),
    /// Write the whole database into a file, while a server may be running
    #[command(after_help = "Example:\n  countersign backup /backups/countersign-2026-11-23.gz")]
    Backup(Backup),
    /// Make the database of these settings, which must be empty, from a backup
    ///
    /// Every token that was issued before is refused afterwards, because what was revoked after the backup was made is
    /// not in it.
    #[command(
        after_help = "Example:\n  countersign restore /backups/countersign-2026-11-23.gz --database-url postgres://auth@db/auth"
    )]
    Restore(Restore),
    /// Move a whole installation into another, empty database; nobody has to sign in again
    ///
    /// Stop all servers first. A URL that begins with @ names a file that holds it: a password on the command line can be
    /// read by every user of this machine.
    #[command(
        after_help = "Example:\n  countersign migrate-database --from sqlite://data/countersign.db --to postgres://auth@db/auth"
    )]
    MigrateDatabase(MigrateDatabase),
    /// Print the OpenAPI document of the API
    #[command(after_help = "Example:\n  countersign openapi > openapi.json")]
    Openapi,
    /// Show the settings in force, and where each one came from
    #[command(
        after_help = "Examples:\n  countersign settings\n  countersign settings --json --config /etc/countersign/countersign.toml\n  countersign settings --example > countersign.toml"
    )]
    Settings(SettingsArguments),
    /// Print the reference of all error codes (docs/errors.md)
    #[command(hide = true, after_help = "Example:\n  countersign errors > docs/errors.md")]
    Errors,
    /// Print completions for a shell
    #[command(after_help = "Example:\n  countersign completions bash > /etc/bash_completion.d/countersign")]
    Completions {
        /// The shell to complete for
        shell: Shell,
    },
}

/// `countersign settings`.
#[derive(Args)]
pub struct SettingsArguments {
    /// Print the reference of all settings (docs/settings.md) instead
    #[arg(long, conflicts_with = "json")]
    pub reference: bool,
    /// Print a settings file with every setting in it, each commented out, instead
    #[arg(long, conflicts_with_all = ["json", "reference"])]
    pub example: bool,
}

impl CommandLine {
    /// What to do, and the flags of every command.
    pub fn into_parts(self) -> (Command, Global) {
        (self.command.unwrap_or(Command::Serve), self.global)
    }

    /// Reads arguments, the program's name first.
    ///
    /// # Errors
    /// What clap says, with its exit code: 2 for wrong usage, 0 for `--help` and `--version`.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let line = Self::try_parse_from(arguments)?;
        match line.command.as_ref().unwrap_or(&Command::Serve) {
            Command::Dev(_) => line.global.refuse_for_dev(&mut Self::command())?,
            // Every setting that a flag can name is one of theirs.
            Command::Serve
            | Command::Health
            | Command::Doctor
            | Command::Migrate
            | Command::Keys(_)
            | Command::Users(_)
            | Command::Sessions(_)
            | Command::Mail(_)
            | Command::Token(_)
            | Command::Audit(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::MigrateDatabase(_)
            | Command::Openapi
            | Command::Settings(_)
            | Command::Errors
            | Command::Completions { .. } => {}
        }
        Ok(line)
    }
}

/// The completions of a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "countersign", &mut script);
    script
}
