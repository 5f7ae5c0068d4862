//! `countersign dev`: a server for testing applications. It keeps everything in memory and issues a token to anyone.
//!
//! With `--lan`, it can be reached from the local network, for tests with a phone. The endpoints that issue tokens still
//! answer this machine only.
//!
//! It is a separate command rather than a setting, so no setting, file or environment variable can turn a production
//! server into one.

mod folder;
mod lan;

use std::fmt::Write;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use countersign_store::Role;
use serde_json::json;

use self::folder::MemoryFolder;
use super::cli::Dev;
use super::output::Standard;
use super::{Failure, logging};
use crate::core::clock::Clock;
use crate::core::server::{ListenAddress, Listening, Server, Shutdown};
use crate::features::operations::dev::{PASSWORD, SeededUser, known_key};
use crate::settings::{Settings, Sources};
use crate::{Services, app};

/// Fixed settings that make tests fast and independent of each other.
const DECIDED: [(&str, &str); 5] = [
    ("passwords.memory_kib", "7168"),
    ("passwords.iterations", "5"),
    ("limits.enabled", "false"),
    ("sessions.per_account", "10000"),
    ("http.max_connections_per_address", "10000"),
];

/// The heading of the banner.
const ON_LOOPBACK: &str = "  \
  Countersign for tests. It issues tokens for any user to anyone: never expose it to a network.";
const IN_NETWORK: &str = "  \
  WARNING: Countersign for tests, OPEN TO YOUR LOCAL NETWORK, without encryption.
  Anyone on this network can sign in as any user with the password below, and read what is sent to this server.
  Use test data only, and stop the server when you are done. A phone on the same network can reach it at the issuer's URL.
  The commands below work on this machine only.
";

/// How long requests in progress may take after a stop signal. Kept short because tests wait for it.
const GRACE: Duration = Duration::from_millis(50);

/// Serves until it is told to stop.
///
/// # Errors
/// [`Failure`] with exit code 78 if it would be reachable from other machines without `--lan`.
pub(super) async fn serve(asked: Dev, mut sources: Sources, output: &mut Standard) -> Result<(), Failure> {
    // Checked before the settings are read, which would report a missing issuer instead.
    let lan = lan_or_loopback(&asked, &mut sources)?;
    let folder = MemoryFolder::make()?;
    let mut settings = settings(&folder, sources)?;
    logging::start(&settings.log, None);
    let issuer = settings.issuer.clone();
    refuse_elsewhere("issuer", issuer.as_str(), !issuer.is_loopback())?;
    // Bind the port once and keep it, so that no other process can take a free port in between.
    let listening = Listening::on(ListenAddress::server(lan.unwrap_or(settings.listen))).await?;
    settings.listen = listening.address();
    match lan {
        Some(_) => settings.in_network_at(listening.address()),
        None => settings.bound_to(listening.address()),
    }
    if asked.deterministic_keys {
        write_known_key(&settings.keys_dir)?;
    }
    let services = Services::open(settings, Role::Server, Clock::movable()).await?;
    let users = services.dev().seed().await?;
    let shutdown = shutdown(&services, &asked)?;
    let server = Server::at(listening, services.server.clone());
    announce(&services, &asked, &users, output)?;
    tokio::select! {
        _ = server.serve(app::with_dev(services.clone()), shutdown) => {}
        () = services.clone().maintain() => {}
        error = services.db.failed() => return Err(Failure::new(error)),
    }
    services.hasher.shut_down().await;
    services.db.close().await?;
    Ok(())
}

/// Returns the settings of the command line, with all files in the folder. [`Sources`] has neither file nor environment
/// here.
fn settings(folder: &MemoryFolder, mut sources: Sources) -> Result<Settings, Failure> {
    let path = folder.path().display();
    sources
        .flags
        .extend(DECIDED.map(|(name, text)| (name, text.to_owned())));
    sources
        .flags
        .push(("database_url", format!("sqlite://{path}/countersign.db")));
    sources.flags.push(("mail.folder", format!("{path}/mail")));
    sources.flags.push(("keys_dir", format!("{path}/keys")));
    Ok(Settings::load(&sources)?.settings)
}

/// Takes the IP address in the local network from the flags, if one is requested: settings do not accept an issuer there.
fn lan_or_loopback(asked: &Dev, sources: &mut Sources) -> Result<Option<SocketAddr>, Failure> {
    let listen = sources.flags.iter().find(|(name, _)| *name == "listen");
    let listen = listen.map(|(_, text)| text.clone());
    match (asked.lan, listen) {
        (true, listen) => {
            sources.flags.retain(|(name, _)| *name != "listen");
            lan::address(listen.as_deref()).map(Some)
        }
        (false, Some(text)) => {
            refuse_elsewhere("listen", &text, text.parse().is_ok_and(is_elsewhere))?;
            Ok(None)
        }
        (false, None) => Ok(None),
    }
}

fn is_elsewhere(address: SocketAddr) -> bool {
    !address.ip().is_loopback()
}

fn refuse_elsewhere(flag: &str, text: &str, is_elsewhere: bool) -> Result<(), Failure> {
    match is_elsewhere {
        false => Ok(()),
        true => Err(Failure::of_configuration(format!(
            "--{flag} {text} is not a loopback address, and `countersign dev` issues tokens for any user to anyone: omit \
             --{flag}, add --lan to test with a phone, or run `countersign serve`"
        ))),
    }
}

/// Writes the well-known test key. The server generates a key only if there is none.
fn write_known_key(keys_dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(keys_dir)?;
    let mut file = OpenOptions::new();
    let mut file = file
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(keys_dir.join("private.pem"))?;
    io::Write::write_all(&mut file, known_key().as_bytes())
}

/// Shuts down on a signal and, if requested, when the standard input closes. Does not wait long for open connections.
fn shutdown(services: &Services, asked: &Dev) -> io::Result<Shutdown> {
    let shutdown = Shutdown::on_signals(services.readiness.clone())?.with_hangup()?;
    let soon = shutdown.clone();
    tokio::spawn(async move {
        soon.begun().await;
        tokio::time::sleep(GRACE).await;
        soon.end_now();
    });
    if asked.until_stdin_closes {
        let closed = shutdown.clone();
        std::thread::spawn(move || {
            // On end of file or an error, the parent process has exited or closed the pipe to stop the server.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            closed.begin();
        });
    }
    Ok(shutdown)
}

/// Logs a warning that this is a test server, and prints its URL to the standard output.
fn announce(services: &Services, asked: &Dev, users: &[SeededUser], output: &mut Standard) -> Result<(), Failure> {
    let (issuer, kid) = (services.settings.issuer.as_str(), services.keys.signing_kid());
    tracing::warn!(
        issuer,
        kid,
        "this is `countersign dev`, for testing only: it issues tokens for any user to anyone, and loses all data \
         when it stops"
    );
    if asked.lan {
        tracing::warn!(
            issuer,
            "anyone on the local network can reach this server, sign in as any of its users, and read what is sent to it: \
             use test data only, and stop the server when you are done"
        );
    }
    let text = match output.is_json() {
        true => format!("{}\n", json!({ "issuer": issuer, "users": users })),
        false => banner(issuer, &kid, users, asked),
    };
    Ok(output.document(text.as_bytes())?)
}

fn banner(issuer: &str, kid: &str, users: &[SeededUser], asked: &Dev) -> String {
    let key = if asked.deterministic_keys {
        "publicly known"
    } else {
        "new"
    };
    let reach = if asked.lan { IN_NETWORK } else { ON_LOOPBACK };
    let hosts = if asked.lan {
        "localhost, and on the issuer's host"
    } else {
        "localhost"
    };
    let mut lines = String::new();
    for user in users {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "    {:<17}  {}", user.email, user.scopes.join(" "));
    }
    format!(
        "
{reach}
    issuer    {issuer}
    key       {kid} ({key})
    password  {PASSWORD} (for all users)
    apps      every page on {hosts}
    database  in memory; all data is lost when it stops

  Users:
{lines}
  To get a token, get an expired one, register an application that users sign in to, advance the clock by an hour, and end a
  session:

    curl -sS {issuer}/dev/tokens -H 'Content-Type: application/json' -d '{{\"user\":\"ada@example.com\"}}'
    curl -sS {issuer}/dev/tokens -H 'Content-Type: application/json' -d '{{\"user\":\"new@example.com\",\"lifetime\":\"-1h\"}}'
    curl -sS {issuer}/dev/clients -H 'Content-Type: application/json' -d '{{\"client_id\":\"app\",\"redirect_uris\":[\"http://localhost:3000/callback\"]}}'
    curl -sS {issuer}/dev/clock -H 'Content-Type: application/json' -d '{{\"advance\":\"1h\"}}'
    curl -sS -X DELETE {issuer}/dev/sessions/SESSION

"
    )
}
