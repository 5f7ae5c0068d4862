//! A proxy between the server and its dependencies that fails on demand.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does to every open and new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Forwards everything.
    None,
    /// Resets them.
    Reset,
    /// Keeps them open and forwards nothing.
    Silence,
    /// Forwards each piece after this delay.
    Delay(Duration),
    /// Forwards this many bytes in each direction, then resets.
    CutAfter(usize),
}

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (fault, following) = watch::channel(Fault::None);
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(connect(client, upstream, following.clone()));
            }
        });
        Self {
            address,
            fault,
            accepting,
        }
    }

    pub(super) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, upstream: SocketAddr, fault: watch::Receiver<Fault>) {
    // A connection always ends at once: the other side sees a reset.
    let _ = client.set_zero_linger();
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = hand_on(from_client, to_server, fault.clone()) => {}
        () = hand_on(from_server, to_client, fault) => {}
    }
}

/// Runs until one side closes, or the fault ends it.
async fn hand_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut fault: watch::Receiver<Fault>) {
    let mut piece = [0; 4096];
    let mut handed_on = 0;
    loop {
        let mut now = *fault.borrow_and_update();
        if now == Fault::Reset {
            return;
        }
        let length = tokio::select! {
            length = from.read(&mut piece) => length.unwrap_or(0),
            changed = fault.changed() => {
                handed_on = 0;
                if changed.is_err() {
                    return;
                }
                continue;
            }
        };
        while now == Fault::Silence {
            if fault.changed().await.is_err() {
                return;
            }
            now = *fault.borrow_and_update();
        }
        if let Fault::Delay(time) = now {
            tokio::time::sleep(time).await;
        }
        let length = match now {
            Fault::Reset => 0,
            Fault::CutAfter(most) => length.min(most.saturating_sub(handed_on)),
            _ => length,
        };
        if length == 0 || to.write_all(&piece[..length]).await.is_err() {
            return;
        }
        handed_on += length;
    }
}
