//! `countersign health`: checks that the configured server is ready. For containers without a shell.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::Failure;
use super::output::Standard;
use crate::settings::Settings;

/// The timeout. Kept short because orchestrators probe often.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn health(settings: &Settings, output: &mut Standard) -> Result<(), Failure> {
    let address = reachable(settings.listen);
    let status = ask(address).map_err(|error| Failure::new(format!("no server responds on {address}: {error}")))?;
    match status.as_str() {
        "200" => Ok(output.done("The server is ready.", &json!({ "ready": true }))?),
        status => Err(Failure::new(format!(
            "the server on {address} is not ready (status {status})"
        ))),
    }
}

/// Returns the IP address and port to connect to: a loopback one if the server listens on all interfaces.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Requests `/readyz` and returns the status code.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut line = [0; 12];
    stream.read_exact(&mut line)?;
    // `HTTP/1.1 200`
    Ok(String::from_utf8_lossy(&line[9..]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_here() {
        for (listen, asked) in [
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:8000", "[::1]:8000"),
            ("10.0.0.1:8000", "10.0.0.1:8000"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
