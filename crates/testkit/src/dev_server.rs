//! A real Countersign for the tests of an application: the program `countersign dev`, on a free port, in memory.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use countersign_http_client::{Certificates, HttpClient, Limits};
use http_body_util::Full;
use hyper::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// How long a server may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// How far a request of the test itself may go.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    bytes: 1 << 20,
};

/// A running `countersign dev`. It ends when this value goes, or the process that holds it, however that ends.
///
/// Tests may share one: tokens, and what was done to their sessions, do not get in each other's way. Who moves the
/// clock takes one of their own.
pub struct DevServer {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    announced: Announced,
    client: HttpClient,
}

/// A user who is there from the start.
#[derive(Clone, Debug, Deserialize)]
pub struct DevUser {
    /// The account's id, `sub` in its tokens.
    pub id: Uuid,
    /// The e-mail address.
    pub email: String,
    /// What they sign in with; no secret.
    pub password: String,
    /// What they own, and get if they ask for nothing.
    pub scopes: Vec<String>,
}

/// The first line of the program.
#[derive(Deserialize)]
struct Announced {
    issuer: String,
    users: Vec<DevUser>,
}

impl DevServer {
    /// Starts the program that `COUNTERSIGN_BIN` names, or `countersign` from the `PATH`.
    ///
    /// # Panics
    /// When it does not start; the standard error says why.
    pub async fn start() -> Self {
        Self::run(program(), &[]).await
    }

    /// Starts this program, with further arguments, such as `--deterministic-keys`.
    ///
    /// # Panics
    /// When it does not start; the standard error says why.
    pub async fn run(program: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        let mut command = Command::new(&program);
        command.args(["dev", "--listen", "127.0.0.1:0", "--json", "--until-stdin-closes"]);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!(
                "{} does not start ({error}): set COUNTERSIGN_BIN, or put countersign on the PATH",
                program.as_ref().display()
            )
        });
        let stdout = BufReader::new(child.stdout.take().expect("it was asked for"));
        let (line, stdout) = first_line(stdout).await;
        let announced = serde_json::from_str(&line).unwrap_or_else(|_| {
            let ended = child
                .wait()
                .map_or_else(|error| error.to_string(), |status| status.to_string());
            panic!(
                "{} dev does not say where it is ({ended}): {line:?}",
                program.as_ref().display()
            )
        });
        Self {
            child,
            _stdout: stdout,
            announced,
            // Connections do not outlive the runtime of one test, while the server may serve many.
            client: HttpClient::without_pool(Certificates::none()).expect("TLS is not used"),
        }
    }

    /// The issuer, which is also where the server answers: `http://127.0.0.1:<port>`.
    pub fn issuer(&self) -> &str {
        &self.announced.issuer
    }

    /// Ada, who may read and write products, and Bob, who may read them.
    pub fn users(&self) -> &[DevUser] {
        &self.announced.users
    }

    /// Moves the server's clock forward, by `1h` or `15d`. The clock of the application stays where it is.
    ///
    /// # Panics
    /// When that is no duration.
    pub async fn advance_clock(&self, by: &str) {
        self.send(Method::POST, "/dev/clock", Some(json!({ "advance": by })))
            .await;
    }

    /// Sets the server's clock, to `2027-01-01T00:00:00Z`.
    ///
    /// # Panics
    /// When that is no time.
    pub async fn set_clock(&self, to: &str) {
        self.send(Method::POST, "/dev/clock", Some(json!({ "to": to }))).await;
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the server answers to a request of the test itself, which must be right.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> String {
        let address = format!("{}{path}", self.issuer());
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(&method)
            .uri(&address)
            .header("content-type", "application/json")
            .body(Full::from(body))
            .expect("method and address are of the program");
        let answer = self.client.send(request, LIMITS).await;
        let answer = answer.unwrap_or_else(|error| panic!("{method} {address}: {error}"));
        let status = answer.status;
        let body = answer
            .body
            .unwrap_or_else(|| panic!("{method} {address}: the answer broke off"));
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(status.is_success(), "{method} {address} answered {status}: {text}");
        text
    }
}

impl Drop for DevServer {
    /// Closing its standard input ends the program, which then tidies up.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test waits at its end, for some milliseconds"
    )]
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let began = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says which program is meant"
)]
fn program() -> OsString {
    std::env::var_os("COUNTERSIGN_BIN").unwrap_or_else(|| "countersign".into())
}

/// The line, empty if the program ended without one. Reading waits, so another thread does it.
#[expect(clippy::disallowed_methods, reason = "once for a server, for a tenth of a second")]
async fn first_line(mut stdout: BufReader<ChildStdout>) -> (String, BufReader<ChildStdout>) {
    let reading = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        let _ = stdout.read_line(&mut line);
        (line, stdout)
    });
    reading.await.expect("reading a line does not panic")
}
