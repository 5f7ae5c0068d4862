//! Probes that act as a hostile or faulty client over raw sockets. Each takes a socket address and works with any
//! server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Longer than any operation takes on a busy machine; a probe that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The five ways to stall (F-10a): what is sent before the silence. `path` accepts a POST with a body.
pub(crate) fn stalls(path: &str) -> [String; 5] {
    [
        String::new(),
        "GET /he".into(),
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Slow: "),
        format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{{"),
    ]
}

pub(crate) async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    stream
}

/// Connects from another loopback IP address, to appear as another client.
pub(crate) async fn connect_from(source: Ipv4Addr, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

/// Returns everything the server sends before it closes; `None` if it does not close in time.
pub(crate) async fn until_closed(stream: &mut TcpStream, within: Duration) -> Option<String> {
    let mut said = Vec::new();
    // A reset also counts as closing, and what came before it is returned.
    let _ = timeout(within, stream.read_to_end(&mut said)).await.ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}

/// Sends one request and returns everything received until the server closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = send(address, bytes).await;
    until_closed(&mut stream, PATIENCE)
        .await
        .expect("the server closes the connection")
}

/// Reads one complete response, by its Content-Length, from a connection that stays open.
pub(crate) async fn answer(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let mut room = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&said).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap_or("0");
            if body.len() >= length.parse::<usize>().unwrap() {
                return text;
            }
        }
        let read = timeout(PATIENCE, stream.read(&mut room))
            .await
            .expect("an answer")
            .unwrap();
        assert!(read > 0, "closed after {text:?}");
        said.extend_from_slice(&room[..read]);
    }
}

/// Asserts that every stalled connection is closed within `limit`, the longest limit with a margin for a busy machine.
/// Returns how long each was held.
pub(crate) async fn stalls_are_closed(address: SocketAddr, path: &str, limit: Duration) -> Vec<Duration> {
    let mut held = Vec::new();
    for bytes in stalls(path) {
        let began = Instant::now();
        let mut stream = send(address, &bytes).await;
        assert!(
            until_closed(&mut stream, limit).await.is_some(),
            "{bytes:?} is held for ever"
        );
        held.push(began.elapsed());
    }
    held
}

/// Opens `count` silent connections from many IP addresses.
pub(crate) async fn silent_sockets(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let source = Ipv4Addr::new(127, 1, 0, u8::try_from(number / 200 + 1).unwrap());
        held.push(connect_from(source, address).await);
    }
    held
}
