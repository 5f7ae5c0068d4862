//! `countersign serve`: the server itself.

use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

use countersign_store::{Role, StoreError};

use super::Failure;
use super::banner::banner;
use super::installation::database_is_new;
use crate::core::caller::Caller;
use crate::core::clock::Clock;
use crate::core::server::{IgnoredSignals, ListenAddress, Listening, Server, Shutdown, ignore_signals};
use crate::features::operations::audit::{self, Event, EventKind};
use crate::features::operations::health;
use crate::settings::{Log, LogFormat, Settings};
use crate::{Services, app};

/// Serves until told to stop, then completes all requests in progress.
///
/// # Errors
/// [`Failure`] if the database, the keys or the listen addresses cannot be used.
#[expect(
    clippy::print_stdout,
    reason = "a person is greeted; nothing of it is secret, and the log goes elsewhere"
)]
pub(super) async fn serve(mut settings: Settings, ignored: Option<IgnoredSignals>) -> Result<(), Failure> {
    ignored.map_or_else(ignore_signals, Ok)?.log();
    // Bind first: the issuer may contain the port, and the port may be chosen by the system.
    let listening = Listening::on(ListenAddress::server(settings.listen)).await?;
    let address = listening.address();
    settings.bound_to(address);
    let operator = match settings.metrics_listen {
        Some(address) => Some(Listening::on(ListenAddress::metrics(address)).await?),
        None => None,
    };
    let database_is_new = database_is_new(&settings);
    let services = Services::open(settings, Role::Server, Clock::system()).await?;
    for warning in services.db.warnings() {
        tracing::warn!("{warning}");
    }
    if let Some(folder) = services.mailer.folder() {
        let folder = folder.display();
        tracing::warn!(
            "no mail server is configured (`mail.smtp_url`); emails are written to {folder} and not delivered"
        );
    }
    record(&services, EventKind::ServerStarted)
        .await
        .map_err(Failure::new)?;
    let shutdown = Shutdown::on_signals(services.readiness.clone())?;
    let server = Server::at(listening, services.server.clone());
    let operator = operator.map(|listening| Server::at(listening, services.server.clone()));
    // Both depend on the processors available at the start (CPU affinity and cgroup quota).
    let workers = tokio::runtime::Handle::current().metrics().num_workers();
    let hashing_threads = services.settings.hashing.workers;
    tracing::info!(%address, issuer = services.settings.issuer.as_str(), workers, hashing_threads, "listening");
    if is_read_by_a_person(&services.settings.log, database_is_new) {
        println!("{}", banner(&services, address, database_is_new));
    }
    if let Some(operator) = operator {
        let metrics = health::metrics_router(services.health.clone()).layer(services.middleware.clone());
        tokio::spawn(operator.serve(metrics, shutdown.clone()));
    }
    tokio::select! {
        _ = server.serve(app(services.clone()), shutdown) => {}
        // It never returns. If it panics, stop the server instead of serving with keys that are no longer reloaded.
        () = Box::pin(services.clone().maintain()) => {}
        // The state in memory no longer matches the disk, so the server cannot continue.
        error = services.db.failed() => return Err(Failure::new(error)),
    }
    services.hasher.shut_down().await;
    if let Err(error) = record(&services, EventKind::ServerStopped).await {
        tracing::warn!(%error, "failed to record the shutdown in the audit log");
    }
    if let Err(error) = services.audit.seal().await {
        tracing::warn!(%error, "failed to seal the last entries of the audit log; the next server to start will seal them");
    }
    services.db.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Reports whether to print the banner: at a terminal, or at the first start, when the output may be read later.
/// Programs that parse JSON logs get no other text.
fn is_read_by_a_person(log: &Log, database_is_new: bool) -> bool {
    let (looks, terminal) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
    match log.format {
        LogFormat::Json => looks && !terminal,
        LogFormat::Auto | LogFormat::Text => (looks || database_is_new) && (terminal || !is_one_stream()),
    }
}

/// Reports whether the log and the banner go to the same destination, such as the journal or a file.
fn is_one_stream() -> bool {
    let place = |stream: BorrowedFd<'_>| {
        let file = File::from(stream.try_clone_to_owned().ok()?);
        file.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
    };
    place(std::io::stdout().as_fd()) == place(std::io::stderr().as_fd())
}

/// Records an event of this server in the audit log.
async fn record(services: &Services, kind: EventKind) -> Result<(), StoreError> {
    let server = Caller::server();
    let event = Event::new(kind, None, &server).detail(concat!("version ", env!("CARGO_PKG_VERSION")));
    audit::record_alone(&services.db, &services.clock, event).await
}
