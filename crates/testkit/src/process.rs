//! The real binary in a separate process on a free port, for what only a process can show.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use axum::http::{Method, Request};
use countersign_http_client::{Certificates, Limits};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::Value;

use crate::{Answer, ScratchDatabase};

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);
/// No limit: tests check durations themselves.
const UNLIMITED: Limits = Limits {
    time: Duration::MAX,
    bytes: usize::MAX,
};

/// A running `countersign serve`. It is killed when this value is dropped.
pub struct ServerProcess {
    child: Child,
    /// `http://127.0.0.1:<port>`.
    pub base: String,
    /// The IP address and port on which it listens.
    pub address: SocketAddr,
}

/// The configuration of a server to start.
pub struct Launch<'a> {
    /// The command: the binary's path, optionally preceded by a wrapper.
    pub command: Vec<String>,
    /// The database and folder.
    pub scratch: &'a ScratchDatabase,
    /// Additional settings as environment variables.
    pub environment: Vec<(&'static str, String)>,
}

/// An HTTP client that keeps its connections open and does not check responses.
#[derive(Clone)]
pub struct HttpClient {
    inner: countersign_http_client::HttpClient,
    base: String,
    forwarded_for: Option<IpAddr>,
}

/// The result of a server that failed to start.
#[derive(Debug)]
pub struct Refusal {
    /// The exit code; `None` if a signal ended it.
    pub exit_code: Option<i32>,
    /// Its output.
    pub text: String,
}

impl<'a> Launch<'a> {
    /// Uses the binary without a wrapper.
    pub fn new(binary: &str, scratch: &'a ScratchDatabase) -> Self {
        Self {
            command: vec![binary.to_owned()],
            scratch,
            environment: Vec::new(),
        }
    }

    /// Adds a setting.
    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((variable, value.into()));
        self
    }

    /// Starts it and waits until it responds.
    pub async fn start(&self) -> ServerProcess {
        let address = free_address();
        let child = self.spawn(address);
        let mut server = ServerProcess {
            child,
            base: format!("http://{address}"),
            address,
        };
        let began = Instant::now();
        while server
            .client()
            .send((Method::GET, "/healthz"), None, "")
            .await
            .is_none()
        {
            if let Some(status) = server.child.try_wait().expect("the process can be asked") {
                panic!("the server ended before it answered: {status}\n{}", self.log());
            }
            assert!(
                began.elapsed() < START_LIMIT,
                "the server does not answer\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server
    }

    /// Starts it where it cannot serve, and waits until it exits.
    pub async fn refused(&self) -> Refusal {
        let before = self.log().len();
        let mut child = self.spawn(free_address());
        let status = end_of(&mut child, START_LIMIT).await;
        let text = self.log().split_off(before);
        let Some(status) = status else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server did not end\n{text}");
        };
        Refusal {
            exit_code: status.code(),
            text,
        }
    }

    /// Returns its output so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.scratch.folder().join("server.log")
    }

    fn spawn(&self, address: SocketAddr) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("a log can be made");
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .arg("serve")
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("COUNTERSIGN_LISTEN", address.to_string())
            .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
            .env("COUNTERSIGN_DATABASE_URL", &self.scratch.url)
            .env("COUNTERSIGN_KEYS_DIR", self.scratch.folder().join("keys"))
            .env("COUNTERSIGN_LIMITS__ENABLED", "false")
            .current_dir(self.scratch.folder())
            .stdin(Stdio::null())
            // The startup message. The log goes to the other stream.
            .stdout(Stdio::null())
            .stderr(log);
        for (variable, value) in &self.environment {
            command.env(variable, value);
        }
        command.spawn().expect("the binary can be started")
    }
}

impl ServerProcess {
    /// Returns a client of this server.
    pub fn client(&self) -> HttpClient {
        HttpClient::of(&self.base)
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL: nothing is flushed.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends SIGTERM and returns the exit status.
    pub fn terminate(mut self) -> ExitStatus {
        self.tell_to_stop();
        self.child.wait().expect("the process ends")
    }

    /// Sends SIGTERM without waiting.
    pub fn tell_to_stop(&self) {
        self.signal("TERM");
    }

    /// Sends this signal, named without `SIG`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(told.expect("kill can be run").success(), "the server had ended already");
    }

    /// Waits for the exit status; `None` if it still runs after `within`, in which case it is killed.
    pub async fn ended(mut self, within: Duration) -> Option<ExitStatus> {
        end_of(&mut self.child, within).await
    }

    /// Returns its resident memory (`VmRSS`) in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        number.and_then(|text| text.parse().ok()).expect("proc(5) says so")
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl HttpClient {
    /// Creates a client of the server at this URL: `http://127.0.0.1:<port>`.
    pub fn of(base: &str) -> Self {
        Self {
            inner: countersign_http_client::HttpClient::new(Certificates::none()).expect("TLS is not used"),
            base: base.to_owned(),
            forwarded_for: None,
        }
    }

    /// Returns a client that sends requests like a proxy on behalf of the client at this IP address.
    pub fn on_behalf_of(&self, address: IpAddr) -> Self {
        Self {
            forwarded_for: Some(address),
            ..self.clone()
        }
    }

    /// Sends a request with a JSON body (`null` for none) and a bearer token (empty for none). `None`: no response.
    pub async fn send(&self, (method, path): (Method, &str), body: Option<&Value>, bearer: &str) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if !bearer.is_empty() {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        if let Some(address) = self.forwarded_for {
            request = request.header("x-forwarded-for", address.to_string());
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        self.exchange(request.body(Full::new(bytes)).expect("the request is one"))
            .await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Option<Answer> {
        let answer = self.inner.send(request, UNLIMITED).await.ok()?;
        let bytes = answer.body?;
        Some(Answer {
            status: answer.status,
            headers: answer.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        })
    }

    /// Sends a GET that the server holds for up to `seconds` while the entity tag still matches.
    pub async fn wait_for_change(&self, path: &str, etag: &str, seconds: u32) -> Option<Answer> {
        let request = Request::get(format!("{}{path}", self.base))
            .header("if-none-match", etag)
            .header("prefer", format!("wait={seconds}"));
        self.exchange(request.body(Full::default()).expect("the request is one"))
            .await
    }

    /// Sends a POST with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        self.send((Method::POST, path), Some(body), "").await
    }

    /// Submits a form of the hosted pages of a server with the default issuer, as a browser with these cookies.
    pub async fn submit(&self, path: &str, cookies: &str, form: &str) -> Option<Answer> {
        let request = Request::post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "http://127.0.0.1:8000")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", cookies);
        let body = Full::new(Bytes::from(form.to_owned()));
        self.exchange(request.body(body).expect("the request is one")).await
    }

    /// Sends a GET with a bearer token.
    pub async fn get_as(&self, path: &str, bearer: &str) -> Option<Answer> {
        self.send((Method::GET, path), None, bearer).await
    }
}

async fn end_of(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    loop {
        let status = child.try_wait().expect("the process can be asked");
        if status.is_some() || began.elapsed() > within {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Returns an unused IP address and port.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("there is a free port")
}
