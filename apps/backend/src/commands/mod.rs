//! The commands, one file each. Settings are read here, once; nothing else knows where they come from.

mod audit;
mod banner;
pub mod cli;
mod dev;
mod doctor;
mod documents;
mod failure;
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

/// Reads the command line of this process and does what it says.
#[expect(clippy::print_stderr, reason = "the one place that says why a command failed")]
pub fn run() -> ExitCode {
    // First of all, before anything that takes its time: a signal may come at once.
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

/// Runs the command. What it needs (settings, an installation, whether that may be made) is decided here and in the `run`
/// of its group, where it is named; so a command for which this is not decided does not compile.
fn obey(line: CommandLine, early: Early) -> Result<(), Failure> {
    let (command, global) = line.into_parts();
    let output = &mut Output::standard(global.json);
    let process = Process::new(early, global);
    match command {
        Command::Serve => process.serve(),
        // What a developer has set for another server has no place in a test.
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
        Command::Mail(command) => mail::run(command, process, output),
        Command::Token(command) => token::run(command, process, output),
        Command::Audit(command) => audit::run(command, process, output),
        // It writes down that it was made, where that can be written.
        Command::Backup(asked) => process.with_installation(Opening::Reading, async |at| {
            transfer::backup(&asked.file, &at, output).await
        }),
        Command::Restore(asked) => process.with_installation(Opening::OrCreate, async |at| {
            transfer::restore(&asked, &at, output).await
        }),
        // What it writes into is named on its command line.
        Command::MigrateDatabase(asked) => process.with_installation(Opening::Existing, async |at| {
            transfer::move_database(&asked, &at.access, output).await
        }),
        Command::Settings(asked) => settings::run(&asked, process, output),
        // What needs no settings works also where they are wrong.
        Command::Openapi => documents::openapi(output),
        Command::Errors => documents::errors(output),
        Command::Completions { shell } => Ok(output.document(&cli::completions(shell))?),
    }
}
