//! The command line as types: what may be written, its help, and its examples. It runs nothing.
//!
//! A password is never an argument, where every user of the machine could read it: it is asked for, or read from the
//! standard input with `--password-stdin`.

mod apis;
mod arguments;
mod audit;
mod clients;
mod dev;
mod global;
mod grants;
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

pub use self::apis::{ApiParts, ApisCommand, EditApi, NewApi};
pub use self::arguments::Account;
pub use self::audit::{AuditCommand, ExportAudit, ListAudit, ListKinds, VerifyAudit};
pub use self::clients::{ClientsCommand, EditClient, NewClient};
pub use self::dev::Dev;
pub use self::global::Global;
pub use self::grants::{GrantsCommand, ListGrants, RevokeGrants};
pub use self::keys::{Generate, KeysCommand, Rotate, SealingCommand};
pub use self::mail::{ListMail, MailCommand};
pub use self::sessions::{RevokeSessions, SessionsCommand};
pub use self::token::{IssueToken, PresentedToken, TokenCommand};
pub use self::transfer::{Backup, MigrateDatabase, Restore};
pub use self::unparsed::{asks_for_json, serves};
pub use self::users::{EditUser, ListUsers, NewUser, UserOrder, UserProfile, UsersCommand, WithPassword, WithScopes};

const EXIT_CODES: &str = "\
Exit codes: 0 success; 1 failure; 2 usage error; 78 invalid settings or keys.
With --json, errors are printed to standard error as an object with a `code` for programs and an `error` for people.

Examples:
  countersign     start the server on http://127.0.0.1:8000, with its data in ./data
  countersign serve --listen 0.0.0.0:8000 --issuer https://auth.example.com
  countersign users create ada@example.com";

/// What the command line says.
#[derive(Parser)]
#[command(name = "countersign", version, about = "A self-hosted authentication server.", after_help = EXIT_CODES)]
pub struct CommandLine {
    /// The output format, and settings that override the file and the environment.
    #[command(flatten)]
    pub global: Global,
    /// The command; `serve` if there is none.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server (the default command)
    ///
    /// SIGTERM, SIGINT and SIGQUIT shut the server down after requests in progress; a second signal stops it immediately.
    /// SIGHUP, SIGUSR1 and SIGUSR2 are logged and ignored: to change settings, restart the server.
    #[command(
        after_help = "Example:\n  countersign serve --listen 127.0.0.1:9000 --database-url postgres://auth@db/auth"
    )]
    Serve,
    /// Start an in-memory server for testing applications, with test users and tokens for any user
    ///
    /// Listens on loopback addresses only, or with --lan on the machine's IP address on the local network. The only
    /// supported settings are --listen and --issuer: countersign.toml and the environment are ignored (except TMPDIR if
    /// there is no /dev/shm), so that settings of a real server have no effect. With --json, the first line of the output
    /// contains the issuer and the users.
    #[command(
        after_help = "Examples:\n  countersign dev\n  countersign dev --listen 127.0.0.1:0 --json --until-stdin-closes\n  countersign dev --lan"
    )]
    Dev(Dev),
    /// Check whether the running server is ready
    #[command(after_help = "Example:\n  countersign health || echo 'not ready'")]
    Health,
    /// Check this installation, and explain what is wrong and how to fix it
    ///
    /// Makes no changes, and can run while the server does. Fails if a check fails.
    #[command(after_help = "Example:\n  countersign doctor --config /etc/countersign/countersign.toml")]
    Doctor,
    /// Apply pending migrations to the database
    #[command(after_help = "Example:\n  countersign migrate --database-url postgres://auth@db/auth")]
    Migrate,
    /// Create, list, rotate and retire signing keys
    #[command(subcommand, after_help = "Example:\n  countersign keys rotate --wait")]
    Keys(KeysCommand),
    /// Create, list and change accounts
    #[command(subcommand, after_help = "Example:\n  countersign users create ada@example.com")]
    Users(UsersCommand),
    /// List and revoke sessions
    #[command(
        subcommand,
        after_help = "Example:\n  countersign sessions revoke --all ada@example.com"
    )]
    Sessions(SessionsCommand),
    /// List and revoke clients' access to users' accounts
    #[command(
        subcommand,
        after_help = "Example:\n  countersign grants revoke --user ada@example.com --client grafana"
    )]
    Grants(GrantsCommand),
    /// Register, list and change clients: applications that users sign in to
    #[command(
        subcommand,
        after_help = "Example:\n  countersign clients create grafana --redirect-uri https://grafana.example.com/login/generic_oauth"
    )]
    Clients(ClientsCommand),
    /// Register, list and change APIs that clients may request access to
    #[command(
        subcommand,
        after_help = "Example:\n  countersign apis create https://api.example.com --name Orders --scope orders:read"
    )]
    Apis(ApisCommand),
    /// List emails and retry sending them
    #[command(subcommand, after_help = "Example:\n  countersign mail list --queued")]
    Mail(MailCommand),
    /// Issue, verify and inspect access tokens
    #[command(subcommand, after_help = "Example:\n  countersign token verify < token.txt")]
    Token(TokenCommand),
    /// List, export and verify the audit log
    #[command(subcommand, after_help = "Example:\n  countersign audit verify")]
    Audit(AuditCommand),
    /// Back up the database to a file; the server can keep running
    #[command(after_help = "Example:\n  countersign backup /backups/countersign-2026-11-23.gz")]
    Backup(Backup),
    /// Restore a backup into an empty database
    ///
    /// All tokens issued before the restore are rejected afterwards, because the backup lacks the revocations made after
    /// it.
    #[command(
        after_help = "Example:\n  countersign restore /backups/countersign-2026-11-23.gz --database-url postgres://auth@db/auth"
    )]
    Restore(Restore),
    /// Move all data to another, empty database; users stay signed in
    ///
    /// Stop all servers first. Use @FILE to read a URL from a file, because other users of this machine can see a password
    /// on the command line.
    #[command(
        after_help = "Example:\n  countersign migrate-database --from sqlite://data/countersign.db --to postgres://auth@db/auth"
    )]
    MigrateDatabase(MigrateDatabase),
    /// Print the OpenAPI document
    #[command(after_help = "Example:\n  countersign openapi > openapi.json")]
    Openapi,
    /// Show the effective settings and where each of them comes from
    #[command(
        after_help = "Examples:\n  countersign settings\n  countersign settings --json --config /etc/countersign/countersign.toml\n  countersign settings --example > countersign.toml"
    )]
    Settings(SettingsArguments),
    /// Print the reference of all error codes (docs/errors.md)
    #[command(hide = true, after_help = "Example:\n  countersign errors > docs/errors.md")]
    Errors,
    /// Print shell completions
    #[command(after_help = "Example:\n  countersign completions bash > /etc/bash_completion.d/countersign")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `countersign settings`.
#[derive(Args)]
pub struct SettingsArguments {
    /// Print the settings reference (docs/settings.md) instead
    #[arg(long, conflicts_with = "json")]
    pub reference: bool,
    /// Print a settings file with all settings commented out instead
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
            Command::Dev(asked) => line.global.refuse_for_dev(asked.lan, &mut Self::command())?,
            // These commands use every setting that a flag can set.
            Command::Serve
            | Command::Health
            | Command::Doctor
            | Command::Migrate
            | Command::Keys(_)
            | Command::Users(_)
            | Command::Sessions(_)
            | Command::Grants(_)
            | Command::Clients(_)
            | Command::Apis(_)
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
