//! The listening socket. It is bound with clear errors, and accepts connections until the server stops.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::state::{OpenConnection, ServerState};
use super::{connection, refusal};
use crate::core::problem::{Code, Problem};

/// How long to pause accepting when the system is out of resources.
const BACK_OFF: Duration = Duration::from_millis(100);

/// A socket address to listen on, and the option that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    pub address: SocketAddr,
    /// As it is written on the command line, for errors.
    pub option: &'static str,
}

impl ListenAddress {
    /// The socket address of the server.
    pub fn server(address: SocketAddr) -> Self {
        let option = "--listen";
        Self { address, option }
    }

    /// The socket address of the metrics.
    pub fn metrics(address: SocketAddr) -> Self {
        let option = "--metrics-listen";
        Self { address, option }
    }
}

/// Why the server cannot listen on a socket address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// In use by another program.
    #[error("{} is already in use; stop the other program, or choose another port, such as {} {}",
        .0.address, .0.option, next_port(.0.address))]
    InUse(ListenAddress),
    /// Requires privileges.
    #[error("no permission to listen on {}: ports below 1024 are privileged; choose a higher port with {}",
        .0.address, .0.option)]
    Forbidden(ListenAddress),
    /// Not an IP address of this machine.
    #[error("{} is not an IP address of this machine; choose one that is, or 0.0.0.0 for all of them, with {}",
        .0.address, .0.option)]
    NotHere(ListenAddress),
    /// Anything else.
    #[error("cannot listen on {} ({}): {}", .0.address, .0.option, .1)]
    Other(ListenAddress, #[source] io::Error),
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All requests in progress were answered.
    Drained,
    /// This number of connections was closed, because the time limit was reached or a second signal arrived.
    Cut(usize),
}

/// Returns an example of another socket address: the same IP address with the next port.
fn next_port(address: SocketAddr) -> SocketAddr {
    let port = address.port();
    SocketAddr::new(address.ip(), port.checked_add(1).unwrap_or(port - 1))
}

pub(super) async fn bind(asked: ListenAddress) -> Result<(TcpListener, SocketAddr), BindError> {
    let refused = |error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => BindError::InUse(asked),
        ErrorKind::PermissionDenied => BindError::Forbidden(asked),
        ErrorKind::AddrNotAvailable => BindError::NotHere(asked),
        _ => BindError::Other(asked, error),
    };
    let listener = TcpListener::bind(asked.address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Accepts connections until the server stops, then waits for them to end.
pub(super) async fn serve(listener: TcpListener, state: Arc<ServerState>) -> Ended {
    let mut connections = JoinSet::new();
    accept_until_stopped(&listener, &state, &mut connections).await;
    // Accept connections that the system has already established: closing the socket now would reset them.
    while let Some(Ok((socket, peer))) = listener.accept().now_or_never() {
        accept(&state, socket, peer, &mut connections);
    }
    drop(listener);
    drain(&state, connections).await
}

async fn accept_until_stopped(listener: &TcpListener, state: &Arc<ServerState>, connections: &mut JoinSet<()>) {
    let mut stop = pin!(state.stop_accepting());
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => accept(state, socket, peer, connections),
                Err(error) => back_off(&error).await,
            },
        }
    }
}

/// Accepts a connection: serves it in its own task, or rejects it if no slot is available.
///
/// It rejects instead of pausing, so that clients (and the load balancer's health check) learn at once that this node
/// is full, rather than wait in the system's queue.
fn accept(state: &Arc<ServerState>, socket: TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
    // Send small responses without delay (RFC 896). Fails only if the peer has disconnected, which the first read
    // reports.
    let _ = socket.set_nodelay(true);
    match state.limiter.acquire(peer.ip()) {
        Ok(slot) => {
            connections.spawn(connection::serve(
                state.clone(),
                socket,
                peer,
                OpenConnection::new(slot, state.options.metrics.clone()),
            ));
        }
        Err(refused) => {
            state.options.metrics.refused(refused);
            if let Ok(permit) = state.refusals.clone().try_acquire_owned() {
                let problem = Problem::new(Code::Overloaded)
                    .detail("Too many connections. Try again later.")
                    .retry_after(1);
                let options = state.options.clone();
                connections.spawn(async move {
                    refusal::send(socket, |request| options.middleware.refuse(problem, request)).await;
                    drop(permit);
                });
            }
        }
    }
}

/// Pauses if the system is out of resources. Errors of a single connection do not end the loop (see accept(2), "Error
/// handling").
async fn back_off(error: &io::Error) {
    let of_one_client = [
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionRefused,
    ];
    if !of_one_client.contains(&error.kind()) {
        tracing::error!(%error, "failed to accept a connection; will retry");
        tokio::time::sleep(BACK_OFF).await;
    }
}

async fn drain(state: &ServerState, mut connections: JoinSet<()>) -> Ended {
    let all = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = all => {}
        () = state.drain_limit() => {}
    }
    let cut = connections.len();
    connections.shutdown().await;
    if cut == 0 { Ended::Drained } else { Ended::Cut(cut) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_comes_with_an_example_that_can_be_used() {
        for (taken, example) in [("127.0.0.1:8000", "127.0.0.1:8001"), ("[::1]:65535", "[::1]:65534")] {
            let taken = taken.parse().unwrap();
            for (asked, option) in [
                (ListenAddress::server(taken), " --listen "),
                (ListenAddress::metrics(taken), " --metrics-listen "),
            ] {
                let said = BindError::InUse(asked).to_string();
                let (_, named) = said.rsplit_once(option).unwrap();
                assert_eq!(named.parse::<SocketAddr>().unwrap(), example.parse().unwrap(), "{said}");
            }
        }
    }
}
