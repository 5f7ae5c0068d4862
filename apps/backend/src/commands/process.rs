//! The process that a command runs in, up to the installation that it works on.

use std::io;

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

/// What was made before the command line was read: the runtime, and the signals that it notices.
#[derive(Default)]
pub(super) struct Early(Option<(Runtime, IgnoredSignals)>);

impl Early {
    /// Where it cannot be made, the command tries it again, and says why.
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

/// A process that has parsed its command line, and read nothing else yet. What a command needs beyond that, it gets from
/// the method that it is run with.
pub(super) struct Process {
    early: Early,
    global: Global,
    sources: fn(&Global) -> Sources,
}

impl Process {
    /// A process whose settings come from its flags, its environment and a file.
    pub(super) fn new(early: Early, global: Global) -> Self {
        Self {
            early,
            global,
            sources: Global::sources,
        }
    }

    /// The same with settings from its flags alone.
    pub(super) fn taking_flags_alone(self) -> Self {
        Self {
            sources: Global::flags_alone,
            ..self
        }
    }

    /// Runs a command that makes its settings itself.
    pub(super) fn with_sources(self, work: impl AsyncFnOnce(Sources) -> Result<(), Failure>) -> Result<(), Failure> {
        runtime()?.block_on(work((self.sources)(&self.global)))
    }

    /// Runs a command that needs the settings, and opens nothing.
    pub(super) fn with_settings(self, work: impl AsyncFnOnce(&Loaded) -> Result<(), Failure>) -> Result<(), Failure> {
        let loaded = self.load()?;
        runtime()?.block_on(work(&loaded))
    }

    /// Runs a command that opens its installation by itself.
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
        runtime()?.block_on(work(at))
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
        runtime.block_on(async {
            let telemetry = Telemetry::start(&settings.telemetry).map_err(Failure::of_configuration)?;
            logging::start(&settings.log, telemetry.as_ref());
            let served = Box::pin(serve::serve(settings, ignored)).await;
            if let Some(telemetry) = telemetry {
                // It waits for the collector, which answers on the runtime.
                tokio::task::block_in_place(|| telemetry.shut_down());
            }
            served
        })
    }

    fn load(&self) -> Result<Loaded, Failure> {
        Ok(Settings::load(&(self.sources)(&self.global))?)
    }
}
