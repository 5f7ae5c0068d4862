//! The listening socket: bound with a clear word when it cannot be, and accepted from until the server is to stop.

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

/// How long accepting pauses when the system is out of something.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has it.
    #[error("{0} is already in use; stop the other program, or choose another port with --listen")]
    InUse(SocketAddr),
    /// Not for everybody.
    #[error("permission denied to listen on {0}: ports below 1024 are privileged; choose a higher port with --listen")]
    Forbidden(SocketAddr),
    /// Not an address of this machine.
    #[error("{0} is not an IP address of this machine; choose one that is, or 0.0.0.0 for all of them, with --listen")]
    NotHere(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, #[source] io::Error),
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request that had begun was answered.
    Drained,
    /// The time for that ran out, or a second signal came: so many connections were cut.
    Cut(usize),
}

pub(super) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let refused = |error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => BindError::InUse(address),
        ErrorKind::PermissionDenied => BindError::Forbidden(address),
        ErrorKind::AddrNotAvailable => BindError::NotHere(address),
        _ => BindError::Other(address, error),
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Accepts until the server is to stop, then lets the connections end.
pub(super) async fn serve(listener: TcpListener, state: Arc<ServerState>) -> Ended {
    let mut connections = JoinSet::new();
    accept_until_stopped(&listener, &state, &mut connections).await;
    // The system has shaken hands with some whom we have not greeted: closing now would reset them.
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

/// Accepts a connection: gives it a task of its own, or tells it that there is no slot.
///
/// Shedding, not pausing: clients (and the balancer's health check) who would wait in the system's queue behind silent
/// connections learn at once that this node is full.
fn accept(state: &Arc<ServerState>, socket: TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
    // Small answers leave at once, rather than wait for more to say (RFC 896). It fails only when the peer is gone
    // already, which the first read will tell.
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

/// Nothing that can go wrong with one connection ends the loop (see accept(2), "Error handling").
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
