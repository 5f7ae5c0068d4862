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
mod prompt;
mod serve;
mod sessions;
mod settings;
mod token;
mod transfer;
mod users;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use countersign_store::Role;
use tokio::runtime::Runtime;

use self::cli::{Command, CommandLine};
pub use self::failure::Failure;
use self::installation::Installation;
use self::output::{Output, Standard, harmless_lines};
use crate::core::server::{IgnoredSignals, ignore_signals};
use crate::core::telemetry::Telemetry;
use crate::installation::{Access, Opening};
use crate::settings::{Loaded, Settings};

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

/// What was made before the command line was read: the runtime, and the signals that it notices.
#[derive(Default)]
struct Early(Option<(Runtime, IgnoredSignals)>);

impl Early {
    /// Where it cannot be made, the command tries it again, and says why.
    fn ignoring_signals() -> Self {
        let made = runtime().and_then(|runtime| {
            let ignored = {
                let _inside = runtime.enter();
                ignore_signals()?
            };
            Ok((runtime, ignored))
        });
        Self(made.ok())
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn obey(line: CommandLine, early: Early) -> Result<(), Failure> {
    let operator = operator::name(line.global.operator());
    let (command, json, sources) = line.into_parts();
    let mut output = Output::standard(json);
    // What needs no settings works also where they are wrong.
    match &command {
        Command::Openapi => return documents::openapi(&mut output),
        Command::Errors => return documents::errors(&mut output),
        Command::Completions { shell } => return Ok(output.document(&cli::completions(*shell))?),
        Command::Settings(arguments) if arguments.reference => return Ok(settings::show_reference(&mut output)?),
        Command::Settings(arguments) if arguments.example => return Ok(settings::show_example(&mut output)?),
        // An export is verified anywhere, also where no server is.
        Command::Audit(cli::Audit::Verify(asked)) if asked.export.is_some() => {
            return audit::verify_export(asked, &mut output);
        }
        Command::Audit(cli::Audit::Kinds(asked)) => return audit::kinds(asked, &mut output),
        _ => {}
    }
    // Its settings are its own.
    if let Command::Dev(asked) = command {
        return runtime()?.block_on(Box::pin(dev::serve(asked, sources, &mut output)));
    }
    let loaded = Settings::load(&sources)?;
    let (runtime, ignored) = match early.0 {
        Some((runtime, ignored)) => (runtime, Some(ignored)),
        None => (runtime()?, None),
    };
    runtime.block_on(with_settings((command, operator), (loaded, ignored), &mut output))
}

async fn with_settings(
    (command, operator): (Command, Arc<str>),
    (loaded, ignored): (Loaded, Option<IgnoredSignals>),
    output: &mut Standard,
) -> Result<(), Failure> {
    if let Command::Settings(_) = command {
        return Ok(settings::show(&loaded, output)?);
    }
    let at = Installation {
        access: Access {
            role: Role::Admin,
            opening: command.opening(),
            operator: Some(operator),
        },
        json: output.is_json(),
        settings: loaded.settings,
    };
    let (settings, access) = (&at.settings, &at.access);
    match command {
        Command::Serve => {
            let telemetry = Telemetry::start(&settings.telemetry).map_err(Failure::of_configuration)?;
            logging::start(&settings.log, telemetry.as_ref());
            let served = Box::pin(serve::serve(at.settings, ignored)).await;
            if let Some(telemetry) = telemetry {
                // It waits for the collector, which answers on the runtime.
                tokio::task::block_in_place(|| telemetry.shut_down());
            }
            served
        }
        Command::Health => health::health(settings, output),
        Command::Doctor => Box::pin(doctor::doctor(settings, output)).await,
        Command::Migrate => migrate::migrate(settings, access, output).await,
        Command::Keys(command) => keys::run(command, (settings, access), output).await,
        Command::Users(command) => {
            let prepared = users::prepare(command, settings)?;
            at.administer(async |services| users::run(prepared, services, output).await)
                .await
        }
        Command::Sessions(command) => {
            at.administer(async |services| sessions::run(command, services, output).await)
                .await
        }
        Command::Mail(command) => {
            at.administer(async |services| mail::run(command, services, output).await)
                .await
        }
        Command::Audit(command) => {
            at.administer(async |services| audit::run(command, services, output).await)
                .await
        }
        Command::Backup(asked) => transfer::backup(&asked.file, (settings, access), output).await,
        Command::Restore(asked) => transfer::restore(&asked, (settings, access), output).await,
        Command::MigrateDatabase(asked) => transfer::move_database(&asked, access, output).await,
        Command::Token(command) => token::run(command, at, output).await,
        // Done above.
        Command::Settings(_) | Command::Dev(_) | Command::Openapi | Command::Errors | Command::Completions { .. } => {
            Ok(())
        }
    }
}

impl Command {
    /// What the command does where its installation is not there yet. Whatever opens a database or a keys folder is
    /// handed this.
    fn opening(&self) -> Opening {
        match self {
            Self::Serve
            | Self::Dev(_)
            | Self::Migrate
            | Self::Restore(_)
            | Self::Keys(cli::Keys::Generate)
            | Self::Users(cli::Users::Create(_) | cli::Users::Invite(_)) => Opening::OrCreate,
            Self::Keys(cli::Keys::List | cli::Keys::Sealing(cli::Sealing::List))
            | Self::Users(cli::Users::List(_) | cli::Users::Show(_))
            | Self::Sessions(cli::Sessions::List(_))
            | Self::Mail(cli::Mail::List(_))
            | Self::Token(cli::Token::Verify(_))
            | Self::Audit(_)
            | Self::Backup(_) // It writes down that it was made, where that can be written.
            | Self::Openapi
            | Self::Settings(_)
            | Self::Errors
            | Self::Completions { .. } => Opening::Reading,
            Self::Health
            | Self::Doctor
            | Self::Keys(_)
            | Self::Users(_)
            | Self::Sessions(_)
            | Self::Mail(_)
            | Self::Token(_)
            | Self::MigrateDatabase(_) // What it writes into is named on its command line.
            => Opening::Existing,
        }
    }
}
