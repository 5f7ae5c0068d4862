//! A real Countersign server for the tests of an application: `countersign dev`, in memory, on a free port.

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

/// How long a server may take to exit.
const PATIENCE: Duration = Duration::from_secs(2);
/// The limits of the test's own requests.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    bytes: 1 << 20,
};

/// A running `countersign dev`. It stops when this value is dropped or its process ends, even after a crash.
///
/// Tests can share one: tokens and sessions do not interfere. A test that moves the clock needs its own.
pub struct DevServer {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    announced: Announced,
    client: HttpClient,
}

/// A user that exists from the start.
#[derive(Clone, Debug, Deserialize)]
pub struct DevUser {
    /// The account's id, `sub` in its tokens.
    pub id: Uuid,
    /// The email address.
    pub email: String,
    /// The password, which is not secret.
    pub password: String,
    /// The scopes that they own, which are also the default of a token.
    pub scopes: Vec<String>,
}

/// The first line of output.
#[derive(Deserialize)]
struct Announced {
    issuer: String,
    users: Vec<DevUser>,
}

impl DevServer {
    /// Starts the program that `COUNTERSIGN_BIN` names, or `countersign` from the `PATH`.
    ///
    /// # Panics
    /// If it does not start; standard error says why.
    pub async fn start() -> Self {
        Self::run(program(), &[]).await
    }

    /// Starts this program with additional arguments, such as `--deterministic-keys`.
    ///
    /// # Panics
    /// If it does not start; standard error says why.
    pub async fn run(program: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        let mut command = Command::new(&program);
        command.args(["dev", "--listen", "127.0.0.1:0", "--json", "--until-stdin-closes"]);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!(
                "{} does not start ({error}); set COUNTERSIGN_BIN, or add countersign to the PATH",
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
                "{} dev did not print its issuer ({ended}): {line:?}",
                program.as_ref().display()
            )
        });
        Self {
            child,
            _stdout: stdout,
            announced,
            // Connections end with the runtime of one test, but the server may serve many.
            client: HttpClient::without_pool(Certificates::none()).expect("TLS is not used"),
        }
    }

    /// Returns the issuer, which is also the server's URL: `http://127.0.0.1:<port>`.
    pub fn issuer(&self) -> &str {
        &self.announced.issuer
    }

    /// Returns Ada, who can read and write products, and Bob, who can read them.
    pub fn users(&self) -> &[DevUser] {
        &self.announced.users
    }

    /// Moves the server's clock forward, for example by `1h` or `15d`. The application's clock is not changed.
    ///
    /// # Panics
    /// If this is not a duration.
    pub async fn advance_clock(&self, by: &str) {
        self.send(Method::POST, "/dev/clock", Some(json!({ "advance": by })))
            .await;
    }

    /// Sets the server's clock, for example to `2027-01-01T00:00:00Z`.
    ///
    /// # Panics
    /// If this is not a time.
    pub async fn set_clock(&self, to: &str) {
        self.send(Method::POST, "/dev/clock", Some(json!({ "to": to }))).await;
    }

    /// Returns the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a request of the test itself, which must succeed, and returns the response.
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
            .unwrap_or_else(|| panic!("{method} {address}: the response was cut off"));
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(status.is_success(), "{method} {address} answered {status}: {text}");
        text
    }
}

impl Drop for DevServer {
    /// Closing its standard input stops the program, which then cleans up.
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
    reason = "the environment of the tests names the program"
)]
fn program() -> OsString {
    std::env::var_os("COUNTERSIGN_BIN").unwrap_or_else(|| "countersign".into())
}

/// Returns the line, empty if the program exited without one. Reading blocks, so a separate thread does it.
#[expect(clippy::disallowed_methods, reason = "once for a server, for a tenth of a second")]
async fn first_line(mut stdout: BufReader<ChildStdout>) -> (String, BufReader<ChildStdout>) {
    let reading = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        let _ = stdout.read_line(&mut line);
        (line, stdout)
    });
    reading.await.expect("reading a line does not panic")
}
