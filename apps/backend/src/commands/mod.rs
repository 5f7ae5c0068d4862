//! The commands, one file each. Settings are loaded here, once; the rest of the program does not know their sources.

mod apis;
mod audit;
mod banner;
mod changes;
pub mod cli;
mod clients;
mod dev;
mod doctor;
mod documents;
mod failure;
mod grants;
mod health;
mod installation;
mod keys;
mod logging;
mod mail;
mod migrate;
mod operator;
pub mod output;
mod process;
mod prompt;
mod serve;
mod sessions;
mod settings;
mod token;
mod transfer;
mod users;

use std::process::ExitCode;

use self::cli::{Command, CommandLine};
pub use self::failure::Failure;
use self::output::{Output, harmless_lines};
use self::process::{Early, Process};
use crate::installation::Opening;

/// Parses the command line of this process and runs the command.
#[expect(clippy::print_stderr, reason = "the one place that says why a command failed")]
pub fn run() -> ExitCode {
    // Before anything slow, because a signal may arrive at any time.
    let early = match cli::serves(std::env::args_os()) {
        true => Early::ignoring_signals(),
        false => Early::default(),
    };
    let line = match CommandLine::read(std::env::args_os()) {
        Ok(line) => line,
        Err(error) if error.use_stderr() && cli::asks_for_json(std::env::args_os()) => {
            let failure = Failure::of_usage(&error);
            eprintln!("{}", failure.json());
            return failure.exit_code();
        }
        // clap prints help to the standard output and wrong usage to the standard error.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let json = line.global.json;
    match obey(line, early) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match json {
                true => eprintln!("{}", failure.json()),
                false => eprintln!("countersign: {}", harmless_lines(&failure.to_string())),
            }
            failure.exit_code()
        }
    }
}

/// Runs the command. What a command needs (settings, an installation, permission to create one) is chosen explicitly
/// here or in the `run` of its group, so a new command does not compile until this is decided.
fn obey(line: CommandLine, early: Early) -> Result<(), Failure> {
    let (command, global) = line.into_parts();
    let output = &mut Output::standard(global.json);
    let process = Process::new(early, global);
    match command {
        Command::Serve => process.serve(),
        // Environment variables for another server must not affect tests.
        Command::Dev(asked) => process
            .taking_flags_alone()
            .with_sources(async |sources| Box::pin(dev::serve(asked, sources, output)).await),
        Command::Health => process.with_settings(async |loaded| health::health(&loaded.settings, output)),
        Command::Doctor => {
            process.with_settings(async |loaded| Box::pin(doctor::doctor(&loaded.settings, output)).await)
        }
        Command::Migrate => {
            process.with_installation(Opening::OrCreate, async |at| migrate::migrate(&at, output).await)
        }
        Command::Keys(command) => keys::run(command, process, output),
        Command::Users(command) => users::run(command, process, output),
        Command::Sessions(command) => sessions::run(command, process, output),
        Command::Grants(command) => grants::run(command, process, output),
        Command::Clients(command) => clients::run(command, process, output),
        Command::Apis(command) => apis::run(command, process, output),
        Command::Mail(command) => mail::run(command, process, output),
        Command::Token(command) => token::run(command, process, output),
        Command::Audit(command) => audit::run(command, process, output),
        // The backup is recorded in the audit log if the database is writable.
        Command::Backup(asked) => process.with_installation(Opening::Reading, async |at| {
            transfer::backup(&asked.file, &at, output).await
        }),
        Command::Restore(asked) => process.with_installation(Opening::OrCreate, async |at| {
            transfer::restore(&asked, &at, output).await
        }),
        // The target is named on the command line.
        Command::MigrateDatabase(asked) => process.with_installation(Opening::Existing, async |at| {
            transfer::move_database(&asked, &at.access, output).await
        }),
        Command::Settings(asked) => settings::run(&asked, process, output),
        // Commands that need no settings also work if the settings are invalid.
        Command::Openapi => documents::openapi(output),
        Command::Errors => documents::errors(output),
        Command::Completions { shell } => Ok(output.document(&cli::completions(shell))?),
    }
}
