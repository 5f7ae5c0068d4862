//! The process environment of a command: runtime, settings and installation.

use std::io;
use std::pin::{Pin, pin};

use countersign_store::Role;
use tokio::runtime::Runtime;

use super::cli::Global;
use super::installation::Installation;
use super::{Failure, logging, operator, serve};
use crate::Services;
use crate::core::server::{IgnoredSignals, ignore_signals};
use crate::core::telemetry::Telemetry;
use crate::installation::{Access, Opening};
use crate::settings::{Loaded, Settings, Sources};

/// The runtime and signal handlers, created before the command line is parsed.
#[derive(Default)]
pub(super) struct Early(Option<(Runtime, IgnoredSignals)>);

impl Early {
    /// Creates the runtime and starts ignoring signals. On failure, the command tries again and reports the error.
    pub(super) fn ignoring_signals() -> Self {
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

/// Runs a command until it ends. It is passed as a trait object, so that the runtime is compiled once for all commands.
fn complete(runtime: &Runtime, command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let command: Pin<&mut dyn Future<Output = _>> = pin!(command);
    runtime.block_on(command)
}

/// A process that has parsed its command line and loaded nothing else. The method that runs the command loads what the
/// command needs.
pub(super) struct Process {
    early: Early,
    global: Global,
    sources: fn(&Global) -> Sources,
}

impl Process {
    /// Creates a process whose settings come from flags, the environment and a file.
    pub(super) fn new(early: Early, global: Global) -> Self {
        Self {
            early,
            global,
            sources: Global::sources,
        }
    }

    /// Takes the settings from flags alone.
    pub(super) fn taking_flags_alone(self) -> Self {
        Self {
            sources: Global::flags_alone,
            ..self
        }
    }

    /// Runs a command that loads its settings itself.
    pub(super) fn with_sources(self, work: impl AsyncFnOnce(Sources) -> Result<(), Failure>) -> Result<(), Failure> {
        complete(&runtime()?, work((self.sources)(&self.global)))
    }

    /// Runs a command that needs only the settings.
    pub(super) fn with_settings(self, work: impl AsyncFnOnce(&Loaded) -> Result<(), Failure>) -> Result<(), Failure> {
        let loaded = self.load()?;
        complete(&runtime()?, work(&loaded))
    }

    /// Runs a command that opens the installation itself.
    pub(super) fn with_installation(
        self,
        opening: Opening,
        work: impl AsyncFnOnce(Installation) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let at = Installation {
            settings: self.load()?.settings,
            access: Access {
                role: Role::Admin,
                opening,
                operator: Some(operator::name(self.global.operator())),
            },
            json: self.global.json,
        };
        complete(&runtime()?, work(at))
    }

    /// Runs a command that needs the services of an installation.
    pub(super) fn administer(
        self,
        opening: Opening,
        work: impl AsyncFnOnce(&Services) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.with_installation(opening, async |at| at.administer(work).await)
    }

    /// Serves until it is told to stop.
    pub(super) fn serve(self) -> Result<(), Failure> {
        let settings = self.load()?.settings;
        let (runtime, ignored) = match self.early.0 {
            Some((runtime, ignored)) => (runtime, Some(ignored)),
            None => (runtime()?, None),
        };
        complete(&runtime, async {
            let telemetry = Telemetry::start(&settings.telemetry).map_err(Failure::of_configuration)?;
            logging::start(&settings.log, telemetry.as_ref());
            let served = Box::pin(serve::serve(settings, ignored)).await;
            if let Some(telemetry) = telemetry {
                // Shutting down waits for the collector, whose response is handled on the runtime.
                tokio::task::block_in_place(|| telemetry.shut_down());
            }
            served
        })
    }

    fn load(&self) -> Result<Loaded, Failure> {
        Ok(Settings::load(&(self.sources)(&self.global))?)
    }
}
