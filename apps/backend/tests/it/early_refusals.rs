//! Requests that are rejected before routing: a browser gets a page, and programs get a problem.

use std::net::SocketAddr;
use std::time::Duration;

use countersign_testkit::{Database, Launch, ScratchDatabase, apply, on_both_databases};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::probes::{PATIENCE, until_closed};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");
const PAGE: &str = "content-type: text/html; charset=utf-8\r\n";
const PROBLEM: &str = "content-type: application/problem+json\r\n";

async fn ask(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(head.as_bytes()).await;
    until_closed(&mut stream, PATIENCE).await.expect("it is answered")
}

fn head(target: &str, accept: &str, more: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{more}Accept: {accept}\r\nConnection: close\r\n\r\n")
}

#[track_caller]
fn is(said: &str, (status, kind): (u16, &str)) {
    assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(kind.trim_end()), "{said}");
    let length = format!("content-length: {}", body.len());
    assert!(head.contains(&length), "{length}: {said}");
    assert!(
        head.contains("x-request-id: ") && head.contains("connection: close"),
        "{said}"
    );
    let is_page = kind == PAGE;
    assert_eq!(body.starts_with("<!doctype html>"), is_page, "{said}");
    if is_page {
        assert!(
            head.contains("content-security-policy: default-src 'none'") && head.contains("vary: "),
            "{said}"
        );
        assert!(
            body.contains("<title>") && body.contains("lang=") && !body.contains("\"code\""),
            "{said}"
        );
    }
}

#[apply(on_both_databases!)]
async fn what_never_becomes_a_request_is_a_page_in_a_browser(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_PAGES__NAME", "Ada & <Sons>");
    let server = launch.start().await;
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let cookies = format!("Cookie: a={}\r\n", "x".repeat(20_000));
    let (unnamed, twice) = ("Host\r\n", "Host: b\r\n");
    for (status, more) in [
        (431, &*cookies),
        (400, unnamed),
        (400, twice),
        (400, "Content-Length: x\r\n"),
        (400, "X: y\nZ: y\r\n"),
    ] {
        for target in ["/signin", "/", "/account?x=y", "/nothing"] {
            is(&ask(server.address, &head(target, browser, more)).await, (status, PAGE));
        }
        is(
            &ask(server.address, &head("/api/auth/me", browser, more)).await,
            (status, PROBLEM),
        );
        for accept in ["*/*", "application/json", "text/plain"] {
            is(
                &ask(server.address, &head("/signin", accept, more)).await,
                (status, PROBLEM),
            );
        }
        // The preferences precede the invalid part, and also determine the language.
        let first =
            format!("GET /signin HTTP/1.1\r\nAccept: TEXT/HTML\r\nAccept-Language: de\r\nHost: a\r\n{more}\r\n");
        let said = ask(server.address, &first).await;
        is(&said, (status, PAGE));
        assert!(
            said.contains("lang=\"de\"") && said.contains("content-language: de"),
            "{said}"
        );
    }
    // If nothing is known, the response is a problem.
    for unreadable in [
        "nonsense\r\n\r\n",
        "\u{1}\u{2}\r\n\r\n",
        "GET\r\nAccept: text/html\r\n\r\n",
    ] {
        is(&ask(server.address, unreadable).await, (400, PROBLEM));
    }
    is(
        &ask(
            server.address,
            &format!("GET /{} HTTP/1.1\r\nAccept: text/html\r\n\r\n", "a".repeat(70_000)),
        )
        .await,
        (431, PAGE),
    );
}

#[apply(on_both_databases!)]
async fn a_browser_beyond_capacity_gets_a_page(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "2");
    let server = launch.start().await;
    let mut held = Vec::new();
    let mut seen = String::new();
    // A connection that has just closed may still count, and then one that is to be held is refused: try until two are held,
    // so that all further ones are refused.
    let mut refused = 0;
    for _ in 0..100 {
        if refused == 0 {
            held.push(TcpStream::connect(server.address).await.unwrap());
        }
        seen = ask(server.address, &head("/signin", "text/html", "")).await;
        refused = match seen.starts_with("HTTP/1.1 503 ") {
            true => refused + 1,
            false => 0,
        };
        if refused == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is(&seen, (503, PAGE));
    assert!(seen.contains("retry-after: "), "{seen}");
    is(&ask(server.address, &head("/signin", "*/*", "")).await, (503, PROBLEM));
    is(
        &ask(server.address, &head("/api/auth/me", "text/html", "")).await,
        (503, PROBLEM),
    );
    drop(held);
}
