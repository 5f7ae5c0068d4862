//! The commands, one file each. Settings are read here, once; nothing else knows where they come from.

mod audit;
mod banner;
pub mod cli;
mod dev;
mod doctor;
mod documents;
mod failure;
mod health;
mod keys;
mod logging;
mod mail;
mod migrate;
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

use countersign_store::Role;

use self::cli::{Command, CommandLine};
pub use self::failure::Failure;
use self::output::Output;
use crate::Context;
use crate::core::clock::Clock;
use crate::core::telemetry::Telemetry;
use crate::settings::{Loaded, Settings};

/// Where every command prints.
type Standard = Output<io::Stdout>;

/// Reads the command line of this process and does what it says.
#[expect(clippy::print_stderr, reason = "the one place that says why a command failed")]
pub fn run() -> ExitCode {
    let line = match CommandLine::read(std::env::args_os()) {
        Ok(line) => line,
        // clap prints help to the standard output and wrong usage to the standard error.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match obey(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("countersign: {failure}");
            failure.exit_code()
        }
    }
}

fn obey(line: CommandLine) -> Result<(), Failure> {
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
        _ => {}
    }
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    // Its settings are its own.
    if let Command::Dev(asked) = command {
        return runtime()?.block_on(Box::pin(dev::serve(asked, sources, &mut output)));
    }
    let loaded = Settings::load(&sources)?;
    runtime()?.block_on(with_settings(command, loaded, &mut output))
}

async fn with_settings(command: Command, loaded: Loaded, output: &mut Standard) -> Result<(), Failure> {
    let Loaded { settings, .. } = &loaded;
    match command {
        Command::Settings(_) => Ok(settings::show(&loaded, output)?),
        Command::Serve => {
            let telemetry = Telemetry::start(&settings.telemetry).map_err(Failure::of_configuration)?;
            logging::start(&settings.log, telemetry.as_ref());
            let served = Box::pin(serve::serve(loaded.settings)).await;
            if let Some(telemetry) = telemetry {
                // It waits for the collector, which answers on the runtime.
                tokio::task::block_in_place(|| telemetry.shut_down());
            }
            served
        }
        Command::Health => health::health(settings, output),
        Command::Doctor => Box::pin(doctor::doctor(settings, output)).await,
        Command::Migrate => migrate::migrate(settings, output).await,
        Command::Keys(command) => keys::run(command, settings, output).await,
        Command::Users(command) => users::run(command, &administer(loaded.settings).await?, output).await,
        Command::Sessions(command) => sessions::run(command, &administer(loaded.settings).await?, output).await,
        Command::Mail(command) => mail::run(command, &administer(loaded.settings).await?, output).await,
        Command::Audit(command) => audit::run(command, &administer(loaded.settings).await?, output).await,
        Command::Backup(asked) => transfer::backup(&asked.file, settings, output).await,
        Command::Restore(asked) => transfer::restore(&asked, settings, output).await,
        Command::MigrateDatabase(asked) => transfer::move_database(&asked, output).await,
        Command::Token(command) => token::run(command, loaded.settings, output).await,
        Command::Dev(_) | Command::Openapi | Command::Errors | Command::Completions { .. } => Ok(()), // Done above.
    }
}

/// Whether the embedded database is still to be made.
fn database_is_new(settings: &Settings) -> bool {
    let path = settings.database_url.expose().strip_prefix("sqlite://");
    path.is_some_and(|path| !std::path::Path::new(path).exists())
}

/// Everything, for a command that works beside a server that may be running.
#[expect(clippy::print_stderr, reason = "it warns a person who may stand in the wrong folder")]
async fn administer(settings: Settings) -> Result<Context, Failure> {
    if database_is_new(&settings) {
        eprintln!("countersign: there is no {} here; making it", settings.database_url);
    }
    Ok(Context::open(settings, Role::Admin, Clock::system()).await?)
}
